/* data.js - the data that the page carries. This is the first part of the page's script: the
 * Makefile puts the parts together.
 *
 * attention_page.h says what the blocks of data are. Nothing of them becomes markup: every text
 * goes in as textContent. Nothing is loaded, and nothing is sent.
 *
 * Words: a row is a query, the token that the model has just read; a column is a key, a token that
 * it attends to. In direction "to" the current token is a row, in direction "by" it is a column.
 * The second token, if there is one, is the other end.
 */
"use strict";

/* ---- small helpers ---- */

const $ = (id) => document.getElementById(id);

/* A new element of a class, with text and children in it. */
function make(tag, className, ...content) {
	const element = document.createElement(tag);
	if (className)
		element.className = className;
	element.append(...content);
	return element;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/* A number from 0 to 1 as the page shows it: what a byte keeps is not worth a fourth digit. What is
 * small is not shown as nothing. */
const shown = (value) => value > 0 && value < .0005 ? "<0.001" : value.toFixed(3);

/* Call a function at the next frame, however often it is asked for until then. */
function eachFrame(call) {
	let waiting = false;
	return () => {
		if (waiting)
			return;
		waiting = true;
		requestAnimationFrame(() => {
			waiting = false;
			call();
		});
	};
}

/* ---- the data ---- */

/* The bytes of a block: base64, then gzip. */
async function unpack(block) {
	const text = block.textContent;
	let packed;
	if (Uint8Array.fromBase64) {
		packed = Uint8Array.fromBase64(text);
	} else {
		const binary = atob(text);
		packed = new Uint8Array(binary.length);
		for (let i = 0; i < binary.length; i++)
			packed[i] = binary.charCodeAt(i);
	}
	const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
	return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpackJson(block) {
	return JSON.parse(new TextDecoder().decode(await unpack(block)));
}

const blocks = (kind, record) => [...document.querySelectorAll(
	`script[data-block="${kind}"]` + (record === undefined ? "" : `[data-record="${record}"]`))];

/* One head over one text. Rows may be missing. */
class Head {
	constructor(layer, head) {
		this.layer = layer;
		this.head = head;
		this.name = `${layer}.${head}`;
		this.bytes = null; /* of all rows */
		this.offset = new Int32Array(0); /* of each row in bytes; -1: there is no such row */
		this.sum = new Uint16Array(0); /* of the bytes of each row */
		this.rows = 0; /* how many there are */
	}

	/* Take the head from a block, at a byte. Returns the byte behind it. */
	read(bytes, at) {
		const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		const runs = [];
		for (let count = view.getUint32(at, true); count > 0; count--, at += 8)
			runs.push([view.getUint32(at + 4, true), view.getUint32(at + 8, true)]);
		at += 4;
		const last = runs.length ? runs[runs.length - 1] : [0, 0];
		this.bytes = bytes;
		this.offset = new Int32Array(last[0] + last[1]).fill(-1);
		this.sum = new Uint16Array(this.offset.length);
		for (const [first, count] of runs) {
			for (let row = first; row < first + count; row++) {
				this.offset[row] = at;
				for (const end = at + row + 1; at < end; at++)
					this.sum[row] += bytes[at];
				this.rows++;
			}
		}
		return at;
	}

	has(row) {
		return row < this.offset.length && this.offset[row] >= 0;
	}

	value(row, column) {
		return column > row ? 0 : this.bytes[this.offset[row] + column] / this.sum[row];
	}
}

/* One text and its heads. */
class Text {
	constructor(json, about) {
		this.pieces = json.pieces;
		this.tokens = json.tokens;
		this.length = json.tokens.length;
		this.at = json.at;
		this.spans = json.spans;
		this.heads = new Map(); /* by name, in the order of layers and heads */
		for (let layer = 0; layer < about.layers; layer++)
			for (let head = 0; head < about.heads; head++)
				this.heads.set(`${layer}.${head}`, new Head(layer, head));
		this.spanOf = new Int32Array(this.length).fill(-1);
		this.spans.forEach(([begin, end], i) => this.spanOf.fill(i, begin, end));
		this.steps = new Map(); /* by token: what a generation says of it */
		this.rowCount = 0; /* rows up to the last one of any head */
	}

	/* Take the heads of a block. */
	readHeads(block, bytes) {
		let at = 0;
		for (const number of block.dataset.heads.split(",")) {
			const head = this.heads.get(`${block.dataset.layer}.${number}`);
			at = head.read(bytes, at);
			this.rowCount = Math.max(this.rowCount, head.offset.length);
		}
	}

	/* Take a generation's steps, as far as its text is this one. */
	readGeneration(json, same) {
		let token = 0;
		this.generation = json;
		for (const [at, p, rank, entropy, rest, top, lens] of json.steps) {
			while (token < this.length && this.characterOf(token) < at)
				token++;
			if (at >= same || token === this.length)
				break;
			this.steps.set(token++, {p, rank, entropy, rest, top, lens});
		}
	}

	characterOf(token) {
		return this.at ? this.at[token] : token;
	}

	piece(token) {
		return this.pieces[this.tokens[token]];
	}

	/* "answer 2": the span that a token is in, or "". */
	spanName(token) {
		const span = this.spans[this.spanOf[token]];
		return span ? spanLabel(span) : "";
	}
}

function spanLabel([, , kind, entry]) {
	return entry < 0 ? kind : `${kind} ${entry}`;
}
