/* control.js - pointing and keys, and what follows from them. */

/* ---- when something changes ---- */

/* The current token, or the second one. */
function tokenChanged() {
	if (text.length === 0) {
		$("readout").textContent = "This text has no tokens.";
		$("targets").replaceChildren();
		return;
	}
	paintText();
	paintLegends();
	paintReadout();
	paintSteps();
	drawMatrixSoon();
}
const tokenChangedSoon = eachFrame(() => text && tokenChanged());

function headsChanged() {
	matrix.image = null;
	$("matrix-title").textContent = headsName();
	paintHeads();
	tokenChanged();
	noteAddress();
}

/* Colours, direction. */
function lookChanged() {
	for (const button of document.querySelectorAll("button[data-set]")) {
		const [name, value] = button.dataset.set.split("=");
		button.setAttribute("aria-pressed", String(view[name] === value));
	}
	$("measure").value = view.measure;
	tintColours = new Map();
	redrawThumbnails();
	headsChanged();
}

function set(name, value) {
	view[name] = value;
	if (name === "direction")
		view.second = -1;
	lookChanged();
	announce();
}

/* ---- pointing and keys ---- */

/* Where the current token may be: what is pinned stays, and the second one moves. */
function point(i) {
	if (view.pinned)
		view.second = i;
	else
		[view.token, view.second] = [i, -1];
	matrix.pointed = null;
	tokenChangedSoon();
}

function pin(i) {
	if (view.pinned && view.token === i) {
		view.pinned = false;
		view.second = -1;
	} else {
		[view.token, view.second, view.pinned] = [i, -1, true];
	}
	tokenChanged();
	announce();
	noteAddress();
}

function unpin() {
	view.pinned = false;
	view.second = -1;
	tokenChanged();
	noteAddress();
}

/* The token that the arrows move, and where they move it. */
const moving = () => view.pinned && view.second >= 0 ? view.second : view.token;

function move(to) {
	point(clamp(to, 0, text.length - 1));
	tokenChanged();
	const element = tokenElements[moving()];
	element.scrollIntoView({block: "nearest"});
	if (!view.pinned || document.activeElement.classList.contains("t"))
		(view.pinned ? tokenElements[view.token] : element).focus({preventScroll: true});
	announce();
	noteAddress();
}

/* The token above (by -1) or below (by 1) another one on the screen. */
function lineStep(from, by) {
	const start = tokenElements[from].getBoundingClientRect();
	const middle = (start.left + start.right) / 2;
	let best = -1, distance = Infinity, line = null;
	for (let i = from + by; i >= 0 && i < text.length; i += by) {
		const box = tokenElements[i].getBoundingClientRect();
		if (Math.abs(box.top - start.top) < start.height / 2)
			continue;
		line = line ?? box.top;
		if (Math.abs(box.top - line) > start.height / 2)
			break;
		const off = Math.abs((box.left + box.right) / 2 - middle);
		if (off < distance)
			[best, distance] = [i, off];
	}
	return best < 0 ? from : best;
}

/* In the matrix, arrows move the place that is read out. */
function moveInMatrix(down, right) {
	const place = matrixEnds(), box = $("matrix"), cell = cellSize();
	const row = clamp((place.row < 0 ? 0 : place.row) + down, 0, text.rowCount - 1);
	const column = clamp((place.column < 0 ? 0 : place.column) + right, 0, row);
	goTo({row, column}, true);
	matrix.pointed = null;
	if (matrix.cell) {
		const keep = (at, scroll, size) =>
			clamp(scroll, (at + 2) * cell - (size - matrix.margin), (at - 1) * cell);
		box.scrollTop = keep(row, box.scrollTop, box.clientHeight);
		box.scrollLeft = keep(column, box.scrollLeft, box.clientWidth);
	}
	tokenChanged();
	announce();
	noteAddress();
}

function stepRecord(by) {
	const count = blocks("record").length, to = clamp(view.record + by, 0, count - 1);
	if (to !== view.record)
		show(to);
}

const keys = {
	ArrowLeft: (m) => m ? moveInMatrix(0, -1) : move(moving() - 1),
	ArrowRight: (m) => m ? moveInMatrix(0, 1) : move(moving() + 1),
	ArrowUp: (m) => m ? moveInMatrix(-1, 0) : move(lineStep(moving(), -1)),
	ArrowDown: (m) => m ? moveInMatrix(1, 0) : move(lineStep(moving(), 1)),
	Home: () => move(0),
	End: () => move(text.length - 1),
	Enter: () => pin(view.token),
	" ": () => pin(view.token),
	Escape: unpin,
	r: () => set("direction", view.direction === "to" ? "by" : "to"),
	s: () => set("scale", view.scale === "row" ? "one" : "row"),
	c: () => text.generation &&
		set("colour", view.colour === "attention" ? "probability" : "attention"),
	"[": () => stepHead(-1, false),
	"]": () => stepHead(1, false),
	"{": () => stepHead(-1, true),
	"}": () => stepHead(1, true),
	m: chooseAll,
	l: chooseLayer,
	"+": () => zoom(1.5),
	"=": () => zoom(1.5),
	"-": () => zoom(1 / 1.5),
	"0": () => zoom(0),
	z: (m) => (m ? tokenElements[view.token] : $("matrix")).focus(),
	b: () => stepRecord(-1),
	n: () => stepRecord(1),
	"?": () => $("help").showModal(),
};

function onKey(event) {
	const {target} = event;
	if (event.ctrlKey || event.altKey || event.metaKey || !text || $("help").open)
		return;
	if (target.closest("select"))
		return;
	const press = event.key === "Enter" || event.key === " ";
	const button = target.closest("button");
	if (button && press)
		return; /* it is the button's */
	if (button && button.dataset.head && event.key.startsWith("Arrow")) {
		const by = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -about.heads,
			ArrowDown: about.heads}[event.key];
		const buttons = [...$("heads").querySelectorAll("button")];
		const to = buttons[buttons.indexOf(button) + by];
		if (to && !to.disabled)
			to.focus();
		event.preventDefault();
		return;
	}
	const action = Object.hasOwn(keys, event.key) ? keys[event.key] : null;
	if (!action || (text.length === 0 && !"bn?".includes(event.key)))
		return;
	event.preventDefault();
	action(target.closest("#matrix") !== null);
}

function listen() {
	const tokenOf = (event) => {
		const element = event.target.closest("[data-token]");
		return element ? Number(element.dataset.token) : -1;
	};
	$("text").addEventListener("pointerover", (event) => {
		if (tokenOf(event) >= 0)
			point(tokenOf(event));
	});
	$("text").addEventListener("pointerleave", () => {
		if (view.pinned && view.second >= 0)
			point(-1);
	});
	$("text").addEventListener("click", (event) => {
		if (tokenOf(event) >= 0)
			pin(tokenOf(event));
	});
	$("text").addEventListener("focusin", (event) => {
		const i = tokenOf(event);
		if (i >= 0 && !view.pinned && i !== view.token)
			point(i);
	});
	$("targets").addEventListener("click", (event) => {
		if (tokenOf(event) >= 0)
			move(tokenOf(event));
	});

	$("heads").addEventListener("click", (event) => {
		const button = event.target.closest("button[data-head]");
		if (button)
			chooseHead(button.dataset.head, event.ctrlKey || event.metaKey ? "toggle" :
				event.shiftKey ? "range" : "one");
	});
	$("heads").addEventListener("keydown", (event) => {
		/* With a key held, a browser makes no click of a press. */
		const button = event.target.closest("button[data-head]");
		const press = event.key === "Enter" || event.key === " ";
		if (button && press && (event.ctrlKey || event.shiftKey)) {
			event.preventDefault();
			chooseHead(button.dataset.head, event.ctrlKey ? "toggle" : "range");
		}
	});
	$("all-heads").addEventListener("click", chooseAll);
	$("measure").addEventListener("change", () => {
		view.measure = $("measure").value;
		paintHeads();
		noteAddress();
	});

	$("matrix").addEventListener("scroll", drawMatrixSoon);
	$("matrix").addEventListener("pointermove", (event) => {
		const at = matrixAt(event);
		if (view.pinned && !at)
			return;
		matrix.pointed = at;
		if (at && !view.pinned)
			goTo(at, false);
		else if (at)
			view.second = view.direction === "to" ? at.column : at.row;
		tokenChangedSoon();
	});
	$("matrix").addEventListener("pointerleave", () => {
		matrix.pointed = null;
		drawMatrixSoon();
	});
	$("matrix").addEventListener("click", (event) => {
		const at = matrixAt(event);
		if (!at)
			return;
		goTo(at, true);
		matrix.pointed = null;
		tokenChanged();
		announce();
		noteAddress();
	});
	$("matrix").addEventListener("wheel", (event) => {
		if (!event.ctrlKey)
			return;
		event.preventDefault();
		zoom(event.deltaY < 0 ? 1.25 : .8);
	}, {passive: false});
	$("zoom-in").addEventListener("click", () => zoom(1.5));
	$("zoom-out").addEventListener("click", () => zoom(1 / 1.5));
	$("zoom-fit").addEventListener("click", () => zoom(0));

	for (const button of document.querySelectorAll("button[data-set]"))
		button.addEventListener("click", () => set(...button.dataset.set.split("=")));
	$("help-open").addEventListener("click", () => $("help").showModal());
	$("record").addEventListener("change", () => show($("record").selectedIndex));
	$("previous-record").addEventListener("click", () => stepRecord(-1));
	$("next-record").addEventListener("click", () => stepRecord(1));

	document.addEventListener("keydown", onKey);
	addEventListener("hashchange", () => {
		const from = readAddress();
		if (from.record >= 0 && from.record !== view.record) {
			show(from.record, from);
		} else {
			applyAddress(from);
			lookChanged();
		}
	});
	new ResizeObserver(() => {
		if (!text || text.rowCount === 0)
			return;
		if (!matrix.cell)
			matrix.image = null;
		drawMatrixSoon();
	}).observe($("matrix"));
	darkness.addEventListener("change", () => text && lookChanged());
	addEventListener("beforeprint", () => {
		printing = true;
		document.documentElement.classList.add("paper");
		lookChanged();
		$("heads").querySelectorAll("canvas").forEach(drawThumbnail);
		drawMatrix();
	});
	addEventListener("afterprint", () => {
		printing = false;
		document.documentElement.classList.remove("paper");
		lookChanged();
	});
}
