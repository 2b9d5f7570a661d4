/* start.js - from the data to the first view. */

/* The heads to begin with: the one that looks the answer up best, if that is known; else all. */
function firstHeads() {
	const measure = measures.find((one) => one.name === "to next") ??
		measures.find((one) => one.name === "induction");
	const heads = filled();
	if (!measure)
		return heads.map((head) => head.name);
	const value = (head) => measureOf(measure, head.name) ?? 0;
	const best = heads.reduce((found, head) => value(head) > value(found) ? head : found, heads[0]);
	return best ? [best.name] : [];
}

/* The token to begin with: the one before the answer, in whose row the answer is looked up. */
function firstToken() {
	const answer = text.spans.find((span) => span[2] === "answer");
	const rows = (i) => filled().some((head) => head.has(i));
	if (answer && answer[0] > 0 && rows(answer[0] - 1))
		return answer[0] - 1;
	for (let i = text.rowCount - 1; i >= 0; i--)
		if (rows(i))
			return i;
	return Math.max(0, text.length - 1);
}

/* Show a text of the page, and the view that an address names. */
async function show(record, from) {
	const turn = ++loaded;
	const next = new Text(await unpackJson(blocks("record", record)[0]), about);
	for (const block of blocks("generation", record))
		next.readGeneration(await unpackJson(block), Number(block.dataset.same));
	for (const block of blocks("heads", record))
		next.readHeads(block, await unpack(block));
	if (turn !== loaded)
		return;
	const names = view.heads;
	text = next;
	view.record = record;
	view.heads = names.filter((name) => text.heads.get(name).rows > 0);
	if (view.heads.length === 0)
		view.heads = firstHeads();
	[view.token, view.pinned, view.second] = [firstToken(), false, -1];
	matrix.pointed = null;
	if (from)
		applyAddress(from);
	$("record").selectedIndex = record;
	$("previous-record").disabled = record === 0;
	$("next-record").disabled = record === $("record").length - 1;
	$("colours").hidden = $("steps-panel").hidden = !text.generation;
	if (!text.generation)
		view.colour = "attention";
	$("status").hidden = true;
	document.querySelector("main").hidden = false;
	buildText();
	buildHeads();
	measureMargin();
	paintVerdict();
	paintNotes();
	lookChanged();
	drawMatrix();
	document.documentElement.dataset.ready = "1";
}

function paintNotes() {
	const notes = [], {generation} = text;
	if (generation && text.steps.size < generation.steps.length)
		notes.push(`${generation.steps.length - text.steps.size} of ${generation.steps.length} ` +
			"probabilities are not shown, because the generation goes on with another text.");
	if (text.rowCount < text.length && text.rowCount > 0)
		notes.push(`Tokens from ${text.rowCount} on have no row.`);
	$("text-note").textContent = notes.join(" ");
	$("text-note").hidden = notes.length === 0;
}

function buildPage(end) {
	const string = (piece) => pieceString(piece ?? "");
	const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;
	const model = [string(about.directory),
		`${count(about.layers, "layer")} of ${count(about.heads, "head")}`];
	if (about.parameters)
		model.push(`${about.parameters.toLocaleString("en")} parameters`);
	$("model").textContent = model.filter((part) => part && part !== "∅").join(" · ");
	const command = make("code", "", about.chain.map(string).join(" | "));
	$("about").append(
		make("p", "", "Each number is kept in a byte, and each row sums to exactly 1. No number " +
			`differs from attn-dump's by more than ${end.error.toFixed(4)}; the limit is 1/255.`),
		make("p", "", "Made by ", command));

	const records = blocks("record");
	records.forEach((block, i) => {
		const sample = Number(block.dataset.sample);
		$("record").append(make("option", "", `text ${block.dataset.id}` +
			(sample ? `, sample ${sample}` : "") + `: ${string(end.names[i])}`));
	});
	$("records").hidden = records.length < 2;
	$("measures").hidden = measures.length === 0;
	$("measure").append(new Option("names", ""),
		...measures.map(({name}) => new Option(name, name)));
	if (measures.length)
		view.measure = (measures.find((one) => one.name === "to next") ??
			measures.find((one) => one.name === "induction") ?? measures[0]).name;
}

async function start() {
	about = await unpackJson(blocks("about")[0]);
	findMeasures();
	buildPage(await unpackJson(blocks("end")[0]));
	listen();
	const from = readAddress();
	await show(Math.max(0, from.record), from);
}

start().catch((error) => {
	$("status").textContent = `The page cannot be shown: ${error.message}. It needs a browser ` +
		"of 2023 or later.";
	throw error;
});
