/* matrix.js - the chosen head, or the mean of several, at full size. */

const matrix = {
	cell: 0, /* pixels of a number; 0: as large as fits */
	image: null, /* of all numbers, or of blocks of them, as a canvas */
	block: 1,
	margin: 0, /* left and above, where tokens stand */
	pointed: null, /* {row, column} */
};

/* What fits. */
function fitCell() {
	const box = $("matrix");
	return Math.min(box.clientWidth - matrix.margin, box.clientHeight - matrix.margin) /
		Math.max(1, text.rowCount);
}

const cellSize = () => matrix.cell || fitCell();

/* Characters of a token on an axis at most. */
const labelLength = 12;

/* The longest token gives the margin: 13 px high, a character is 7.83 px wide. */
function measureMargin() {
	let longest = 1;
	for (const piece of text.pieces)
		longest = Math.max(longest, pieceString(piece).length);
	matrix.margin = Math.round(Math.max(8 + Math.min(longest, labelLength) * 7.9, 22));
}

/* Make the picture anew: after heads, scale or theme have changed. */
function makeMatrix() {
	const block = Math.max(Math.ceil(text.rowCount / 4096),
		Math.floor(1 / (cellSize() * devicePixelRatio)), 1);
	const image = picture(meanRow, text.rowCount, block);
	matrix.block = block;
	matrix.image = document.createElement("canvas");
	matrix.image.width = matrix.image.height = image.width;
	matrix.image.getContext("2d").putImageData(image, 0, 0);
}

/* Draw what is in sight: the picture, tokens on both axes, and the place that is read out. */
function drawMatrix() {
	const box = $("matrix"), canvas = $("matrix-canvas"), ratio = devicePixelRatio;
	$("matrix-panel").hidden = text.rowCount === 0;
	if (text.rowCount === 0)
		return;
	const width = box.clientWidth, height = box.clientHeight, cell = cellSize(), {margin} = matrix;
	const whole = Math.ceil(margin + cell * text.rowCount);
	const space = $("matrix-space").style;
	space.width = space.height = `${matrix.cell ? whole : Math.min(width, height) - 1}px`;
	const wide = Math.round(width * ratio), high = Math.round(height * ratio);
	if (canvas.width !== wide || canvas.height !== high) {
		canvas.width = wide;
		canvas.height = high;
		canvas.style.width = `${width}px`;
		canvas.style.height = `${height}px`;
	}
	if (!matrix.image)
		makeMatrix();
	const context = canvas.getContext("2d"), style = getComputedStyle(document.body);
	const colour = {ink: style.getPropertyValue("--ink"), quiet: style.getPropertyValue("--quiet"),
		card: style.getPropertyValue("--card"), accent: style.getPropertyValue("--accent")};
	context.setTransform(ratio, 0, 0, ratio, 0, 0);
	context.clearRect(0, 0, width, height);

	const left = margin - box.scrollLeft, top = margin - box.scrollTop;
	context.save();
	context.beginPath();
	context.rect(margin, margin, width - margin, height - margin);
	context.clip();
	context.imageSmoothingEnabled = cell * ratio < 1;
	const side = matrix.image.width * matrix.block * cell;
	context.drawImage(matrix.image, left, top, side, side);
	drawCross(context, left, top, cell, colour);
	context.restore();
	drawAxes(context, left, top, cell, width, height, colour);
}

/* Lines at the row and the column that are read out. */
function drawCross(context, left, top, cell, colour) {
	const {row, column} = matrixEnds();
	context.strokeStyle = colour.accent;
	context.lineWidth = 1;
	context.globalAlpha = .8;
	const line = (x, y, w, h) => context.strokeRect(x - .5, y - .5, w + 1, h + 1);
	if (row >= 0)
		line(left, top + row * cell, Math.max(1, cell) * (row + 1), Math.max(1, cell));
	if (column >= 0)
		line(left + column * cell, top + column * cell, Math.max(1, cell),
			Math.max(1, cell) * (text.rowCount - column));
	context.globalAlpha = 1;
}

/* Tokens beside the matrix, if there is room; those that are read out in any case; and spans. */
function drawAxes(context, left, top, cell, width, height, colour) {
	const {margin} = matrix, {row, column} = matrixEnds();
	const first = (from) => Math.max(0, Math.floor((margin - from) / cell));
	const end = (from, size) => Math.min(text.rowCount, Math.ceil((size - from) / cell));
	context.fillStyle = colour.card;
	context.fillRect(0, 0, width, margin);
	context.fillRect(0, 0, margin, height);
	drawBands(context, left, top, cell, width, height);

	const size = clamp(Math.floor(cell) - 1, 9, 13);
	const font = `px ui-monospace, "DejaVu Sans Mono", monospace`;
	const all = cell >= 9;
	context.textBaseline = "middle";
	const label = (i, across, strong) => {
		const at = (across ? left : top) + (i + .5) * cell;
		if (at < margin || at > (across ? width : height))
			return;
		const string = pieceString(text.piece(i));
		const short = string.length > labelLength ?
			string.slice(0, labelLength - 1) + "…" : string;
		context.font = (strong ? "bold " + Math.max(11, size) : size) + font;
		context.save();
		if (across) {
			context.translate(at, margin - 7);
			if (matrix.margin > 24)
				context.rotate(-Math.PI / 2);
			context.textAlign = matrix.margin > 24 ? "left" : "center";
		} else {
			context.translate(margin - 7, at);
			context.textAlign = "right";
		}
		if (strong) {
			const box = context.measureText(short).width + 4, tall = 15;
			const x = {left: -2, center: -box / 2, right: 2 - box}[context.textAlign];
			context.fillStyle = colour.accent;
			context.fillRect(x, -tall / 2, box, tall);
			context.fillStyle = colour.card;
		} else {
			context.fillStyle = colour.quiet;
		}
		context.fillText(short, 0, 0);
		context.restore();
	};
	if (all) {
		for (let i = first(left); i < end(left, width); i++)
			label(i, true, false);
		for (let i = first(top); i < end(top, height); i++)
			label(i, false, false);
	}
	if (column >= 0)
		label(column, true, true);
	if (row >= 0)
		label(row, false, true);
	context.fillStyle = colour.card;
	context.fillRect(0, 0, margin - 5, margin - 5);
}

/* Spans as coloured bands along both axes. */
function drawBands(context, left, top, cell, width, height) {
	const {margin} = matrix;
	for (let i = 0; i < text.spans.length; i++) {
		const [begin, end, kind] = text.spans[i];
		if (begin >= text.rowCount)
			break;
		context.fillStyle = tintColour(kind);
		const band = (from, size, fill) => {
			const a = Math.max(margin, from + begin * cell + .5);
			const b = Math.min(size, from + Math.min(end, text.rowCount) * cell - .5);
			if (b > a)
				fill(a, b - a);
		};
		band(left, width, (at, length) => context.fillRect(at, margin - 4, length, 3));
		band(top, height, (at, length) => context.fillRect(margin - 4, at, 3, length));
	}
}

/* The colour that the style gives to a kind of span. */
let tintColours = new Map();
function tintColour(kind) {
	if (!tintColours.has(kind)) {
		const probe = make("i");
		probe.dataset.tint = tintOf(kind);
		document.body.append(probe);
		tintColours.set(kind, getComputedStyle(probe).getPropertyValue("--kind"));
		probe.remove();
	}
	return tintColours.get(kind);
}

/* What the matrix marks: the place that the pointer is at, or what the read-out says. */
function matrixEnds() {
	return matrix.pointed || ends(currentValues());
}

const drawMatrixSoon = eachFrame(drawMatrix);

/* Make cells larger or smaller, and keep the place that is read out where it is. */
function zoom(by) {
	const box = $("matrix"), before = cellSize(), {row, column} = matrixEnds();
	const fit = fitCell();
	let after = by === 0 ? 0 : clamp(before * by, fit, Math.max(24, 3 * fit));
	if (after <= fit * 1.01)
		after = 0;
	matrix.cell = after;
	matrix.image = matrix.block > 1 || !after ? null : matrix.image;
	drawMatrix();
	const cell = cellSize(), centre = (i, scroll, size) => {
		const at = i >= 0 ? i : (scroll + (size - matrix.margin) / 2) / before;
		return at * cell - (size - matrix.margin) / 2;
	};
	box.scrollTop = centre(row, box.scrollTop, box.clientHeight);
	box.scrollLeft = centre(column, box.scrollLeft, box.clientWidth);
	drawMatrix();
}

/* The row and the column at a place of the window; null outside the matrix. */
function matrixAt(event) {
	const box = $("matrix"), frame = $("matrix-canvas").getBoundingClientRect(), cell = cellSize();
	const x = event.clientX - frame.left, y = event.clientY - frame.top;
	if (x < matrix.margin || y < matrix.margin)
		return null;
	const column = Math.floor((x - matrix.margin + box.scrollLeft) / cell);
	const row = Math.floor((y - matrix.margin + box.scrollTop) / cell);
	return row < text.rowCount && column <= row ? {row, column} : null;
}

/* Make a place of the matrix the current one. */
function goTo({row, column}, pin) {
	[view.token, view.second] = view.direction === "to" ? [row, column] : [column, row];
	view.pinned = pin;
}
