/* text.js - the text, as tokens in the colours of their numbers. */

let tokenElements = [];
let painted = []; /* what each token is coloured with, so that few change */
const marked = {current: null, second: null};

/* Colours for kinds of spans, in the order in which kinds appear. */
const tints = new Map();
function tintOf(kind) {
	if (!tints.has(kind))
		tints.set(kind, Math.min(tints.size, 5));
	return tints.get(kind);
}

function buildText() {
	const lines = [];
	let line = make("div"), holder = line, span = -1;
	tokenElements = new Array(text.length);
	painted = new Array(text.length).fill(-1);
	const someRowless = filled().some((head) => head.rows < text.rowCount);
	for (let i = 0; i < text.length; i++) {
		if (text.spanOf[i] !== span || holder === null) {
			span = text.spanOf[i];
			holder = line;
			if (span >= 0) {
				holder = make("span", "span");
				holder.dataset.label = i === text.spans[span][0] ? spanLabel(text.spans[span]) : "";
				holder.dataset.kind = text.spans[span][2];
				holder.dataset.tint = tintOf(text.spans[span][2]);
				holder.title = spanLabel(text.spans[span]);
				line.append(holder);
			}
		}
		const token = make("span", "t", ...pieceNodes(text.piece(i)));
		token.dataset.token = i;
		token.tabIndex = -1;
		token.setAttribute("role", "option");
		token.setAttribute("aria-selected", "false");
		if (someRowless && !filled().some((head) => head.has(i)))
			token.classList.add("rowless");
		tokenElements[i] = token;
		holder.append(token);
		if (endsLine(text.piece(i)) || line.childNodes.length > 2000) {
			lines.push(line);
			line = make("div");
			holder = null;
		} else if (text.piece(i).length === 3 && text.piece(i)[1] === "\\s") {
			holder.append(document.createElement("wbr"));
		}
	}
	lines.push(line);
	$("text").classList.toggle("long", text.length > 3000);
	$("text").classList.toggle("pieces", Boolean(text.at));
	$("text").replaceChildren(...lines);
	marked.current = marked.second = null;
}

/* How strongly each token is coloured: levels, or -1 for none. */
function textLevels() {
	const levels = new Int16Array(text.length).fill(-1);
	if (view.colour === "probability") {
		for (const [token, step] of text.steps)
			levels[token] = level(1 - step.p, 1);
		return {levels, scale: scales[theme()].surprise};
	}
	const values = currentValues();
	if (values) {
		const most = view.scale === "one" ? 1 : Math.max(...maxOf(values));
		for (let i = 0; i < values.length; i++)
			if (values[i] > 0)
				levels[i] = level(values[i], most);
	}
	return {levels, scale: scales[theme()].attention};
}

/* The largest of numbers, in a list: Math.max() takes no long ones. */
function maxOf(values) {
	let most = 0;
	for (const value of values)
		most = Math.max(most, value);
	return [most];
}

function paintText() {
	const {levels, scale} = textLevels();
	const key = view.colour + theme();
	for (let i = 0; i < levels.length; i++) {
		const now = levels[i] < 0 ? -1 : key + levels[i];
		if (painted[i] === now)
			continue;
		painted[i] = now;
		const style = tokenElements[i].style;
		style.backgroundColor = levels[i] < 0 ? "" : scale.css[levels[i]];
		style.color = levels[i] < 0 ? "" : scale.ink[levels[i]];
	}
	mark("current", view.token);
	mark("second", view.pinned ? view.second : -1);
}

/* Put a mark on a token, and take it off the last one that had it. */
function mark(kind, token) {
	const old = marked[kind], element = token < 0 ? null : tokenElements[token];
	if (old) {
		old.classList.remove(kind, "pinned");
		if (kind === "current") {
			old.tabIndex = -1;
			old.setAttribute("aria-selected", "false");
		}
	}
	marked[kind] = element;
	if (!element)
		return;
	element.classList.add(kind);
	if (kind === "current") {
		element.tabIndex = 0;
		element.classList.toggle("pinned", view.pinned);
		element.setAttribute("aria-selected", String(view.pinned));
	}
}
