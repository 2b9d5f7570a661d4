// report.js - what report.html does: its tables sort, and pages in it are shown.
"use strict";

// ---- tables: a click on the head of a column, or Enter or Space there, sorts by it: from the least, from the
// greatest, and as the rows were written ----

// what a cell is sorted by: a number if it begins with one, as "99.6%" and "1.2 (0.9 to 1.5)" do; null if it is empty
function key(cell) {
	const text = cell.textContent.trim();
	if (/^[-\u2013\u2014]?$/.test(text))
		return null;
	const number = /^([-+\u2212]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?)(?![\w.:\/-])/i.exec(text);
	return number ? Number(number[1].replace("\u2212", "-")) : text;
}

const words = new Intl.Collator("en", {numeric: true});

// numbers before words
function compare(a, b) {
	if (typeof a !== typeof b)
		return typeof a === "number" ? -1 : 1;
	return typeof a === "number" ? a - b : words.compare(a, b);
}

// The name of a head of a network is no number: 2.10 comes after 2.9.
function keys(rows, column, name) {
	return new Map(rows.map(row => {
		const k = key(row.cells[column]);
		return [row, name === "head" && k !== null ? row.cells[column].textContent.trim() : k];
	}));
}

function sortable(table) {
	const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells], written = [...body.rows];

	function sort(head, column) {
		const next = {ascending: "descending", descending: null}[head.getAttribute("aria-sort")];
		const order = next === undefined ? "ascending" : next;
		for (const other of heads)
			other.removeAttribute("aria-sort");
		const rows = [...written], key = keys(rows, column, head.textContent.trim());
		if (order) {
			head.setAttribute("aria-sort", order);
			const sign = order === "ascending" ? 1 : -1;
			rows.sort((a, b) => {
				const x = key.get(a), y = key.get(b);
				if (x === null || y === null) // they stand last
					return (x === null) - (y === null);
				return sign * compare(x, y);
			});
		}
		body.append(...rows);
	}

	heads.forEach((head, column) => {
		const values = written.map(row => key(row.cells[column])).filter(k => k !== null);
		if (values.length && values.every(k => typeof k === "number"))
			for (const cell of [head, ...written.map(row => row.cells[column])])
				cell.classList.add("number");
		const button = document.createElement("button");
		button.type = "button";
		button.append(...head.childNodes);
		if (!head.textContent.trim() && !button.textContent.trim())
			button.setAttribute("aria-label", "column " + (column + 1));
		head.append(button);
		head.addEventListener("click", () => sort(head, column)); // the whole cell, and the button by keys
	});
}

for (const table of document.querySelectorAll("table"))
	if (table.tHead && table.tBodies.length && table.tBodies[0].rows.length > 1)
		sortable(table);

// ---- pages: each is data behind its frame. It opens in a tab of its own, too, by the link before the frame ----

for (const frame of document.querySelectorAll("iframe")) {
	const bytes = Uint8Array.from(atob(frame.nextElementSibling.textContent), c => c.charCodeAt(0));
	const address = URL.createObjectURL(new Blob([bytes], {type: "text/html"}));
	frame.src = address;
	frame.previousElementSibling.href = address;
}
