/* readout.js - what is said of the current token. */

/* ---- the read-out ---- */

const token = (i) => make("span", "token", ...pieceNodes(text.piece(i)));

/* A token and where it is: its number, and its span. */
function place(i) {
	const name = text.spanName(i);
	return [token(i), make("span", "quiet", ` token ${i}${name ? ", " + name : ""}`)];
}

function headsName() {
	const count = view.heads.length;
	if (count === 0)
		return "No head";
	if (count === 1)
		return `Head ${view.heads[0]}`;
	if (count === filled().length)
		return `Mean of all ${count} heads`;
	return `Mean of ${count} heads` + (count <= 6 ? `: ${view.heads.join(", ")}` : "");
}

function paintReadout() {
	const readout = $("readout"), values = currentValues(), {row, column} = ends(values);
	const there = row >= 0 && column >= 0 && column <= row;
	const value = there ? meanValue(row, column) : NaN;
	let sum = 0;
	for (const number of values || [])
		sum += number;
	Object.assign(readout.dataset, {row, column, value: isNaN(value) ? "" : value,
		sum: values ? sum : "", heads: view.heads.join(",")});

	const lines = [];
	if (view.direction === "to" && !values) {
		lines.push(make("p", "", ...place(view.token), ": it has no row here."));
	} else if (row < 0 || column < 0) {
		lines.push(make("p", "", ...place(view.token), ": nothing attends to it."));
	} else if (column > row) {
		lines.push(make("p", "", ...place(column), " comes after ", ...place(row)));
	} else if (isNaN(value)) {
		lines.push(make("p", "", ...place(row), ": it has no row here."));
	} else {
		lines.push(make("p", "", "from ", ...place(row)), make("p", "", "to ", ...place(column)));
	}
	const next = view.direction === "to" && view.token + 1 < text.length ?
		[", before ", token(view.token + 1)] : [];
	if (values)
		lines.push(make("p", "quiet", `${headsName()}, in all ${shown(sum)}`, ...next));
	else
		lines.push(make("p", "quiet", headsName()));
	readout.replaceChildren(make("div", "number", isNaN(value) ? "–" : shown(value)),
		make("div", "", ...lines));
	paintTargets(values);
}

/* The words around a token, with the token itself set off. */
function around(i, width) {
	const from = Math.max(0, i - width), to = Math.min(text.length, i + width + 1);
	const nodes = [];
	for (let k = from; k < to; k++) {
		const string = pieceString(text.piece(k));
		nodes.push(k === i ? make("b", "", string) : string);
	}
	return nodes;
}

/* The largest numbers, the largest first. */
function largest(values, count) {
	const found = [];
	for (let i = 0; i < values.length; i++) {
		if (!values[i] || (found.length === count && values[i] <= values[found[count - 1]]))
			continue;
		let at = found.length;
		while (at > 0 && values[i] > values[found[at - 1]])
			at--;
		found.splice(at, 0, i);
		found.length = Math.min(found.length, count);
	}
	return found;
}

/* A bar, as long as a share of its cell. */
function bar(share) {
	const cell = make("td", "bar", make("i"));
	cell.firstChild.style.width = `${100 * clamp(share, 0, 1)}%`;
	return cell;
}

function paintTargets(values) {
	const found = values ? largest(values, 6) : [], most = values?.[found[0]];
	if (found.length === 0) {
		$("targets").replaceChildren();
		return;
	}
	const table = make("table", "bars"), body = make("tbody");
	table.append(make("caption", "", view.direction === "to" ? "It attends most to" :
		"Most attention to it comes from"), body);
	for (const i of found) {
		const line = make("tr", "", make("td", "n", shown(values[i])),
			bar(values[i] / (view.scale === "one" ? 1 : most)), make("td", "n quiet", String(i)),
			make("td", "around", ...around(i, text.at ? 4 : 9)),
			make("td", "quiet", text.spanName(i)));
		line.dataset.token = i;
		body.append(line);
	}
	$("targets").replaceChildren(table);
}

/* Say the read-out to who listens: after a key or a click, not while a pointer moves. */
function announce() {
	const {row, column} = ends(currentValues()), {value} = $("readout").dataset;
	const say = (i) => `${pieceString(text.piece(i))}, token ${i}, ${text.spanName(i)}`;
	$("live").textContent = value === "" ? $("readout").textContent :
		`${headsName()}: ${shown(Number(value))} from ${say(row)}, to ${say(column)}` +
		(view.pinned ? "; pinned" : "");
}

/* ---- probabilities ---- */

/* A token's candidates, and what the lens says after each layer. */
function stepCard(i, title) {
	const step = text.steps.get(i), card = make("div");
	card.append(make("h3", "", title, ...place(i)));
	if (!step) {
		card.append(make("p", "note", "No probability was asked for here."));
		return card;
	}
	card.append(make("p", "quiet", `p ${shown(step.p)}, ` + (step.rank === 0 ? "the likeliest" :
		`${step.rank} likelier`) + `, entropy ${step.entropy.toFixed(2)} nats`));
	const body = make("tbody"), own = pieceString(text.piece(i));
	for (const [piece, p] of step.top)
		body.append(make("tr", "", make("td", "n", shown(p)), bar(p),
			make("td", "", make("span", "token", ...pieceNodes(piece))),
			make("td", "quiet", pieceString(piece) === own ? "this token" : "")));
	if (step.top.length)
		card.append(make("table", "bars", body));
	if (step.lens) {
		const lines = make("tbody");
		step.lens.forEach(([p, rank, , , top], layer) => lines.append(make("tr", "",
			make("td", "n quiet", String(layer)), make("td", "n", shown(p)), bar(p),
			make("td", "", top.length ? make("span", "token", ...pieceNodes(top[0][0])) : ""),
			make("td", "n quiet", top.length ? shown(top[0][1]) : ""))));
		card.append(make("table", "bars", make("caption", "",
			"This token's probability after so many layers, and the likeliest then"), lines));
	}
	return card;
}

function paintSteps() {
	if (!text.generation)
		return;
	const cards = [stepCard(view.token, "Here ")];
	if (view.token + 1 < text.length)
		cards.push(stepCard(view.token + 1, "Next "));
	$("steps").replaceChildren(...cards);
}

/* Was the answer right? */
function paintVerdict() {
	const place = $("verdict"), {generation} = text;
	place.replaceChildren();
	if (!generation)
		return;
	const string = (piece) => pieceString(piece ?? "");
	if (generation.verdict) {
		const {right, given, want} = generation.verdict;
		place.className = right ? "right" : "wrong";
		place.textContent = right ? `✓ right: ${string(given)}` :
			`✗ wrong: ${string(given)}, not ${string(want)}`;
		return;
	}
	/* Of a text that was scored: is each token of the answer the likeliest? */
	const answer = text.spans.find((span) => span[2] === "answer");
	if (!answer || !generation.scored)
		return;
	let first = 0, count = 0;
	for (let i = answer[0]; i < answer[1]; i++) {
		count += text.steps.has(i);
		first += text.steps.has(i) && text.steps.get(i).rank === 0;
	}
	if (count === 0)
		return;
	place.className = first === count ? "right" : "wrong";
	place.textContent = (first === count ? "✓" : "✗") +
		` answer: ${first} of ${count} tokens are the likeliest`;
}
