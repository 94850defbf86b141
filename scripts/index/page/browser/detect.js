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
  if (found.platform) fixed.platform = platformOf(found.platform, found.machine || "", found.libc || "", found.tag || (found.bits ? "32" : ""));
  if (found.python) fixed.py = pythonOf(found);
  if (found.torch) fixed.torch = torchOf(found.torch);
  if (found.deepspeed) fixed.deepspeed = found.deepspeed;
  const variant = variantOf(found) || ((maker || found.no_driver) && !found.torch ? "cpu" : null);
  if (variant) fixed.cuda = variant;
  const capability = maker || model.whyNever("cuda", variant) ? null : found.capability || capabilityOf(found.gpu || "", model.data.cards);
  if (capability) fixed.gpu = capability;
  const doubts = doubtsOf(found, fixed, model);
  if (pasted.length > MOST_READ) {
    doubts.unshift(`Only the first ${MOST_READ} of ${pasted.length} characters were read; paste the part about Python and torch.`);
  }
  return { fixed, driver: found.driver, heard: heardOf(fixed, found), doubts };
}

function heardOf(fixed, found) {
  if (found.no_driver && !found.gpu) fixed = { ...fixed, cuda: null };
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
    [found.refused && !found.torch, "The client says that this wheel is not for its Python or system: what is in its name was tried, and is not what you have. Paste what the line above prints."],
    [found.refused && found.torch, "The client found no wheel of that version for its Python and system: choose these, or paste what the line above prints."],
    [found.vendor, "The torch of NVIDIA's container is a build of its own, and not the release: no wheel here is for it."],
    [found.implementation && !fixed.py && !isCPython(found), model.whyNever("py", found.implementation)],
    [fixed.cuda === "cpu" && (found.torch || found.cuda) && !maker && !model.whyNever("platform", fixed.platform), "That torch is the CPU build. With an NVIDIA GPU, choose a CUDA."],
    ...(found.others || []).map((name) => [!foreign, otherCard(name, model)]),
    [found.gpu && !maker && !fixed.gpu && !foreign, `The GPU “${found.gpu}” is not known here; choose its generation.`],
    [found.conda, "That torch is conda's: on Linux it may have another C++ ABI than the wheels, which “invoke find” compares."],
    [found.toolkit, `CUDA ${found.toolkit} is that of the toolkit (nvcc), not torch's. What counts is torch.version.cuda, which the line above prints.`],
    [saidCuda(found) && fixed.cuda, `CUDA ${cudaVersion(fixed.cuda || "cu00")} is taken for torch's; “torch.version.cuda”, which the line above prints, is what counts.`],
    [found.driver && !fixed.cuda, "That is the newest CUDA of the driver, not torch's; torch's may be older."],
    [newerMajor(fixed.cuda, found.driver), `torch's CUDA needs a newer driver: this one supports CUDA up to ${found.driver}.`],
    [found.silent, "The driver does not say which CUDA it supports; install it anew before you choose by it."],
    [found.no_driver, "No NVIDIA driver is there. With an NVIDIA GPU, install its driver first, then choose a CUDA."],
    [found.lacks_libstdcxx, `The libstdc++ that was found is older than ${found.lacks_libstdcxx}: “invoke find” compares it with what each wheel needs.`],
  ];
  const libc = libcDoubt(found, fixed, model);
  if (libc) rows.push([true, libc]);
  return rows.filter(([holds]) => holds).map(([, text]) => text);
}

/** What to know of a card beside the first. */
function otherCard(name, model) {
  const capability = capabilityOf(name, model.data.cards);
  return `The card “${name}”${capability ? ` (${capability})` : ""} is there, too: choose it below GPU to see whether the wheel has code for it.`;
}

/** Whether nothing but somebody's words say which CUDA torch has. */
function saidCuda(found) {
  return Boolean(found.said_cuda) && !found.variant && !found.cuda && !/\+(?:cu\d|cpu|rocm|xpu)/.test(found.torch || "");
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

/** The platform of the matrix for a system or a wheel's tag, whatever its manylinux level; else what people call it. */
function platformOf(system, machine, libc, tag = "") {
  if (PLATFORMS[system]) return system;
  if (/^(?:win32|linux-i686|32)$/.test(tag) || /^win32$|_i686$/.test(tag ? "" : machine)) return "32-bit " + (/^win/.test(system) ? "Windows" : "Linux");
  const arm = /arm|aarch/i.test(machine + system);
  if (/^win/.test(system)) return arm ? "Windows on ARM" : "win_amd64";
  if (/^musllinux/.test(system) || (/^linux/.test(system) && /^musl/.test(libc))) return "Linux with musl";
  if (/^(many)?linux/.test(system)) return arm ? "Linux on ARM" : "linux_x86_64";
  return /^(darwin|macos)/i.test(system) ? "macOS" : system;
}

/** 3.13t, or "PyPy 3.10" of what is no CPython. */
function pythonOf(found) {
  const version = minorOf(found.python) + (found.free_threaded ? "t" : "");
  return isCPython(found) ? version : `${found.implementation} ${version}`;
}

function isCPython(found) {
  return !found.implementation || found.implementation === "CPython";
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
  if (saidCuda(found) && !found.driver && !found.toolkit) return "cu" + found.said_cuda.replace(".", "");
  return found.cuda === "None" || (found.torch && found.said_all) ? "cpu" : null;
}
