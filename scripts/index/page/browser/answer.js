"use strict";
// The answer to the choice: the line to paste and what the wheel is, or why there is none and what comes nearest.

const WORDS = {
  published: ["✓", "Published", "Ready to install."],
  building: ["◐", "Building", "It is being built right now."],
  failed: ["✕", "Failed", "Its last build failed."],
  withdrawn: ["⊘", "Withdrawn", "Its wheel turned out to be bad."],
  planned: ["○", "Planned", "It has not been built yet."],
  excluded: ["–", "Excluded", "It could exist, and was excluded on purpose."],
  impossible: ["·", "Impossible", "It cannot exist."],
  unplanned: ["·", "Not planned", "No wheel of this is planned."],
};
let tab = "pip";

/** Fills the answer; `choose(choice)` is called when a user takes an offer. Returns it in one sentence. */
function showAnswer(model, choice, choose) {
  const wheel = model.wheelOf(choice);
  const found = model.stateOf(choice);
  const fits = model.fits(choice);
  const parts = wheel && fits ? present(model, wheel) : absent(model, choice, found, fits, choose);
  const [mark, word] = wheel && !fits ? ["!", "Not for this GPU"] : WORDS[found.state];
  byId("answer").replaceChildren(
    make("p", { class: `badge ${wheel && !fits ? "failed" : found.state}` }, make("span", { "aria-hidden": "true" }, mark), " " + word),
    make("h2", { id: "answer-heading" }, named("deepspeed", choice.deepspeed)),
    make("p", { class: "for" }, "for " + (model.whyNever("platform", choice.platform) ? choice.platform : unbroken(nameOf(choice)))),
    ...parts.filter(Boolean),
  );
  return `${word}: ${named("deepspeed", choice.deepspeed)} for ${nameOf(choice)}. ${wheel && fits ? "" : found.text.split("\n")[0].replace(/`/g, "")}`.trim();
}

/** An answer that is for nobody yet: what is missing, and buttons, {text: what it does}. Returns it in one sentence. */
function showQuestion(heading, text, buttons) {
  const rows = Object.entries(buttons).map(([label, onclick]) => make("li", {}, make("button", { type: "button", class: "offer", onclick }, make("b", {}, label))));
  byId("answer").replaceChildren(
    make("p", { class: "badge unplanned" }, make("span", { "aria-hidden": "true" }, "?"), " No answer yet"),
    make("h2", { id: "answer-heading" }, heading),
    make("div", { class: "why" }, make("p", {}, text)),
    make("div", { class: "offers" }, make("ol", {}, rows)),
  );
  return `${heading} ${text}`;
}

// ---------------------------------------------------------------- a wheel that exists

function present(model, wheel) {
  return [commandTabs(model, wheel), factsOf(model, wheel)];
}

function commandTabs(model, wheel) {
  const commands = commandsOf(model, wheel);
  const names = Object.keys(commands);
  const pane = make("div", { role: "tabpanel", id: "command-pane" });
  const buttons = names.map((name) => make("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "command-pane", onclick: () => pick(name), onkeydown: step }, name));
  function pick(name) {
    tab = name;
    pane.replaceChildren(...commands[name].flatMap(shellLine));
    pane.setAttribute("aria-labelledby", `tab-${name}`);
    buttons.forEach((button, index) => {
      button.setAttribute("aria-selected", String(names[index] === name));
      button.tabIndex = names[index] === name ? 0 : -1;
    });
  }
  function step(event) {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!move) return;
    const next = (names.indexOf(tab) + move + names.length) % names.length;
    pick(names[next]);
    buttons[next].focus();
  }
  pick(names.includes(tab) ? tab : names[0]);
  return make("div", { class: "commands" }, make("div", { role: "tablist", "aria-label": "Installer" }, buttons), pane);
}

/** A line to paste and its button; with its shell's name, where the shells need different quotes. */
function shellLine([shell, line], index) {
  const code = make("code", { id: index ? `command-${shell.toLowerCase()}` : "command" }, lineParts(line));
  const label = "Copy the install command" + (shell && ` for ${shell}`);
  return [shell && make("p", { class: "small" }, "In " + shell), make("div", { class: "line" }, make("pre", { tabindex: 0 }, code), copyButton(label, () => line))].filter(Boolean);
}

/** The line in parts that stay together where there is room: an option and its value; several lines as they are. */
function lineParts(line) {
  if (line.includes("\n")) return [line];
  return line.split(/ (?=--|deepspeed==)/).flatMap((part, index) => [index ? " " : "", make("span", { class: "part" }, part)]);
}

/** The lines to paste, as scripts/index/install_line.py makes them, and a project of uv. */
function commandsOf(model, wheel) {
  const { cuda, torch } = wheel.choice;
  const words = { version: versionOf(wheel.choice), channel: `${cuda}/torch${torch}`, cuda };
  const lines = (tool) => wheel[tool].map((line) => filled(line, words));
  return { pip: lines("pip"), uv: lines("uv"), pyproject: [["", uvProject(model, wheel)]] };
}

/** A shell and its line, with values for the names in braces. */
function filled([shell, line], words) {
  return [shell, line.replace(/\{(\w+)\}/g, (whole, word) => words[word] ?? whole)];
}

function factsOf(model, wheel) {
  const rows = [
    ["Wheel", link(wheel.url, make("span", { class: "name" }, wheel.file))],
    ["Size", sizeOf(wheel.bytes)],
    ["SHA-256", [make("code", { class: "digest" }, wheel.sha256), " ", copyButton("Copy the SHA-256", () => wheel.sha256)]],
    ["Needs", `torch ${wheel.choice.torch}, any patch release (built with ${wheel.torch})`],
    ["GPUs", gpuList(model, wheel)],
    ["CPU", `x86-64 with ${wheel.cpu.toUpperCase()} or better`],
    [`${wheel.ops.length} ops`, opList(wheel)],
    wheel.notes.length && ["Good to know", noteList(model, wheel)],
    ["Verification", [...provenOf(model, wheel), verificationOf(wheel.verification)]],
    ["Check", [make("code", {}, "python -m deepspeed.env_report"), " lists the ops, once it is installed"]],
    wheel.manifest && ["Manifest", link(wheel.url + ".json", "what it was made from, and how to make it again")],
    model.data.repository && ["Provenance", make("code", {}, `gh attestation verify ${wheel.file} --repo ${model.data.repository}`)],
  ];
  return make("dl", { class: "facts" }, rows.filter(Boolean).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

function sizeOf(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function gpuList(model, wheel) {
  if (!wheel.arches.length) return "none: a CPU wheel has no CUDA ops";
  const names = new Map(model.data.gpus);
  return make("ul", { class: "chips" }, wheel.arches.map((arch) => {
    const capability = arch.replace("+PTX", "");
    const cards = [names.get(capability), arch.endsWith("+PTX") && "and newer"].filter(Boolean).join(" ");
    return make("li", {}, make("b", {}, capability), " " + cards);
  }));
}

function opList(wheel) {
  const ops = make("ul", { class: "chips" }, wheel.ops.map((op) => make("li", {}, op)));
  if (!wheel.leftOut.length) return ops;
  const rows = wheel.leftOut.map(([op, why]) => make("li", {}, make("b", {}, op), ": " + why));
  return [ops, make("details", {}, make("summary", {}, `${rows.length} left out, and why`), make("ul", {}, rows))];
}

function noteList(model, wheel) {
  return make("ul", { class: "notes" }, wheel.notes.map((id) => make("li", {}, model.data.notes[id])));
}

/** What running it has shown and what not, in words; below them part by part. */
function provenOf(model, wheel) {
  if (!wheel.proven.length) return [];
  const rows = [
    ...wheel.parts.map((name) => make("li", {}, "✓ ", make("b", {}, name), model.data.parts[name] ? ": " + model.data.parts[name] : "")),
    ...wheel.partsLeft.map(([name, why]) => make("li", {}, "– ", make("b", {}, name), ": skipped, " + why)),
  ];
  const counts = `${wheel.parts.length} parts passed` + (wheel.partsLeft.length ? `, ${wheel.partsLeft.length} skipped` : "");
  return [make("p", { class: "proven" }, wheel.proven.join(" ")), make("details", {}, make("summary", {}, counts), make("ul", { class: "checks" }, rows))];
}

function verificationOf(found) {
  if (!found) return "none was recorded";
  const [level, passed, failed, skipped] = found;
  const counts = [`${passed.length} checks passed`, failed.length && `${failed.length} failed`, skipped.length && `${skipped.length} skipped`];
  const rows = [
    ...failed.map((name) => make("li", {}, "✕ ", make("b", {}, name), ": failed")),
    ...passed.map((name) => make("li", {}, "✓ " + name)),
    ...skipped.map(([name, why]) => make("li", {}, "– ", make("b", {}, name), ": skipped, " + why)),
  ];
  return make("details", {}, make("summary", {}, counts.filter(Boolean).join(", ") + (level ? ` (level ${level})` : "")), make("ul", { class: "checks" }, rows));
}

// ---------------------------------------------------------------- a wheel that does not

function absent(model, choice, found, fits, choose) {
  const why = make("div", { class: "why" }, make("p", {}, make("strong", {}, fits ? WORDS[found.state][2] : "A wheel exists, but not for this GPU."), " ", fits ? coded(shortText(found.text)) : mismatch(model, choice)));
  if (fits && found.text.includes("\n")) why.append(make("pre", { tabindex: 0 }, found.text));
  if (model.whyNever("platform", choice.platform)) why.append(make("p", {}, "For another machine, choose its system."));
  if (found.rule) why.append(make("p", { class: "small" }, "Rule ", make("code", {}, found.rule)));
  if (/^https:/.test(found.url || "")) why.append(make("p", {}, link(found.url, "See the build")));
  return [why, releaseFirst(model, choice), offersOf(model, choice, found.state, choose), ["planned", "failed"].includes(found.state) && buildYourself(model, choice)];
}

/** A reason of one line; the many lines of a failed build stand below instead. */
function shortText(text) {
  return text.includes("\n") ? "Its first lines:" : text;
}

/** The line that brings the release of a torch that came before it, where that release is in the matrix. */
function releaseFirst(model, choice) {
  const torch = isPreRelease(choice.torch) && model.data.patches[minorOf(choice.torch)];
  if (!torch || !model.axes.cuda.includes(choice.cuda) || !model.axes.platform.includes(choice.platform)) return null;
  const lines = model.data.torchLines.map((line) => filled(line, { torch, cuda: choice.cuda }));
  return make("div", { class: "yourself" }, make("h3", {}, "The release of this torch"), lines.flatMap(([shell, line]) =>
    [shell && make("p", { class: "small" }, "In " + shell), make("div", { class: "line" }, make("pre", { tabindex: 0 }, make("code", {}, line)), copyButton("Copy the line for torch", () => line))]));
}

function mismatch(model, choice) {
  const card = new Map(model.data.gpus).get(choice.gpu) || "this card";
  return `Its CUDA ops hold no code for compute capability ${choice.gpu} (${card}); they have ${model.archesOf(choice).join(", ")}.`;
}

function offersOf(model, choice, state, choose) {
  if (!model.rows.size && state === "planned") return make("p", {}, "No wheel is published yet.");
  const offers = model.nearest(choice, 3);
  if (!offers.length) return null;
  const heading = model.rows.size ? "The nearest that exist" : "No wheel is published yet. The nearest that are planned";
  return make("div", { class: "offers" }, make("h3", {}, heading), make("ol", {}, offers.map((offer) => make("li", {}, offerButton(choice, offer, choose)))));
}

function offerButton(choice, offer, choose) {
  const changes = offer.changed.map((axis) => `${named(axis, offer.choice[axis])} instead of ${named(axis, choice[axis]).replace(/^(DeepSpeed|torch|CUDA|Python) (?=\d)/, "")}`);
  return make("button", { type: "button", class: "offer", onclick: () => choose(offer.choice) },
    make("b", {}, changes.join(", ")), make("span", {}, `${named("deepspeed", offer.choice.deepspeed)} for ${nameOf(offer.choice)}`));
}

function buildYourself(model, choice) {
  const torch = model.data.patches[choice.torch];
  const id = `ds${choice.deepspeed}-torch${torch}-${choice.cuda}-cp${choice.py.replace(".", "")}-${choice.platform}`;
  const line = `invoke build --id ${id}`;
  return make("div", { class: "yourself" }, make("h3", {}, "Or build it yourself"), make("p", {}, "In a clone of this project:"),
    make("div", { class: "line" }, make("pre", { tabindex: 0 }, make("code", {}, line)), copyButton("Copy the build command", () => line)));
}
