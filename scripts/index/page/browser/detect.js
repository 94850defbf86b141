"use strict";
// What a user pasted, as a choice: the output of the detection line, of ds_report, of torch's collect_env, of pip list;
// a target's id; or a wheel's name. Shells wrap lines and put prompts around them, so nothing is taken for granted.
// Every repetition in a pattern that meets the text has a bound: an unbounded one before another takes time that grows
// with the square of the text.

const MOST_READ = 60000; // characters; collect_env with a long list of packages prints 10 000

/** {fixed: what of the choice is known, heard: words for the user, doubts: what to know}; fixed is empty when nothing was understood. */
function readEnvironment(pasted, gpus) {
  const text = pasted.slice(0, MOST_READ);
  const found = fromName(text) || facts(text);
  const fixed = {};
  const doubts = [];
  if (pasted.length > MOST_READ) {
    doubts.push(`Only the first ${MOST_READ} of ${pasted.length} characters were read; paste the part about Python and torch.`);
  }
  if (found.platform) fixed.platform = platformOf(found.platform, found.machine || "");
  if (found.python) fixed.py = minorOf(found.python) + (found.free_threaded ? "t" : "");
  if (found.torch) fixed.torch = minorOf(found.torch);
  if (found.deepspeed) fixed.deepspeed = found.deepspeed;
  const variant = variantOf(found);
  if (variant) fixed.cuda = variant;
  const capability = found.capability || capabilityOf(found.gpu || "", gpus);
  if (capability) fixed.gpu = capability;
  if (found.said_all && !found.torch) doubts.push("torch is not installed there; the newest that fits is chosen.");
  if (variant === "cpu" && found.torch) doubts.push("That torch is the CPU build. With an NVIDIA GPU, choose a CUDA.");
  if (found.gpu && !capability) doubts.push(`The GPU “${found.gpu}” is not known here; choose its generation.`);
  return { fixed, heard: heardOf(fixed, found), doubts };
}

function heardOf(fixed, found) {
  return ["platform", "py", "torch", "cuda", "deepspeed", "gpu"].filter((axis) => fixed[axis]).map((axis) =>
    axis === "gpu" && found.gpu ? `${found.gpu} (${fixed.gpu})` : named(axis, fixed[axis]));
}

/** What a target's id or a wheel's name holds; null when the text holds neither. */
function fromName(text) {
  const flat = text.replace(/\s/g, "").replace(/%2B/gi, "+");
  const id = flat.match(/ds([\d.]{1,20})-torch([\d.]{1,20})-(cpu|cu\d{1,4})-cp3(\d{1,3})(t?)-(win_amd64|linux_x86_64)/);
  if (id) return { deepspeed: id[1], torch: id[2], variant: id[3], python: `3.${id[4]}`, free_threaded: id[5], platform: id[6] };
  const wheel = flat.match(/deepspeed-([\d.]{1,20})\+(cpu|cu\d{1,4})torch([\d.]{1,20})-cp\d{1,4}-cp3(\d{1,3})(t?)-(win_amd64|linux_x86_64)/);
  if (wheel) return { deepspeed: wheel[1], variant: wheel[2], torch: wheel[3], python: `3.${wheel[4]}`, free_threaded: wheel[5], platform: wheel[6] };
  return null;
}

/** What the detection line printed, or whatever else can be found line by line. */
function facts(text) {
  const object = text.match(/\{[^{}]{0,4000}\}/);
  if (object) {
    const flat = object[0].replace(/\r?\n\s{0,200}/g, "");
    try {
      return typed(JSON.parse(flat));
    } catch {
      // cut or changed on its way: look for its parts below
    }
  }
  return scattered(text);
}

/** The fields of the detection line that have the type they must have. */
function typed(found) {
  const kept = { said_all: "torch" in found, free_threaded: found.free_threaded === true };
  for (const key of ["python", "platform", "machine", "torch", "cuda", "gpu"]) {
    if (typeof found[key] === "string") kept[key] = found[key].slice(0, 100);
  }
  if (Array.isArray(found.capability)) kept.capability = found.capability.slice(0, 2).join(".").slice(0, 10);
  return kept;
}

const PATTERNS = {
  python: [/["']?python["']?\s{0,9}[:=]\s{0,9}["']?(3\.\d{1,3})/i, /python(?: version)?[ .:=]{1,60}(3\.\d{1,3})/i, /python(3\.\d{1,3})/, /Python(3)(\d\d)\b/],
  torch: [/["']?\btorch["']?\s{0,9}[:=]\s{0,9}["']([\d.]{1,20}[^\s"',]{0,40})/i, /(?:py)?torch(?: version)?[ .:=]{1,60}(\d{1,4}\.\d{1,4}[^\s"',;]{0,40})/i],
  cuda: [/["']cuda["']\s{0,9}[:=]\s{0,9}["']([\d.]{1,20})/i, /torch cuda version[ .:]{1,60}(\d{1,3}\.\d{1,3})/i, /CUDA used to build PyTorch[ :]{1,60}(\d{1,3}\.\d{1,3})/i],
  gpu: [/["']gpu["']\s{0,9}[:=]\s{0,9}["']([^"']{1,100})/i, /GPU 0: ([^\n(]{1,100})/, /((?:NVIDIA|GeForce|Tesla|Quadro)(?: [\w.-]{1,20}){0,5}? ?[A-Z]{0,9}\d{1,9}[\w-]{0,20}(?: (?:Ti|SUPER|Ada|Blackwell)){0,3})/],
  capability: [/["']capability["']\s{0,9}[:=]\s{0,9}[[(]\s{0,9}(\d{1,3})\s{0,9},\s{0,9}(\d{1,3})/i, /compute capability[ :=]{1,60}(\d{1,3})\.(\d{1,3})/i],
};
const SYSTEM_WORDS = [[/\bwin32\b|\bwin_amd64\b|Microsoft Windows|\bWindows[ -]1\d|\b[A-Z]:[\\/]/i, "win32"], [/\bdarwin\b|macOS|\/Users\//i, "darwin"], [/\blinux\b|Ubuntu|Debian|Fedora|\/lib\/python3/i, "linux"]];

function scattered(text) {
  const found = {};
  for (const [key, patterns] of Object.entries(PATTERNS)) {
    const match = patterns.map((pattern) => text.match(pattern)).find(Boolean);
    if (match) found[key] = match.slice(1).join(".").trim();
  }
  const system = SYSTEM_WORDS.find(([pattern]) => pattern.test(text));
  if (system) found.platform = system[1];
  if (/\b(aarch64|arm64)\b/i.test(text)) found.machine = "arm64";
  return found;
}

function platformOf(system, machine) {
  if (PLATFORMS[system]) return system;
  const arm = /arm|aarch/i.test(machine);
  if (/^win/.test(system)) return arm ? "Windows on ARM" : "win_amd64";
  if (/^linux/.test(system)) return arm ? "Linux on ARM" : "linux_x86_64";
  return system === "darwin" ? "macOS" : system;
}

function minorOf(version) {
  return version.split(/[.+ ]/).slice(0, 2).join(".");
}

/** cu124 of 12.4; cpu of a torch that has no CUDA. */
function variantOf(found) {
  if (found.variant) return found.variant;
  if (/\+rocm/.test(found.torch || "")) return "ROCm";
  if (found.cuda) return "cu" + found.cuda.split(".").slice(0, 2).join("");
  const local = (found.torch || "").match(/\+(cu\d+|cpu)/);
  if (local) return local[1];
  return found.said_all && found.torch ? "cpu" : null;
}

/** What a name of gpu.yaml means: xx are two digits, A2000-A6000 a range, and between two words there may be another. */
function cardPattern(name) {
  const range = name.replace(/([A-Z])(\d)(\d+)-\1(\d)\3/, "$1[$2-$4]$3");
  return range.replace(/xx/g, "\\d\\d").replace(/ /g, "(?: \\S+)? ");
}

/** The capability of a card, by the names of gpu.yaml: "RTX 40xx" there is "GeForce RTX 4090" here. */
function capabilityOf(card, gpus) {
  for (const [capability, names] of gpus) {
    for (const name of names.replace(/\(.*\)/, "").split(/[,/]/)) {
      if (name.trim() && new RegExp(`(^|[ -])${cardPattern(name.trim())}([ -]|$)`, "i").test(card)) return capability;
    }
  }
  return null;
}
