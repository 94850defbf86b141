"use strict";
// What exists: the data of data.js, decoded as far as it is asked for. Knows nothing of the page.

const AXES = ["deepspeed", "torch", "cuda", "py", "platform"]; // in the order of a target; the last one counts fastest
const FIRST = "]".charCodeAt(0); // as in data.py
const PLATFORMS = { win_amd64: "Windows", linux_x86_64: "Linux" };

class Model {
  constructor(data) {
    this.data = data;
    const { python, ...same } = data.axes;
    this.axes = { ...same, py: python };
    this.rows = new Map(data.wheels.number.map((number, row) => [number, row]));
  }

  /** The number of the choice's combination; -1 when one of its values is on no axis. */
  number(choice) {
    let number = 0;
    for (const axis of AXES) {
      const position = this.axes[axis].indexOf(choice[axis]);
      if (position < 0) return -1;
      number = number * this.axes[axis].length + position;
    }
    return number;
  }

  /** The choice whose combination has this number. */
  choiceAt(number) {
    const choice = {};
    for (const axis of [...AXES].reverse()) {
      const values = this.axes[axis];
      choice[axis] = values[number % values.length];
      number = Math.floor(number / values.length);
    }
    return choice;
  }

  /** {state, rule, text, url} of the choice's combination. */
  stateOf(choice) {
    const number = this.number(choice);
    if (number < 0) return { state: "unplanned", rule: "", text: this.offAxis(choice) };
    return this.stateAt(number);
  }

  stateAt(number) {
    if (this.rows.has(number)) return { state: "published", rule: "", text: "" };
    const build = this.data.builds[number];
    if (build) return { state: build[0], rule: "", text: build[1], url: build[2] };
    const [state, rule, text] = this.data.reasons[this.data.combinations.charCodeAt(number) - FIRST];
    return { state, rule, text };
  }

  offAxis(choice) {
    const strange = AXES.filter((axis) => !this.axes[axis].includes(choice[axis]));
    const reasons = [...new Set(strange.map((axis) => cameBefore(axis, choice[axis]) || this.whyNever(axis, choice[axis])).filter(Boolean))];
    if (reasons.length) return reasons.join(" ");
    return "Not in the matrix: " + strange.map((axis) => named(axis, choice[axis])).join(", ") + ".";
  }

  /** Why no wheel has such a value, where a row of the data says it: of other systems, processors and makers' GPUs. */
  whyNever(axis, value) {
    const rows = this.data.never.filter(([about]) => about === (axis === "py" ? "python" : axis));
    const row = rows.find(([, patterns]) => patterns.some((pattern) => like(value || "", pattern)));
    return row ? row[2] : null;
  }

  /** The published wheel of the choice's combination, or null. */
  wheelOf(choice) {
    const row = this.rows.get(this.number(choice));
    if (row === undefined) return null;
    const { columns, tables, bytes, sha256 } = this.data.wheels;
    const found = { choice, bytes: bytes[row], sha256: hexOf(sha256.slice(row * 43, row * 43 + 43)) };
    for (const [name, column] of Object.entries(columns)) found[name] = tables[name][column[row]];
    found.file = fileOf(choice, found.platformTag);
    found.url = found.base + encodeURIComponent(found.file);
    return found;
  }

  /** The glibc that the wheel of this choice asks for by its tag; empty where it has none or there is no wheel. */
  glibcOf(choice) {
    const level = (this.wheelOf(choice) || { platformTag: "" }).platformTag.match(/manylinux_(\d+)_(\d+)_/);
    return level ? `${level[1]}.${level[2]}` : "";
  }

  /** The architectures that a wheel of this combination has or would have. */
  archesOf(choice) {
    const row = this.rows.get(this.number(choice));
    if (row === undefined) return this.data.arches[choice.cuda] || [];
    return this.data.wheels.tables.arches[this.data.wheels.columns.arches[row]];
  }

  /** Whether the CUDA ops of this combination run on the chosen GPU; a CPU wheel runs beside any. */
  fits(choice) {
    return !choice.gpu || choice.cuda === "cpu" || runsOn(this.archesOf(choice), choice.gpu);
  }

  /** The numbers of the combinations to offer: what is published, or as long as that is nothing, what is planned. */
  offered() {
    if (this.rows.size) return [...this.rows.keys()];
    const planned = this.data.reasons.map(([state]) => state === "planned");
    return [...this.data.combinations].flatMap((found, number) => (planned[found.charCodeAt(0) - FIRST] ? [number] : []));
  }

  /**
   * The newest offered combination that agrees with what is fixed, and else with as much of it as can be; before it is
   * newest it is one that the driver runs, where the newest CUDA of a driver is given.
   */
  best(fixed, driver) {
    let found = null;
    for (const number of this.offered()) {
      const choice = { ...this.choiceAt(number), gpu: fixed.gpu || "" };
      const rank = this.rank(choice, fixed, driver);
      if (!found || before(found.rank, rank)) found = { choice, rank };
    }
    return { ...(found ? found.choice : {}), ...fixed };
  }

  rank(choice, fixed, driver) {
    const agreed = AXES.filter((axis) => fixed[axis] === choice[axis]).length;
    const index = (axis) => this.axes[axis].indexOf(choice[axis]);
    const driven = driver ? drivenBy(driver, choice.cuda) : 0;
    const accelerated = choice.cuda === "cpu" ? 0 : 1;
    return [agreed, this.fits(choice) ? 1 : 0, driven, index("deepspeed"), index("torch"), accelerated, index("cuda"), index("py")];
  }

  /**
   * At most `count` offered combinations near the choice, each with other axes to change, the least distance first. All are
   * for the choice's own system, and none is for CUDA where torch is for another maker's GPUs.
   */
  nearest(choice, count) {
    const best = new Map();
    const foreign = this.whyNever("cuda", choice.cuda);
    for (const number of this.offered()) {
      const other = { ...this.choiceAt(number), gpu: choice.gpu };
      const changed = AXES.filter((axis) => other[axis] !== choice[axis]);
      if (!changed.length || changed.includes("platform") || !this.fits(other)) continue;
      if (foreign && other.cuda !== "cpu") continue;
      const sum = changed.reduce((sum, axis) => sum + this.distance(axis, choice[axis], other[axis]), 0);
      const distance = Number(sum.toFixed(this.data.distance.decimals));
      const kind = changed.join();
      if (!best.has(kind) || distance <= best.get(kind).distance) best.set(kind, { choice: other, changed, distance, number });
    }
    const ranked = [...best.values()].sort((one, two) => one.distance - two.distance || two.number - one.number);
    // what needs a change that a better offer does without is no help
    const useful = ranked.filter((offer, index) =>
      !ranked.slice(0, index).some((better) => better.changed.every((axis) => offer.changed.includes(axis))));
    return useful.slice(0, count);
  }

  /** How far the change of one axis is; counted as in scripts/plan/distance.py, by its numbers. */
  distance(axis, from, to) {
    const { weights, losesGpu, older } = this.data.distance;
    const values = this.offeredValues()[axis];
    const steps = values.indexOf(to) - positionOf(from, values);
    const far = Math.abs(steps) / values.length + (steps < 0 ? older : 0);
    return weights[axis === "py" ? "python" : axis] + far + (axis === "cuda" && (from === "cpu") !== (to === "cpu") ? losesGpu : 0);
  }

  /** The values of each axis that some offered combination has, in order. */
  offeredValues() {
    if (!this.valuesOffered) {
      const choices = this.offered().map((number) => this.choiceAt(number));
      const some = (axis) => new Set(choices.map((choice) => choice[axis]));
      const kept = (axis, there) => this.axes[axis].filter((value) => there.has(value));
      this.valuesOffered = Object.fromEntries(AXES.map((axis) => [axis, kept(axis, some(axis))]));
    }
    return this.valuesOffered;
  }
}

/** What to do about a torch from before its release; null for every other value. */
function cameBefore(axis, value) {
  if (axis !== "torch" || !isPreRelease(value)) return null;
  return `torch ${value} came before the release of torch ${minorOf(value)}, and its binary interface differs: the release goes in first, then its wheel.`;
}

/** Whether a value is as a pattern of the data has it, * being any text; neither's case counts. */
function like(value, pattern) {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".{0,200}")}$`, "i").test(value);
}

/** How well a driver runs the ops of a variant: 2 up to its own CUDA, 1 for later minors of that major, 0 else. */
function drivenBy(driver, variant) {
  if (variant === "cpu") return 0;
  const [wanted, newest] = [numbersOf(cudaVersion(variant)), numbersOf(driver)];
  return before(newest, wanted) ? (wanted[0] === newest[0] ? 1 : 0) : 2;
}

/** Where the value stands among the ordered values, or would stand: a half between two of them. */
function positionOf(value, values) {
  if (values.includes(value)) return values.indexOf(value);
  return values.filter((other) => before(numbersOf(other), numbersOf(value))).length - 0.5;
}

function numbersOf(text) {
  return (text.match(/\d+/g) || [0]).map(Number);
}

/** Whether the first row of numbers comes before the second. */
function before(one, two) {
  const index = one.findIndex((value, at) => value !== two[at]);
  return index >= 0 && one[index] < two[index];
}

/** Compiled code runs on its own architecture and on later minors of it (9.0a: on that alone); +PTX on any later one. */
function runsOn(arches, capability) {
  const [major, minor] = capability.split(".").map(Number);
  return arches.some((arch) => {
    const [has, least] = arch.split("+")[0].split(".").map((digits) => parseInt(digits, 10));
    if (arch.endsWith("a")) return major === has && minor === least;
    return (major === has && minor >= least) || (major > has && arch.endsWith("+PTX"));
  });
}

function hexOf(short) {
  return [...atob(short + "=")].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}

/** The wheel's name, as scripts/plan/target.py makes it. */
function fileOf(choice, platformTag) {
  const tag = "cp" + choice.py.replace(".", "");
  return `deepspeed-${versionOf(choice)}-${tag.replace(/t$/, "")}-${tag}-${platformTag}.whl`;
}

function versionOf(choice) {
  return `${choice.deepspeed}+${choice.cuda}torch${choice.torch}`;
}

function cudaVersion(variant) {
  return `${variant.slice(2, -1)}.${variant.slice(-1)}`;
}

/** The value as users call it: "CUDA 12.4". */
function named(axis, value) {
  if (axis === "platform") return PLATFORMS[value] || value;
  if (axis === "cuda") return value === "cpu" ? "CPU only" : /^cu\d{2,}$/.test(value) ? `CUDA ${cudaVersion(value)}` : value;
  if (axis === "gpu") return `compute capability ${value}`;
  return { deepspeed: "DeepSpeed ", torch: "torch ", py: "Python " }[axis] + value;
}

/** The choice in one line. */
function nameOf(choice) {
  return ["torch", "cuda", "py", "platform"].map((axis) => named(axis, choice[axis])).join(" · ");
}

/** The same with spaces that keep a name and its version, and a dot and what stands before it, on one line. */
function unbroken(text) {
  return text.replace(/ (?=[\d·])|(?<=CPU) /g, "\u00a0");
}
