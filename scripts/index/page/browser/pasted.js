"use strict";
// What a text says of an environment: the output of the detection line, of the line in our documents, of ds_report,
// torch's collect_env, pip, uv, conda, nvidia-smi or nvcc; an error; what somebody wrote of a machine; a target's id; a
// wheel's name. Shells wrap lines and put prompts around them, so nothing is taken for granted. Every repetition in a
// pattern that meets the text has a bound: an unbounded one before another takes time that grows with its square.

const TAG = "(win_(?:amd64|arm64)|win32|(?:many|musl)?linux[a-z0-9_]{0,20}?_(?:x86_64|aarch64|i686)|macosx_[a-z0-9_]{1,30})";
const TARGET_ID = new RegExp(`ds([\\d.]{1,20})-torch([\\d.]{1,20})-(cpu|cu\\d{1,4})-cp3(\\d{1,3})(t?)-${TAG}`);
// of a wheel with several platform tags, joined by dots, the first counts
const WHEEL_NAME = new RegExp(`deepspeed-([\\d.]{1,20})\\+(cpu|cu\\d{1,4})torch([\\d.]{1,20})-cp\\d{1,4}-cp3(\\d{1,3})(t?)-${TAG}`);
const TORCH_WHEEL = new RegExp(`\\btorch-(\\d\\.\\d{1,3}\\.[\\w.+]{1,60})-cp3(\\d{1,3})-cp\\d{1,4}(t?)-${TAG}`);
const WANTED = /deepspeed==(\d[\d.]{0,15})\+(cpu|cu\d{2,4})torch(\d\.\d{1,3})/;

// The first pattern of a row that matches counts: what is sure comes first. A word of another package's name is no
// package (GitPython, open_clip_torch), and words of people may be in other languages.
const PATTERNS = {
  python: [
    /(?<![\w.-])["']?python["']?\s{0,9}[:=]\s{0,9}["']?(3\.\d{1,3})/i, /(?<![\w.-])python[- ]?(?:version|版本|バージョン|버전)?(?: is)?[ \t.:=：]{1,60}(3\.\d{1,3})/i,
    /^["' \t]{0,9}(3\.\d{1,3})\.\d{1,3}\+? (?:\(|\|)/m, /\bsys\.version\w{0,9}[ :=]{1,9}["']?(3\.\d{1,3})/, /\/python(3\.\d{1,3})/, /(?<![\w.-])c?python-?(3\.\d{1,3})/i, /(?<![\w.-])py ?(3\.\d{1,2})\b/i,
    /Python(3)(\d\d)\b/, /\bcp(3)(\d{1,2})-(?:cp3|abi3)/, /(?<![\w.-])py(3)(\d\d)(?!\w)/,
  ],
  torch: [
    /Runtime torch version\s{0,9}=\s{0,9}(\d\.\d{1,4})/i, /(?<![\w.-])["']?torch["']?\s{0,9}[:=]\s{0,9}["'](\d\.[\d.]{1,20}[^\s"',]{0,60})/i,
    /(?<![\w.-])(?:py)?torch[- ]?(?:version|版本|バージョン|버전)?(?: \(GPU\?\))?[ \t.:=：]{1,60}v?(\d\.\d{1,4}[^\s"',;)]{0,60})/i,
    /(?<![\w.-])torch\.__version__\)?\s{0,9}["']?(\d\.\d{1,4}[^\s"',;)]{0,60})/, /[Nn]ame(?:: | = ")torch"?\s{1,9}[Vv]ersion(?:: | = ")(\d\.\d{1,4}[^\s"]{0,60})/,
    /(?<![\w.-])torch in \S[^\n(]{0,200}\((\d\.\d{1,4}[^\s)]{0,60})\)/, /(?<![\w.-])torch-(\d\.\d{1,4}[\w.+]{0,60})/,
    /^[ \t(['"]{0,9}(\d\.\d{1,2}\.\d{1,2}[\w.]{0,20}\+(?:cu\d{2,4}|cpu|rocm|xpu|git|[0-9a-f]{6})[\w.]{0,60})['")\],]{0,9}(?:[ \t]{1,9}['"]?[\w.]{1,9}['")\]]{0,9})?[ \t\r]{0,9}$/m,
  ],
  cuda: [
    /Runtime CUDA version\s{0,9}=\s{0,9}(\d{1,3}\.\d{1,3})/i, /["']cuda["']\s{0,9}[:=]\s{0,9}["']([\d.]{1,20})/i, /torch cuda version[ .:]{1,60}(\d{1,3}\.\d{1,3}|None)/i,
    /CUDA used to build PyTorch[ :]{1,60}(\d{1,3}\.\d{1,3}|None)/i, /torch was compiled with (\d{1,3}\.\d{1,3})/i, /used to compile\s{1,9}PyTorch \((\d{1,3}\.\d{1,3})\)/i,
    /\btorch\.version\.cuda\)?["']?\s{0,9}["']?(\d{1,3}\.\d{1,3})\s/,
  ],
  said_cuda: [ // what somebody wrote, an image is called, or a package is taken from: of torch most likely
    /torch[^\n]{0,80}?(?:\bCUDA|(?<=-)cuda)[ :=-]{0,3}(1\d\.\d{1,2})\b/i, /(?<![\w./\\])CUDA(?:版本)?[ :=：-]{0,3}(1\d\.\d)(?![\d.])/i, /(?<![\w.+])cu(1[1-9])(\d)(?!\w)/,
  ],
  hip: [/["']hip["']\s{0,9}[:=]\s{0,9}["']([\d.]{1,20})/i, /torch hip version[ .:]{1,60}(\d{1,3}\.\d{1,3})/i, /ROCM used to build PyTorch[ :]{1,60}(\d{1,3}\.\d{1,3})/i],
  gpu: [
    /["']gpu["']\s{0,9}[:=]\s{0,9}["']([^"']{1,100})/i, /GPU 0: ([^\n(]{1,100})/, /NVIDIA Corporation [^\n[]{0,40}\[([^\]\n]{1,60})\]/, /\[((?:GeForce|Tesla|Quadro|RTX|Radeon)[^\]\n]{1,60})\]/,
    /((?:NVIDIA|GeForce|Tesla|Quadro)(?![^\n,]{0,30}\b[Dd]river)(?: [\w.-]{1,20}){0,5}? ?[A-Z]{0,9}\d{1,9}[\w-]{0,20}(?: (?:Ti|SUPER|Ada|Blackwell)){0,3})(?!\d{0,9}\.\d)/, /(?<![\w-])([RG]TX ?(?:PRO |A)?\d{3,4}(?: ?(?:Ti|SUPER|Ada)\b){0,2})/,
    /GPU models and configuration: ((?:AMD|Radeon|Intel)[^\n]{1,80})/, /(?<!with )((?:AMD )?(?:Radeon|Instinct) ?(?:\(TM\)|™)? ?(?:RX |PRO |AI |MI|VII|Graphics|\d)[\w ]{0,30})/, /(Intel(?:\(R\)|®)? (?:Arc|UHD|Iris|HD)\b[\w ()®™]{0,30})/, /\b(gfx\d{3,4})\b/,
  ],
  capability: [/["']capability["']\s{0,9}[:=]\s{0,9}[[(]\s{0,9}(\d{1,3})\s{0,9},\s{0,9}(\d{1,3})/i, /compute capability[ :=]{1,60}(\d{1,3})\.(\d{1,3})/i, /CUDA capability sm_(\d{1,2})(\d)\b/, /^(?:NVIDIA|GeForce|Tesla|Quadro)[^,\n]{1,60}, (\d{1,2})\.(\d)\b(?!\.)/m],
  libc: [/["']libc["']\s{0,9}[:=]\s{0,9}["']([\w.-]{1,30})/i, /Libc version:\s{0,9}((?:glibc|musl)[\w.-]{0,20})/i, /\bldd \([^)\n]{1,60}\) (\d\.\d{1,3})/, /(musl)(?: libc|linux)/, /\b(?:__glibc=|-with-glibc|glibc )(\d\.\d{1,3})/],
  lacks_libc: [/version [`'"]GLIBC_(\d\.\d{1,3})[`'"] not found/],
  lacks_libstdcxx: [/version [`'"](GLIBCXX_\d\.\d\.\d{1,3})[`'"] not found/],
  driver: [/\bCUDA (?:[A-Z]{1,9} ){0,2}Version\s{0,60}:\s{0,9}(\d{1,3}\.\d{1,3})/, /\b__cuda=(\d{1,3}\.\d{1,3})/], // of 595 and later: CUDA UMD Version
  silent: [/\bCUDA (?:[A-Z]{1,9} ){0,2}Version\s{0,60}:\s{0,9}(ERR!|N\/A)/, /(NVIDIA-SMI has failed)/, /(Failed to initialize NVML)/],
  no_driver: [/(Found no NVIDIA driver)/, /(nvidia-smi)[^\n]{0,20}(?:is not recognized|command not found|No such file)/, /(nvidia-smi)\s{0,9}: The term/],
  toolkit: [/Cuda compilation tools, release (\d{1,3}\.\d{1,3})/i],
  vendor: [/(nvcr\.io\/nvidia\/pytorch)/],
  bits: [/\b(32)[ -]bit (?:\(|runtime)/],
};
const SYSTEM_WORDS = [
  [/\bWSL ?[12]?\b|microsoft-standard|\/mnt\/[a-z]\//, "linux"],
  [/\bwin32\b|\bwin_amd64\b|Microsoft Windows|\bWindows[ -](?:1\d|NT|Server)|\bwin ?1[01]\b|\bWDDM\b|\bwin-64\b|\bMINGW64|\[MSC v|is not recognized as an internal|\b[A-Z]:[\\/]/i, "win32"],
  [/\bdarwin\b|\bmacOS\b|\/Users\/|\bApple M\d/i, "darwin"],
  [/\blinux\b|Ubuntu|Debian|Fedora|CentOS|Rocky|AlmaLinux|glibc|\/lib\/python3|\/usr\/lib\/|\/home\//i, "linux"],
];
const TEXTS = ["python", "implementation", "platform", "tag", "machine", "torch", "cuda", "hip", "gpu", "libc"]; // of the detection line

/** What the text says, in its own words, by what it is about. */
function foundIn(text) {
  return fromRefusal(text) || fromName(text) || fromObject(text) || scattered(text);
}

/** A client has refused a wheel: its name is what was tried, and not what the environment is. */
function fromRefusal(text) {
  const version = text.replace(/%2B/gi, "+").match(WANTED);
  if (/is not a supported wheel on this platform/.test(text)) return { refused: true };
  if (!version || !/from versions:|No matching distribution|not found in the package registry/.test(text)) return null;
  return { refused: true, deepspeed: version[1], variant: version[2], torch: version[3] };
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
  const system = SYSTEM_WORDS.find(([pattern]) => pattern.test(text));
  if (system) found.platform = system[1];
  Object.assign(found, fromConda(text), fromDocuments(text), fromTorchWheel(text), fromTorchError(text));
  if (/\b(aarch64|arm64)\b/i.test(text)) found.machine = "arm64";
  if (/free-threading build|\bpython3\.\d{1,2}t\b|\bcp3\d{1,2}t\b|\+freethreaded/.test(text)) found.free_threaded = true;
  if (/\bPyPy\b/.test(text)) found.implementation = "PyPy";
  if (/\bAlpine\b/.test(text)) Object.assign(found, { platform: "linux", libc: "musl" });
  if (/^\d/.test(found.libc || "")) found.libc = "glibc-" + found.libc;
  found.others = otherCards(text, found.gpu);
  return found;
}

/** The line that docs/installing.md tells to run prints torch's version and its CUDA: `2.6.0+cu124 12.4`, or as a tuple. */
function fromDocuments(text) {
  const line = text.match(/^[ \t(['"]{0,9}(\d{1,3}\.\d{1,3}\.\d{1,3}[\w.+]{0,60})['"]?,? ['"]?(\d{1,3}\.\d{1,3}|None)['")\] \t\r]{0,9}$/m);
  return line ? { torch: line[1], cuda: line[2] } : {};
}

/** What torch's own wheel is called: of the environment that it was put into. */
function fromTorchWheel(text) {
  const wheel = text.replace(/%2B/gi, "+").match(TORCH_WHEEL);
  return wheel ? { torch: wheel[1], python: `3.${wheel[2]}`, ...(wheel[3] ? { free_threaded: true } : {}), platform: wheel[4] } : {};
}

/** What torch says of itself and of the driver when it fails. */
function fromTorchError(text) {
  const driver = text.match(/driver on your system is too old \(found version (\d{1,3})0(\d)0\)/);
  return { ...(driver ? { driver: `${driver[1]}.${driver[2]}` } : {}), ...(/Torch not compiled with CUDA enabled/.test(text) ? { cuda: "None" } : {}) };
}

/** NVIDIA cards that are named beside the first. */
function otherCards(text, first) {
  const named = [...text.matchAll(/GPU \d{1,2}: ([^\n(]{1,60})|\|\s{1,9}\d{1,2}\s{1,9}(NVIDIA [^|\n]{1,40}?)\s{2,20}|^(NVIDIA [^,\n]{1,60}), \d{1,2}\.\d\b/gm)].map((match) => (match[1] || match[2] || match[3]).trim());
  return [...new Set(named)].filter((name) => first && name !== first && !name.startsWith(first) && !first.startsWith(name)).slice(0, 8);
}

/** What conda lists: its build says Python and CUDA, `py3.11_cuda12.4_cudnn9_0` or `cuda126_mkl_py311_300`. */
function fromConda(text) {
  const row = text.match(/(?<![\w/-])pytorch(?:[ \t]{1,60}|-|=)(\d{1,3}\.\d{1,3}\.\d{1,3})(?:[ \t]{1,60}|-|=)(\w[\w.]{2,80})/);
  if (!row || !/py3|cuda|cpu/.test(row[2])) return {};
  const python = row[2].match(/py3\.?(\d{1,2})/);
  const cuda = row[2].match(/cuda_?(\d\d)\.?(\d)/);
  const found = { torch: row[1], conda: true };
  if (python) found.python = `3.${python[1]}`;
  if (cuda) found.cuda = `${cuda[1]}.${cuda[2]}`;
  else if (/cpu/.test(row[2])) found.cuda = "None";
  return found;
}
