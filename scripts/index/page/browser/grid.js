"use strict";
// The picture: torch down, CUDA across, for one DeepSpeed, Python and system. One cell is in the tab order; arrows move.

/** Draws the picture of the choice's slice. `choose(choice)` is called for a click, Enter or Space. */
function showGrid(model, choice, choose) {
  const rows = [...model.axes.torch].reverse();
  const columns = model.axes.cuda;
  const cellOf = (torch, cuda) => ({ ...choice, torch, cuda });
  const head = make("tr", { role: "row" }, make("th", { role: "columnheader", scope: "col" }, "torch"),
    columns.map((cuda) => make("th", { role: "columnheader", scope: "col" }, cuda === "cpu" ? "CPU" : cudaVersion(cuda))));
  const body = rows.map((torch) => make("tr", { role: "row" }, make("th", { role: "rowheader", scope: "row" }, torch),
    columns.map((cuda) => gridCell(model, cellOf(torch, cuda), choice))));
  const table = make("table", { role: "grid", class: "grid", "aria-labelledby": "matrix-heading" }, make("thead", { role: "rowgroup" }, head), make("tbody", { role: "rowgroup" }, body));
  const cells = [...table.querySelectorAll("td")];
  const start = cells.find((cell) => cell.getAttribute("aria-selected") === "true") || cells[0];
  if (start) start.tabIndex = 0;
  const pick = (cell) => choose(cellOf(cell.dataset.torch, cell.dataset.cuda));
  table.addEventListener("click", (event) => event.target.closest("td") && pick(event.target.closest("td")));
  table.addEventListener("keydown", (event) => onKey(event, cells, columns.length, pick));
  table.addEventListener("focusin", (event) => event.target.tagName === "TD" && explain(model, cellOf(event.target.dataset.torch, event.target.dataset.cuda)));
  const picture = byId("picture");
  const scrolled = picture.scrollLeft;
  picture.replaceChildren(table);
  picture.scrollLeft = scrolled;
  if (start) reveal(picture, start);
  explain(model, choice);
  legend(model, rows, columns, cellOf);
}

/** Scrolls the picture, and never the page, until the cell is in it. */
function reveal(picture, cell) {
  const left = picture.querySelector("tbody th").offsetWidth + 8;
  if (cell.offsetLeft - picture.scrollLeft < left) picture.scrollLeft = cell.offsetLeft - left;
  const right = cell.offsetLeft + cell.offsetWidth + 8 - picture.clientWidth;
  if (picture.scrollLeft < right) picture.scrollLeft = right;
}

function gridCell(model, cell, choice) {
  const { state } = model.stateOf(cell);
  const [mark, word] = WORDS[state];
  const selected = cell.torch === choice.torch && cell.cuda === choice.cuda;
  const name = `${named("torch", cell.torch)}, ${named("cuda", cell.cuda)}: ${word.toLowerCase()}`;
  return make("td", { role: "gridcell", class: state, tabindex: -1, "aria-selected": String(selected), "aria-label": name, title: name, "data-torch": cell.torch, "data-cuda": cell.cuda }, mark);
}

function onKey(event, cells, width, pick) {
  const at = cells.indexOf(event.target);
  if (at < 0) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    pick(event.target);
    return;
  }
  const first = at - (at % width);
  const moves = {
    ArrowLeft: Math.max(first, at - 1), ArrowRight: Math.min(first + width - 1, at + 1),
    ArrowUp: at - width, ArrowDown: at + width,
    Home: event.ctrlKey ? 0 : first, End: event.ctrlKey ? cells.length - 1 : first + width - 1,
  };
  const next = cells[moves[event.key]];
  if (!next) return;
  event.preventDefault();
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

/** Says under the picture what a cell is and why. */
function explain(model, choice) {
  const { state, text } = model.stateOf(choice);
  byId("cell").replaceChildren(make("b", {}, `${named("torch", choice.torch)}, ${named("cuda", choice.cuda)}: ${WORDS[state][1].toLowerCase()}. `),
    ...coded(text.split("\n")[0] || WORDS[state][2]), " ", make("a", { href: "#answer" }, state === "published" ? "Its line" : "The nearest"));
}

function legend(model, rows, columns, cellOf) {
  const counts = {};
  for (const torch of rows) for (const cuda of columns) {
    const { state } = model.stateOf(cellOf(torch, cuda));
    counts[state] = (counts[state] || 0) + 1;
  }
  const shown = Object.entries(WORDS).filter(([state]) => state !== "unplanned" || counts.unplanned);
  byId("legend").replaceChildren(...shown.map(([state, [mark, word]]) =>
    make("li", {}, make("span", { class: `mark ${state}`, "aria-hidden": "true" }, mark), ` ${word} `, make("b", {}, String(counts[state] || 0)))));
}

/** Puts the focus back on the chosen cell after the picture was drawn again. */
function focusGrid() {
  const cell = byId("picture").querySelector("td[tabindex='0']");
  if (cell) cell.focus();
}
