"use strict";
// The page itself: one choice, which the address, the form, the answer and the picture all show.

const KEYS = ["platform", "py", "torch", "cuda", "deepspeed", "gpu"]; // as the selectors of `invoke plan`
const MOST_ASKED = 200; // characters of a value in a link; a target's id has fewer than 70
const model = new Model(globalThis.wheels);
let choice = {};

function start() {
  choice = fromAddress();
  byId("chooser").hidden = false;
  byId("setup").addEventListener("change", (event) => choose({ ...choice, [event.target.name]: event.target.value }));
  byId("slice").addEventListener("change", (event) => choose({ ...choice, [event.target.name]: event.target.value }));
  for (const form of [byId("setup"), byId("slice")]) form.addEventListener("submit", (event) => event.preventDefault());
  byId("pasted").addEventListener("input", (event) => onPasted(event.target.value));
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
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
  byId("matrix").hidden = !choice.platform;
  if (!choice.platform) return askForSystem();
  const answer = showAnswer(model, choice, (next) => { choose(next); byId("answer").focus(); });
  showGrid(model, choice, (next) => choose(next, true));
  document.title = `DeepSpeed ${choice.deepspeed} for ${nameOf(choice)}`;
  return answer;
}

/** On a phone nobody installs DeepSpeed, and no other system's line is its user's. */
function askForSystem() {
  document.title = "DeepSpeed wheels";
  const take = (platform) => () => { choose({ ...choice, platform }); byId("answer").focus(); };
  return showQuestion("For which system?", "Choose the one where DeepSpeed will be used.", Object.fromEntries(model.axes.platform.map((platform) => [named("platform", platform), take(platform)])));
}

// ---------------------------------------------------------------- from outside

function fromAddress() {
  const asked = new URLSearchParams(location.search);
  const named = asked.get("id") ? readEnvironment(asked.get("id").slice(0, MOST_ASKED), model).fixed : {};
  const fixed = {};
  for (const key of KEYS) if (asked.get(key)) fixed[key] = spelled(key, asked.get(key).slice(0, MOST_ASKED));
  return complete({ ...named, ...fixed });
}

/** Links may hold what users type for `invoke plan`: 12.4 or cu124, cp311 or 3.11, windows or win_amd64, 2.6.1 or 2.6. */
function spelled(key, value) {
  if (key === "cuda" && /^\d+\.\d$/.test(value)) return "cu" + value.replace(".", "");
  if (key === "py") return value.replace(/^cp3(\d+)/, "3.$1");
  if (key === "torch") return torchOf(value);
  if (key === "platform") return platformOf(value, "", "");
  return value;
}

/** The visitor's own system; empty for a phone, a tablet and what is not known. */
function ownSystem() {
  const agent = navigator.userAgent;
  if (/Android|iPhone|iPad|Mobile/.test(agent) || (/Macintosh/.test(agent) && navigator.maxTouchPoints > 1)) return "";
  if (/Windows NT/.test(agent)) return /ARM64/.test(agent) ? "Windows on ARM" : "win_amd64";
  if (/Linux|CrOS/.test(agent)) return /aarch64|arm/.test(agent) ? "Linux on ARM" : "linux_x86_64";
  return /Macintosh/.test(agent) ? "macOS" : "";
}

/** The fixed part of a choice, with the newest that fits for the rest, and for the visitor's own system. */
function complete(fixed, driver) {
  const newest = Object.fromEntries(AXES.map((axis) => [axis, model.axes[axis].at(-1)]));
  return { ...newest, gpu: "", ...model.best({ platform: ownSystem(), ...fixed }, driver) };
}

function onPasted(text) {
  if (!text.trim()) {
    byId("understood").textContent = "";
    show(choice);
    return;
  }
  const { fixed, driver, heard, doubts } = readEnvironment(text, model);
  if (!heard.length) {
    const nothing = "Nothing about Python, torch or CUDA was found in that. Paste what the line above printed.";
    byId("understood").replaceChildren(...coded([nothing, ...doubts].join(" ")));
    showQuestion("For which environment?", "What was pasted does not say it. Paste what the detection line prints, or choose in the form.", { "Show the answer for the form": () => { say(show(choice)); byId("answer").focus(); } });
    return;
  }
  choose(complete({ platform: choice.platform, ...fixed }, driver));
  const guessed = ["platform", "py", "torch", "cuda"].filter((axis) => !fixed[axis] && choice[axis]).map((axis) => named(axis, choice[axis]));
  const open = guessed.length ? [`Not said there, so look at it: ${guessed.join(", ")}.`] : [];
  byId("understood").replaceChildren(...coded(["Understood: " + heard.join(", ") + ".", ...doubts, ...open].join(" ")));
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
  if (!value) return "Choose";
  return axis === "cuda" && /^cu\d{2,}$/.test(value) ? cudaVersion(value) : named(axis, value).replace(/^(DeepSpeed|torch|Python) /, "");
}

function hint(state) {
  return { published: "", excluded: " – none", impossible: " – none", unplanned: " – none" }[state] ?? " – not yet";
}

function gpuOptions() {
  const known = model.data.gpus.some(([capability]) => capability === choice.gpu);
  const strange = choice.gpu && !known ? [[choice.gpu, `Compute capability ${choice.gpu}`]] : [];
  return [["", "Any, or not sure"], ...strange, ...[...model.data.gpus].reverse().map(([capability, names]) => [capability, `${names} (${capability})`])];
}

start();
