/* look.js - how texts and numbers look: pieces of text, colours, legends. */

/* ---- pieces of text on the screen ---- */

const blanks = {"\\s": "·", "\\n": "↵", "\\t": "⇥"};

/* What a piece shows, as nodes: plain text, and escapes in a style of their own. */
function pieceNodes(piece) {
	const parts = typeof piece === "string" ? [piece] : piece;
	const nodes = [];
	parts.forEach((part, i) => {
		if (part === "")
			return;
		if (i % 2 === 0)
			nodes.push(document.createTextNode(part));
		else if (blanks[part])
			nodes.push(make("i", "blank", blanks[part]));
		else
			nodes.push(make("i", "escape", part));
	});
	return nodes.length ? nodes : [make("i", "escape", "∅")];
}

/* The same as one string, for labels. */
function pieceString(piece) {
	if (typeof piece === "string")
		return piece === "" ? "∅" : piece;
	return piece.map((part, i) => i % 2 && blanks[part] ? blanks[part] : part).join("");
}

const endsLine = (piece) => typeof piece !== "string" && piece.length >= 3 &&
	piece[piece.length - 1] === "" && piece[piece.length - 2] === "\\n";

/* ---- colours ----
 *
 * Colour-blind readers tell these scales by their lightness, which only rises or only falls. On
 * white, attention is GnBu and surprise YlOrBr (C. Brewer, ColorBrewer 2.0, nine classes). On
 * black, attention is cividis (J. Nuñez, C. Anderton, R. Renslow, PLOS ONE 2018), which was made
 * for them, and surprise YlOrBr from its dark end. */

const controlPoints = {
	light: {
		attention: "f7fcf0 e0f3db ccebc5 a8ddb5 7bccc4 4eb3d3 2b8cbe 0868ac 084081",
		surprise: "ffffe5 fff7bc fee391 fec44f fe9929 ec7014 cc4c02 993404 662506",
	},
	dark: {
		attention: "00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 e1cc55 fee838",
		surprise: "2b1206 662506 993404 cc4c02 ec7014 fe9929 fec44f fee391 ffffe5",
	},
};

/* How light a colour is, from 0 to 1: the relative luminance of WCAG 2. */
function luminance(colour) {
	const [red, green, blue] = colour.map((c) => c / 255)
		.map((c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
	return .2126 * red + .7152 * green + .0722 * blue;
}

/* 256 colours between control points: their bytes, and what CSS calls them and writes on them. */
function makeScale(points) {
	const colours = points.split(" ").map((hex) =>
		[0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16)));
	const scale = {bytes: new Uint8Array(256 * 3), css: [], ink: []};
	for (let i = 0; i < 256; i++) {
		const at = i / 255 * (colours.length - 1);
		const left = Math.min(Math.floor(at), colours.length - 2);
		const colour = colours[left].map((c, k) =>
			Math.round(c + (colours[left + 1][k] - c) * (at - left)));
		scale.bytes.set(colour, 3 * i);
		scale.css.push(`rgb(${colour.join(" ")})`);
		/* From here on, black has more contrast than white. */
		scale.ink.push(luminance(colour) > .179 ? "#000000" : "#ffffff");
	}
	return scale;
}

const scales = {};
for (const theme of ["light", "dark"])
	scales[theme] = {attention: makeScale(controlPoints[theme].attention),
		surprise: makeScale(controlPoints[theme].surprise)};

const darkness = matchMedia("(prefers-color-scheme: dark)");
let printing = false;
const theme = () => darkness.matches && !printing ? "dark" : "light";

/* Where a value is on a scale, 0 to 255, if `most` is at its end. */
const level = (value, most) => most > 0 ? clamp(Math.round(value / most * 255), 0, 255) : 0;

/* ---- legends ---- */

function drawLegend(place, scale, from, to, what) {
	const canvas = document.createElement("canvas");
	canvas.width = 256;
	canvas.height = 1;
	const context = canvas.getContext("2d"), image = context.createImageData(256, 1);
	for (let i = 0; i < 256; i++)
		image.data.set([...scale.bytes.subarray(3 * i, 3 * i + 3), 255], 4 * i);
	context.putImageData(image, 0, 0);
	canvas.setAttribute("aria-hidden", "true");
	place.replaceChildren(what ? make("span", "", what) : "", make("span", "", from), canvas,
		make("span", "", to));
}

function paintLegends() {
	const scale = scales[theme()];
	if (view.colour === "probability") {
		drawLegend($("text-legend"), scale.surprise, "1", "0", "probability");
	} else {
		const values = currentValues(), most = values ? maxOf(values)[0] : 0;
		drawLegend($("text-legend"), scale.attention, "0",
			view.scale === "one" ? "1" : `${shown(most)}, the largest`, "attention");
	}
	drawLegend($("matrix-legend"), scale.attention, "0",
		view.scale === "one" ? "1" : "largest of its row", "");
}
