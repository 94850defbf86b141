"use strict";
// What a text says of an environment: the output of the detection line, of the line in our documents, of ds_report,
// torch's collect_env, pip, conda, nvidia-smi or nvcc; an error of DeepSpeed; a target's id; a wheel's name.
// Shells wrap lines and put prompts around them, so nothing is taken for granted. Every repetition in a pattern that
// meets the text has a bound: an unbounded one before another takes time that grows with the square of the text.

const TAG = "(win_(?:amd64|arm64)|(?:many|musl)?linux[a-z0-9_]{0,20}?_(?:x86_64|aarch64)|macosx_[a-z0-9_]{1,30})";
const TARGET_ID = new RegExp(`ds([\\d.]{1,20})-torch([\\d.]{1,20})-(cpu|cu\\d{1,4})-cp3(\\d{1,3})(t?)-${TAG}`);
// of a wheel with several platform tags, joined by dots, the first counts
const WHEEL_NAME = new RegExp(`deepspeed-([\\d.]{1,20})\\+(cpu|cu\\d{1,4})torch([\\d.]{1,20})-cp\\d{1,4}-cp3(\\d{1,3})(t?)-${TAG}`);

// The first pattern of a row that matches counts: what is sure comes first.
const PATTERNS = {
  python: [/["']?python["']?\s{0,9}[:=]\s{0,9}["']?(3\.\d{1,3})/i, /python(?: version)?[ .:=]{1,60}(3\.\d{1,3})/i, /python(3\.\d{1,3})/, /Python(3)(\d\d)\b/],
  torch: [
    /Runtime torch version\s{0,9}=\s{0,9}(\d{1,4}\.\d{1,4})/i, /["']?\btorch["']?\s{0,9}[:=]\s{0,9}["']([\d.]{1,20}[^\s"',]{0,60})/i, /(?:py)?torch(?: version)?[ .:=]{1,60}(\d{1,4}\.\d{1,4}[^\s"',;]{0,60})/i,
    /\btorch\.__version__\)?\s{0,9}["']?(\d{1,4}\.\d{1,4}[^\s"',;)]{0,60})/, /Name: torch\s{1,9}Version: (\d{1,4}\.\d{1,4}\S{0,60})/,
    /\btorch-(\d{1,4}\.\d{1,4}[\w.+]{0,60})/,
  ],
  cuda: [
    /Runtime CUDA version\s{0,9}=\s{0,9}(\d{1,3}\.\d{1,3})/i, /["']cuda["']\s{0,9}[:=]\s{0,9}["']([\d.]{1,20})/i, /torch cuda version[ .:]{1,60}(\d{1,3}\.\d{1,3}|None)/i,
    /CUDA used to build PyTorch[ :]{1,60}(\d{1,3}\.\d{1,3}|None)/i, /torch was compiled with (\d{1,3}\.\d{1,3})/i, /used to compile\s{1,9}PyTorch \((\d{1,3}\.\d{1,3})\)/i,
    /\btorch\.version\.cuda\)?\s{0,9}["']?(\d{1,3}\.\d{1,3})/,
  ],
  hip: [/["']hip["']\s{0,9}[:=]\s{0,9}["']([\d.]{1,20})/i, /torch hip version[ .:]{1,60}(\d{1,3}\.\d{1,3})/i, /ROCM used to build PyTorch[ :]{1,60}(\d{1,3}\.\d{1,3})/i],
  gpu: [
    /["']gpu["']\s{0,9}[:=]\s{0,9}["']([^"']{1,100})/i, /GPU 0: ([^\n(]{1,100})/, /\[((?:GeForce|Tesla|Quadro|RTX|Radeon)[^\]\n]{1,60})\]/,
    /((?:NVIDIA|GeForce|Tesla|Quadro)(?: [\w.-]{1,20}){0,5}? ?[A-Z]{0,9}\d{1,9}[\w-]{0,20}(?: (?:Ti|SUPER|Ada|Blackwell)){0,3})/,
    /GPU models and configuration: ((?:AMD|Radeon|Intel)[^\n]{1,80})/, /((?:Radeon|Instinct) (?:RX |PRO |AI |MI)[\w ]{1,30}|Intel\(R\) Arc\(TM\) [\w ]{1,30})/,
  ],
  capability: [/["']capability["']\s{0,9}[:=]\s{0,9}[[(]\s{0,9}(\d{1,3})\s{0,9},\s{0,9}(\d{1,3})/i, /compute capability[ :=]{1,60}(\d{1,3})\.(\d{1,3})/i, /CUDA capability sm_(\d{1,2})(\d)\b/],
  libc: [/["']libc["']\s{0,9}[:=]\s{0,9}["']([\w.-]{1,30})/i, /Libc version:\s{0,9}((?:glibc|musl)[\w.-]{0,20})/i, /\bldd \([^)\n]{1,60}\) (\d\.\d{1,3})/, /(musl)(?: libc|linux)/, /\b__glibc=(\d\.\d{1,3})/, /-with-glibc(\d\.\d{1,3})/],
  lacks_libc: [/version [`'"]GLIBC_(\d\.\d{1,3})[`'"] not found/],
  driver: [/\bCUDA (?:[A-Z]{1,9} ){0,2}Version\s{0,60}:\s{0,9}(\d{1,3}\.\d{1,3})/, /\b__cuda=(\d{1,3}\.\d{1,3})/], // of 595 and later: CUDA UMD Version
  silent: [/\bCUDA (?:[A-Z]{1,9} ){0,2}Version\s{0,60}:\s{0,9}(ERR!|N\/A)/],
  toolkit: [/Cuda compilation tools, release (\d{1,3}\.\d{1,3})/i],
};
const SYSTEM_WORDS = [
  [/\bwin32\b|\bwin_amd64\b|Microsoft Windows|\bWindows[ -]1\d|\bWDDM\b|\bwin-64\b|\b[A-Z]:[\\/]/i, "win32"],
  [/\bdarwin\b|\bmacOS\b|\/Users\//i, "darwin"],
  [/\blinux\b|Ubuntu|Debian|Fedora|glibc|\/lib\/python3/i, "linux"],
];
const TEXTS = ["python", "platform", "machine", "torch", "cuda", "hip", "gpu", "libc"]; // of the detection line

/** What the text says, in its own words, by what it is about. */
function foundIn(text) {
  return fromName(text) || fromObject(text) || scattered(text);
}

/** What a target's id or a wheel's name holds; null when the text holds neither. */
function fromName(text) {
  const flat = text.replace(/\s/g, "").replace(/%2B/gi, "+");
  const id = flat.match(TARGET_ID);
  if (id) return { deepspeed: id[1], torch: id[2], variant: id[3], python: `3.${id[4]}`, free_threaded: id[5], platform: id[6] };
  const wheel = flat.match(WHEEL_NAME);
  if (wheel) return { deepspeed: wheel[1], variant: wheel[2], torch: wheel[3], python: `3.${wheel[4]}`, free_threaded: wheel[5], platform: wheel[6] };
  return null;
}

/** What the detection line printed; null when there is no such line, or it was cut or changed on its way. */
function fromObject(text) {
  const object = text.match(/\{[^{}]{0,4000}\}/);
  if (!object) return null;
  try {
    return typed(JSON.parse(object[0].replace(/\r?\n\s{0,200}/g, "")));
  } catch {
    return null;
  }
}

/** The fields of the detection line that have the type they must have; null when there is none. */
function typed(found) {
  const kept = {};
  for (const key of TEXTS) if (typeof found[key] === "string" && found[key]) kept[key] = found[key].slice(0, 100);
  if (Array.isArray(found.capability)) kept.capability = found.capability.slice(0, 2).join(".").slice(0, 10);
  if (!Object.keys(kept).length) return null;
  return { ...kept, said_all: "torch" in found, free_threaded: found.free_threaded === true };
}

/** Whatever can be found line by line. */
function scattered(text) {
  const found = {};
  for (const [key, patterns] of Object.entries(PATTERNS)) {
    const match = patterns.map((pattern) => text.match(pattern)).find(Boolean);
    if (match) found[key] = match.slice(1).join(".").trim();
  }
  Object.assign(found, fromConda(text), fromDocuments(text));
  const system = SYSTEM_WORDS.find(([pattern]) => pattern.test(text));
  if (system) found.platform = system[1];
  if (/\b(aarch64|arm64)\b/i.test(text)) found.machine = "arm64";
  if (/free-threading build/.test(text)) found.free_threaded = true;
  if (/^\d/.test(found.libc || "")) found.libc = "glibc-" + found.libc;
  return found;
}

/** The line that docs/installing.md tells to run prints torch's version and its CUDA: `2.6.0+cu124 12.4`. */
function fromDocuments(text) {
  const line = text.match(/^[ \t]{0,9}(\d{1,3}\.\d{1,3}\.\d{1,3}[\w.+]{0,60}) (\d{1,3}\.\d{1,3}|None)[ \t\r]{0,9}$/m);
  return line ? { torch: line[1], cuda: line[2] } : {};
}

/** What conda lists: its build says Python and CUDA, `py3.11_cuda12.4_cudnn9_0` or `cuda126_mkl_py311_300`. */
function fromConda(text) {
  const row = text.match(/\bpytorch(?:[ \t]{1,60}|-|=)(\d{1,3}\.\d{1,3}\.\d{1,3})(?:[ \t]{1,60}|-|=)(\w[\w.]{2,80})/);
  if (!row || !/py3|cuda|cpu/.test(row[2])) return {};
  const python = row[2].match(/py3\.?(\d{1,2})/);
  const cuda = row[2].match(/cuda_?(\d\d)\.?(\d)/);
  const found = { torch: row[1], conda: true };
  if (python) found.python = `3.${python[1]}`;
  if (cuda) found.cuda = `${cuda[1]}.${cuda[2]}`;
  else if (/cpu/.test(row[2])) found.cuda = "None";
  return found;
}
