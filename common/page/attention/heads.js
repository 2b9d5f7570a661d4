/* heads.js - the heads, as small pictures, and what is known of them. */

/* ---- heads ---- */

let measures = []; /* what can be shown beside a head: {name, table, column, chance} */

function findMeasures() {
	const add = (table, prefix) => table && table.columns.forEach((column, i) => measures.push({
		name: prefix + column, table, column: i, chance: table.chance ? table.chance[i] : null}));
	add(about.scores, "");
	add(about.bySpan, "to ");
}

/* What a measure says of a head; null: nothing. */
const measureOf = ({table, column}, name) => table.heads[name]?.[column] ?? null;

/* Pictures are drawn when they come into sight. */
const drawn = new WeakSet();
const sight = new IntersectionObserver((entries) => {
	for (const entry of entries)
		if (entry.isIntersecting)
			drawThumbnail(entry.target);
}, {rootMargin: "200px"});

function buildHeads() {
	const grid = $("heads"), small = about.heads > 8;
	grid.style.setProperty("--heads", about.heads);
	grid.replaceChildren(make("span", "axis", ""));
	for (let head = 0; head < about.heads; head++)
		grid.append(make("span", "axis top", String(head)));
	for (const head of text.heads.values()) {
		if (head.head === 0)
			grid.append(make("span", "axis", small ? String(head.layer) : `layer ${head.layer}`));
		const canvas = document.createElement("canvas");
		canvas.dataset.picture = head.name;
		const button = make("button", "head", canvas, make("span", "measure", ""));
		button.type = "button";
		button.dataset.head = head.name;
		button.tabIndex = -1;
		button.title = `Head ${head.name}`;
		button.disabled = head.rows === 0;
		grid.append(button);
		sight.observe(canvas);
	}
	const missing = text.heads.size - filled().length;
	$("heads-note").textContent = filled().length === 0 ? "The data has no rows of this text." :
		missing ? `The data has ${filled().length} of the model's ${text.heads.size} heads.` : "";
}

/* Names, chosen ones, and what is beside them. */
function paintHeads() {
	const set = new Set(view.heads), measure = measures.find((one) => one.name === view.measure);
	let most = 0;
	if (measure)
		for (const name of text.heads.keys())
			most = Math.max(most, measureOf(measure, name) || 0);
	const last = view.heads[view.heads.length - 1];
	for (const button of $("heads").querySelectorAll("button")) {
		const name = button.dataset.head, value = measure ? measureOf(measure, name) : null;
		button.setAttribute("aria-pressed", String(set.has(name)));
		button.tabIndex = name === last ? 0 : -1;
		const label = button.lastChild;
		label.textContent = measure ? (value === null ? "–" : value.toFixed(2)) :
			about.heads > 8 ? "" : name;
		label.hidden = !measure && about.heads > 8;
		label.style.setProperty("--share", value && most ? `${100 * value / most}%` : "0%");
		button.setAttribute("aria-label", `Head ${name}` +
			(value === null ? "" : `, ${measure.name} ${value.toFixed(3)}`));
	}
	const all = view.heads.length > 1 && view.heads.length === filled().length;
	$("all-heads").setAttribute("aria-pressed", String(all));
	$("heads").classList.toggle("all", all);
	paintScores();
}

/* What is known of the chosen heads. */
function paintScores() {
	const names = view.heads.slice(0, 8);
	if (measures.length === 0 || names.length === 0) {
		$("scores").replaceChildren();
		return;
	}
	const tables = [];
	for (const [table, title] of [[about.scores, "Scores"], [about.bySpan, "Attention by span"]]) {
		if (!table)
			continue;
		const element = make("table", "", make("caption", "", title));
		element.createTHead().append(make("tr", "", make("th", "", "head"),
			...table.columns.map((column) => make("th", "", column))));
		const body = element.createTBody();
		const line = (name, row) => make("tr", "", make("td", "", name),
			...table.columns.map((_, i) =>
				make("td", "", row && typeof row[i] === "number" ? shown(row[i]) : "–")));
		for (const name of names)
			body.append(line(name, table.heads[name]));
		if (table.chance) {
			const chance = line("chance", table.chance);
			chance.className = "chance";
			body.append(chance);
		}
		tables.push(element);
	}
	$("scores").replaceChildren(...tables);
}

/* Choose a head. how: "one", "toggle", or "range" from the head chosen last. */
function chooseHead(name, how) {
	const last = view.heads[view.heads.length - 1];
	if (how === "toggle") {
		if (view.heads.includes(name) && view.heads.length > 1)
			view.heads = view.heads.filter((other) => other !== name);
		else if (!view.heads.includes(name))
			view.heads.push(name);
	} else if (how === "range" && last) {
		const names = filled().map((head) => head.name);
		const [from, to] = [names.indexOf(last), names.indexOf(name)].sort((a, b) => a - b);
		const range = new Set([...view.heads, ...names.slice(from, to + 1)]);
		range.delete(name);
		view.heads = [...range, name];
	} else {
		view.heads = [name];
	}
	headsChanged();
}

/* Choose the head that is `by` after the one chosen last. */
function stepHead(by, keep) {
	const names = filled().map((head) => head.name);
	const at = names.indexOf(view.heads[view.heads.length - 1]);
	if (names.length === 0)
		return;
	const name = names[clamp(at + by, 0, names.length - 1)];
	if (keep)
		view.heads = [...view.heads.filter((other) => other !== name), name];
	else
		view.heads = [name];
	headsChanged();
	document.querySelector(`button[data-head="${name}"]`)
		.scrollIntoView({block: "nearest", inline: "nearest"});
}

function chooseAll() {
	view.heads = filled().map((head) => head.name);
	headsChanged();
}

function chooseLayer() {
	const last = text.heads.get(view.heads[view.heads.length - 1]);
	if (last)
		view.heads = filled().filter((head) => head.layer === last.layer).map((head) => head.name);
	headsChanged();
}

/* ---- pictures of matrices ---- */

/* A picture of rows, a pixel for `block` by `block` numbers, of which it shows the largest.
 * rowOf(row) is a list of row + 1 numbers, or null. */
function picture(rowOf, rows, block) {
	const size = Math.max(1, Math.ceil(rows / block)), bytes = scales[theme()].attention.bytes;
	const image = new ImageData(size, size), line = new Int16Array(size);
	for (let y = 0; y < size; y++) {
		line.fill(-1);
		for (let row = y * block; row < Math.min(rows, (y + 1) * block); row++) {
			const values = rowOf(row);
			if (!values)
				continue;
			const most = view.scale === "one" ? 1 : maxOf(values)[0];
			for (let column = 0; column <= row; column++) {
				const x = block === 1 ? column : Math.floor(column / block);
				line[x] = Math.max(line[x], Math.round(255 * Math.min(1, values[column] / most)));
			}
		}
		for (let x = 0, at = 4 * y * size; x < size; x++, at += 4) {
			if (line[x] < 0)
				continue;
			image.data[at] = bytes[3 * line[x]];
			image.data[at + 1] = bytes[3 * line[x] + 1];
			image.data[at + 2] = bytes[3 * line[x] + 2];
			image.data[at + 3] = 255;
		}
	}
	return image;
}

/* The rows of one head, for a picture. */
function rowsOf(head) {
	let values = new Float32Array(0);
	return (row) => {
		if (!head.has(row))
			return null;
		values = values.length > row ? values : new Float32Array(2 * row + 64);
		const list = values.subarray(0, row + 1), at = head.offset[row];
		for (let column = 0; column <= row; column++)
			list[column] = head.bytes[at + column] / head.sum[row];
		return list;
	};
}

function drawThumbnail(canvas) {
	const head = text.heads.get(canvas.dataset.picture);
	if (!head || head.rows === 0 || drawn.has(canvas))
		return;
	drawn.add(canvas);
	const width = Math.max(32, canvas.clientWidth * devicePixelRatio);
	const image = picture(rowsOf(head), text.rowCount, Math.ceil(text.rowCount / width));
	canvas.width = canvas.height = image.width;
	canvas.getContext("2d").putImageData(image, 0, 0);
}

/* Draw the pictures anew: those in sight at once, the others when they come into sight. */
function redrawThumbnails() {
	for (const canvas of $("heads").querySelectorAll("canvas")) {
		drawn.delete(canvas);
		sight.unobserve(canvas);
		sight.observe(canvas);
	}
}
