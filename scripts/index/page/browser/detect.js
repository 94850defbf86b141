"use strict";
// What a user pasted, as a choice, with what to know of it.

const MOST_READ = 60000; // characters; collect_env with a long list of packages prints 10 000

/**
 * {fixed: what of the choice is known, driver: the newest CUDA of the driver, heard: words for the user, doubts: what to
 * know}; heard is empty when nothing of the environment was understood.
 */
function readEnvironment(pasted, model) {
  const found = foundIn(pasted.slice(0, MOST_READ));
  const fixed = {};
  const maker = otherMaker(found.gpu || "");
  if (found.platform) fixed.platform = platformOf(found.platform, found.machine || "", found.libc || "");
  if (found.python) fixed.py = minorOf(found.python) + (found.free_threaded ? "t" : "");
  if (found.torch) fixed.torch = torchOf(found.torch);
  if (found.deepspeed) fixed.deepspeed = found.deepspeed;
  const variant = variantOf(found) || (maker && !found.torch ? "cpu" : null);
  if (variant) fixed.cuda = variant;
  const capability = maker || model.whyNever("cuda", variant) ? null : found.capability || capabilityOf(found.gpu || "", model.data.gpus);
  if (capability) fixed.gpu = capability;
  const doubts = doubtsOf(found, fixed, model);
  if (pasted.length > MOST_READ) {
    doubts.unshift(`Only the first ${MOST_READ} of ${pasted.length} characters were read; paste the part about Python and torch.`);
  }
  return { fixed, driver: found.driver, heard: heardOf(fixed, found), doubts };
}

function heardOf(fixed, found) {
  const heard = ["platform", "py", "torch", "cuda", "deepspeed", "gpu"].filter((axis) => fixed[axis]).map((axis) =>
    axis === "gpu" && found.gpu ? `${found.gpu} (${fixed.gpu})` : named(axis, fixed[axis]));
  return found.driver ? [...heard, `a driver for CUDA up to ${found.driver}`] : heard;
}

/** What to know of the environment, in sentences. */
function doubtsOf(found, fixed, model) {
  const foreign = model.whyNever("cuda", fixed.cuda);
  const maker = otherMaker(found.gpu || "");
  const rows = [
    [found.said_all && !found.torch, "torch is not installed there; the newest that fits is chosen."],
    [foreign, foreign],
    [maker && !foreign, `The GPU “${found.gpu}” is not NVIDIA's: no wheels are made for ${maker}, and the ops of the CPU wheel leave it unused.`],
    [fixed.cuda === "cpu" && found.torch && !maker && !model.whyNever("platform", fixed.platform), "That torch is the CPU build. With an NVIDIA GPU, choose a CUDA."],
    [found.gpu && !maker && !fixed.gpu && !foreign, `The GPU “${found.gpu}” is not known here; choose its generation.`],
    [found.conda, "That torch is conda's: on Linux it may have another C++ ABI than the wheels, which “invoke find” compares."],
    [found.toolkit, `CUDA ${found.toolkit} is that of the toolkit (nvcc), not torch's. What counts is torch.version.cuda, which the line above prints.`],
    [found.driver && !fixed.cuda, "That is the newest CUDA of the driver, not torch's; torch's may be older."],
    [newerMajor(fixed.cuda, found.driver), `torch's CUDA needs a newer driver: this one supports CUDA up to ${found.driver}.`],
    [found.silent, "The driver does not say which CUDA it supports; install it anew before you choose by it."],
  ];
  const libc = libcDoubt(found, fixed, model);
  if (libc) rows.push([true, libc]);
  return rows.filter(([holds]) => holds).map(([, text]) => text);
}

/** Whether a variant is of a later CUDA major than the driver's. */
function newerMajor(variant, driver) {
  return Boolean(driver) && /^cu\d{3,}$/.test(variant || "") && Number(variant.slice(2, -1)) > Number(driver.split(".")[0]);
}

/** Whether the C library is too old for the wheel that will be chosen, or may be where no tag says what that needs. */
function libcDoubt(found, fixed, model) {
  const version = (found.libc || "").match(/^glibc-?(\d{1,3}\.\d{1,3})/);
  if (!version && !found.lacks_libc) return null;
  const wanted = model.glibcOf(model.best({ platform: "linux_x86_64", ...fixed }, found.driver));
  const needed = wanted || model.data.glibc;
  if (!version && before(numbersOf(needed), numbersOf(found.lacks_libc))) {
    return `Its C library is older than glibc ${found.lacks_libc}, and wheels for Linux need glibc ${needed}: “ldd --version” says which it is.`;
  }
  if (version && !before(numbersOf(version[1]), numbersOf(needed))) return null;
  const mine = version ? `glibc ${version[1]}` : `older than glibc ${found.lacks_libc}`;
  return wanted
    ? `Its C library is ${mine}, and the wheel needs glibc ${wanted} or newer: pip refuses it there, and only a newer system changes that.`
    : `Its C library is ${mine}, and wheels for Linux are built with glibc ${needed}: their ops may not load there.`;
}

/** The stack of a card that is not NVIDIA's. */
function otherMaker(card) {
  return /\b(?:AMD|Radeon|Instinct)\b/i.test(card) ? "ROCm" : /\bIntel\b/i.test(card) ? "Intel GPUs" : null;
}

/** The platform of the matrix for a system or a wheel's tag, whatever its manylinux level; else what people call it. */
function platformOf(system, machine, libc) {
  if (PLATFORMS[system]) return system;
  const arm = /arm|aarch/i.test(machine + system);
  if (/^win/.test(system)) return arm ? "Windows on ARM" : "win_amd64";
  if (/^musllinux/.test(system) || (/^linux/.test(system) && /^musl/.test(libc))) return "Linux with musl";
  if (/^(many)?linux/.test(system)) return arm ? "Linux on ARM" : "linux_x86_64";
  return /^(darwin|macos)/i.test(system) ? "macOS" : system;
}

function minorOf(version) {
  return version.split(/[.+ ]/).slice(0, 2).join(".");
}

/** 2.6 of 2.6.0+cu124; a nightly, a release candidate or a vendor's build from before the release stays what it is. */
function torchOf(version) {
  return isPreRelease(version) ? version.split("+")[0] : minorOf(version);
}

function isPreRelease(version) {
  return /^\d{1,4}\.\d{1,4}(?:\.\d{1,4})?[.-]?(?:a|b|c|rc|alpha|beta|dev)\d/i.test(version);
}

/** cu124 of 12.4; cpu of a torch that has no CUDA; what torch runs on instead of both. */
function variantOf(found) {
  if (found.variant) return found.variant;
  if (/\+rocm/.test(found.torch || "") || found.hip) return "ROCm";
  if (/\+xpu/.test(found.torch || "")) return "Intel GPUs";
  const local = (found.torch || "").match(/\+(cu\d{2,4}|cpu)\b/);
  if (found.cuda && found.cuda !== "None") return "cu" + found.cuda.split(".").slice(0, 2).join("");
  if (local) return local[1];
  return found.torch && (found.said_all || found.cuda === "None") ? "cpu" : null;
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
