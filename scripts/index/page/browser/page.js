"use strict";
// The page itself: one choice, which the address, the form, the answer and the picture all show.

const KEYS = ["platform", "py", "torch", "cuda", "deepspeed", "gpu"]; // as the selectors of `invoke plan`
const MOST_ASKED = 200; // characters of a value in a link; a target's id has fewer than 70
const model = new Model(globalThis.wheels);
let choice = {};

function start() {
  choice = fromAddress();
  byId("chooser").hidden = false;
  byId("matrix").hidden = false;
  byId("setup").addEventListener("change", (event) => choose({ ...choice, [event.target.name]: event.target.value }));
  byId("slice").addEventListener("change", (event) => choose({ ...choice, [event.target.name]: event.target.value }));
  for (const form of [byId("setup"), byId("slice")]) form.addEventListener("submit", (event) => event.preventDefault());
  byId("pasted").addEventListener("input", (event) => onPasted(event.target.value));
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.addEventListener("click", () => copyFrom(button, byId(button.dataset.copy).textContent));
  }
  addEventListener("popstate", () => show((choice = fromAddress())));
  show(choice);
  document.documentElement.dataset.ready = "true";
}

/** Takes a choice: the address remembers it, so that a link keeps it and Back goes back. */
function choose(next, inGrid) {
  choice = next;
  history.pushState(null, "", "?" + new URLSearchParams(KEYS.filter((key) => choice[key]).map((key) => [key, choice[key]])));
  say(show(choice));
  if (inGrid) focusGrid();
}

function show(choice) {
  fillSelects(choice);
  const answer = showAnswer(model, choice, (next) => { choose(next); byId("answer").focus(); });
  showGrid(model, choice, (next) => choose(next, true));
  document.title = `DeepSpeed ${choice.deepspeed} for ${nameOf(choice)}`;
  return answer;
}

// ---------------------------------------------------------------- from outside

function fromAddress() {
  const asked = new URLSearchParams(location.search);
  const named = asked.get("id") ? readEnvironment(asked.get("id").slice(0, MOST_ASKED), []).fixed : {};
  const fixed = {};
  for (const key of KEYS) if (asked.get(key)) fixed[key] = spelled(key, asked.get(key).slice(0, MOST_ASKED));
  return complete({ ...named, ...fixed });
}

/** Links may hold what users type for `invoke plan`: 12.4 or cu124, cp311 or 3.11, windows or win_amd64, 2.6.1 or 2.6. */
function spelled(key, value) {
  if (key === "cuda" && /^\d+\.\d$/.test(value)) return "cu" + value.replace(".", "");
  if (key === "py") return value.replace(/^cp3(\d+)/, "3.$1");
  if (key === "torch") return minorOf(value);
  if (key === "platform") return { windows: "win_amd64", linux: "linux_x86_64" }[value] || value;
  return value;
}

/** The fixed part of a choice, with the newest that fits for the rest. */
function complete(fixed) {
  const guess = /Windows/.test(navigator.userAgent) ? "win_amd64" : /Linux/.test(navigator.userAgent) ? "linux_x86_64" : "win_amd64";
  const newest = Object.fromEntries(AXES.map((axis) => [axis, model.axes[axis].at(-1)]));
  return { ...newest, gpu: "", ...model.best(fixed, { platform: guess }) };
}

function onPasted(text) {
  if (!text.trim()) {
    byId("understood").textContent = "";
    return;
  }
  const { fixed, heard, doubts } = readEnvironment(text, model.data.gpus);
  if (!heard.length) {
    const nothing = "Nothing about Python, torch or CUDA was found in that. Paste what the line above printed.";
    byId("understood").textContent = [nothing, ...doubts].join(" ");
    return;
  }
  byId("understood").textContent = ["Understood: " + heard.join(", ") + ".", ...doubts].join(" ");
  choose(complete(fixed));
}

// ---------------------------------------------------------------- the form

function fillSelects(choice) {
  for (const select of document.querySelectorAll("#setup select, #slice select")) {
    const axis = select.name;
    const options = axis === "gpu" ? gpuOptions() : axisOptions(axis, choice);
    select.replaceChildren(...options.map(([value, text]) => make("option", { value, selected: value === (choice[axis] || "") }, text)));
  }
}

function axisOptions(axis, choice) {
  const values = model.axes[axis].includes(choice[axis]) ? model.axes[axis] : [...model.axes[axis], choice[axis]];
  const ordered = axis === "platform" || axis === "cuda" ? values : [...values].reverse();
  return ordered.map((value) => [value, label(axis, value) + (value === choice[axis] ? "" : hint(model.stateOf({ ...choice, [axis]: value }).state))]);
}

function label(axis, value) {
  return axis === "cuda" && value !== "cpu" ? cudaVersion(value) : named(axis, value).replace(/^(DeepSpeed|torch|Python) /, "");
}

function hint(state) {
  return { published: "", excluded: " – none", impossible: " – none" }[state] ?? " – not yet";
}

function gpuOptions() {
  const known = model.data.gpus.some(([capability]) => capability === choice.gpu);
  const strange = choice.gpu && !known ? [[choice.gpu, `Compute capability ${choice.gpu}`]] : [];
  return [["", "Any, or not sure"], ...strange, ...[...model.data.gpus].reverse().map(([capability, names]) => [capability, `${names} (${capability})`])];
}

start();
