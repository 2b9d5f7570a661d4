/* view.js - what is seen now, and the address that names it. */

/* ---- the view ---- */

let about; /* what the page is about */
let text; /* the text that is shown */
let loaded = 0; /* counts the texts that were asked for, so that a late one is dropped */

const view = {
	record: 0,
	heads: [], /* names of the chosen heads */
	token: 0, /* the current one */
	pinned: false,
	second: -1, /* the other end; -1: none */
	direction: "to", /* or "by" */
	scale: "row", /* or "one" */
	colour: "attention", /* or "probability" */
	measure: "", /* what is shown beside each head */
};

/* The mean of the chosen heads in a row: a number for each column; null if none has the row. */
function meanRow(row) {
	const heads = chosen().filter((head) => head.has(row));
	if (heads.length === 0)
		return null;
	const mean = new Float32Array(row + 1);
	for (const head of heads) {
		const at = head.offset[row], share = 1 / (head.sum[row] * heads.length);
		for (let column = 0; column <= row; column++)
			mean[column] += head.bytes[at + column] * share;
	}
	return mean;
}

/* The same in a column: a number for each row; 0 where there is none. */
function meanColumn(column) {
	const mean = new Float32Array(text.length);
	for (let row = column; row < text.rowCount; row++)
		mean[row] = meanValue(row, column) || 0;
	return mean;
}

/* The same at one place; NaN if no chosen head has the row. */
function meanValue(row, column) {
	let sum = 0, count = 0;
	for (const head of chosen()) {
		if (!head.has(row))
			continue;
		sum += head.value(row, column);
		count++;
	}
	return sum / count;
}

const chosen = () => view.heads.map((name) => text.heads.get(name));

/* All heads that have rows. */
const filled = () => [...text.heads.values()].filter((head) => head.rows > 0);

/* What the current token attends to, or what attends to it: a number for each token of the text, or
 * null if it has no row. */
function currentValues() {
	return view.direction === "to" ? meanRow(view.token) : meanColumn(view.token);
}

/* The two ends of what the read-out says. The second token is the one that is pointed at, or else
 * that with the largest number. */
function ends(values) {
	let second = view.second;
	if (second < 0 && values) {
		second = 0;
		for (let i = 1; i < values.length; i++)
			if (values[i] > values[second])
				second = i;
		if (!values[second])
			second = -1;
	}
	return view.direction === "to" ? {row: view.token, column: second} :
		{row: second, column: view.token};
}

/* ---- the address ---- */

/* Take a view from the fragment. It may be anybody's: what is not part of this page is dropped. */
function readAddress() {
	const fields = new URLSearchParams(location.hash.slice(1));
	const number = (name, end) => {
		const value = fields.get(name) ?? "";
		return /^\d{1,9}$/.test(value) && Number(value) < end ? Number(value) : -1;
	};
	const word = (name, words) => words.includes(fields.get(name)) ? fields.get(name) : null;
	return {
		record: number("record", blocks("record").length),
		heads: fields.get("heads") === "all" ? "all" : (fields.get("heads") ?? "").split(",")
			.filter((name) => /^\d{1,5}\.\d{1,5}$/.test(name)),
		token: number("token", 1e9),
		pinned: fields.get("pin") === "1",
		second: number("second", 1e9),
		direction: word("direction", ["to", "by"]),
		scale: word("scale", ["row", "one"]),
		colour: word("colour", ["attention", "probability"]),
		measure: fields.get("measure"),
	};
}

/* Put the view into the fragment, so that the address is a link to it. */
function writeAddress() {
	const all = filled().length;
	const parts = [`record=${view.record}`,
		`heads=${all > 1 && view.heads.length === all ? "all" : view.heads.join(",")}`,
		`token=${view.token}`];
	if (view.pinned)
		parts.push("pin=1");
	if (view.pinned && view.second >= 0)
		parts.push(`second=${view.second}`);
	if (view.direction !== "to")
		parts.push(`direction=${view.direction}`);
	if (view.scale !== "row")
		parts.push(`scale=${view.scale}`);
	if (view.colour !== "attention")
		parts.push(`colour=${view.colour}`);
	if (view.measure)
		parts.push(`measure=${encodeURIComponent(view.measure)}`);
	const address = "#" + parts.join("&");
	if (location.hash === address)
		return;
	try {
		history.replaceState(null, "", address);
	} catch (error) {
		/* A page inside another one may not change its address. */
	}
}

/* A browser takes few changes of the address a second. */
let addressTimer = 0;
function noteAddress() {
	clearTimeout(addressTimer);
	addressTimer = setTimeout(writeAddress, 250);
}

/* Take over a view that was read from the address, as far as this text has what it names. */
function applyAddress(from) {
	if (from.direction)
		view.direction = from.direction;
	if (from.scale)
		view.scale = from.scale;
	if (from.colour)
		view.colour = from.colour;
	if (measures.some((measure) => measure.name === from.measure))
		view.measure = from.measure;
	const names = from.heads === "all" ? filled().map((head) => head.name) :
		from.heads.filter((name) => text.heads.has(name) && text.heads.get(name).rows > 0);
	if (names.length)
		view.heads = [...new Set(names)];
	if (from.token >= 0 && from.token < text.length) {
		view.token = from.token;
		view.pinned = from.pinned;
		view.second = from.pinned && from.second < text.length ? from.second : -1;
	}
}
