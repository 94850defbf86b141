"use strict";
// The pyproject.toml for uv of a published wheel, as scripts/index/uv_project.py makes it.

const SYSTEM_MARKERS = {
  win_amd64: "sys_platform == 'win32' and platform_machine == 'AMD64'",
  linux_x86_64: "sys_platform == 'linux' and platform_machine == 'x86_64'",
};

/** The whole file: every variant that is offered of the wheel's DeepSpeed, torch minor and Python is an extra. */
function uvProject(model, wheel) {
  const { deepspeed, torch, py, cuda } = wheel.choice;
  const systems = systemsOf(model, wheel.choice);
  const variants = Object.keys(systems);
  const there = Object.keys(SYSTEM_MARKERS).filter((platform) => Object.values(systems).some((found) => found.includes(platform)));
  const python = py.replace(/t$/, "");
  const sources = (project) => variants.map((variant) => `{ index = "${project}-${variant}", extra = "${variant}" }`).join(", ");
  const conflicts = variants.map((variant) => `{ extra = "${variant}" }`).join(", ");
  const indexOf = (name, url) => ["", "[[tool.uv.index]]", `name = "${name}"`, `url = "${url}"`, "explicit = true"];
  return [
    `# DeepSpeed ${deepspeed} for torch ${torch}, Python ${python}: uv sync --extra ${cuda}`,
    "[project]",
    'name = "my-project"',
    'version = "0.1.0"',
    `requires-python = "==${python}.*"`,
    "",
    "[project.optional-dependencies]",
    ...variants.map((variant) => `${variant} = [${quoted(neededFor({ ...wheel.choice, cuda: variant }, systems[variant]))}]`),
    "",
    "[tool.uv]",
    `environments = [${quoted(there.map((platform) => SYSTEM_MARKERS[platform]))}]`,
    ...(variants.length > 1 ? [`conflicts = [[${conflicts}]]`] : []),
    "",
    "[tool.uv.sources]",
    `torch = [${sources("torch")}]`,
    `deepspeed = [${sources("deepspeed")}]`,
    ...variants.flatMap((variant) => [
      ...indexOf(`torch-${variant}`, model.data.torchIndex.replaceAll("{variant}", variant)),
      ...indexOf(`deepspeed-${variant}`, `${model.data.site}whl/${variant}/torch${torch}/`),
    ]),
    "",
  ].join("\n");
}

/** The platforms that each variant is offered for, the chosen variant first. */
function systemsOf(model, choice) {
  const same = (other) => ["deepspeed", "torch", "py"].every((axis) => other[axis] === choice[axis]);
  const found = [...model.rows.keys()].map((number) => model.choiceAt(number)).filter(same);
  const others = [...new Set(found.map((other) => other.cuda))].filter((variant) => variant !== choice.cuda).sort();
  const platforms = (variant) => Object.keys(SYSTEM_MARKERS).filter((platform) =>
    found.some((other) => other.cuda === variant && other.platform === platform));
  return Object.fromEntries([choice.cuda, ...others].map((variant) => [variant, platforms(variant)]));
}

/** What an extra requires; a variant that one system has alone is required there alone. */
function neededFor(choice, platforms) {
  const where = platforms.length === 1 ? ` ; ${SYSTEM_MARKERS[platforms[0]]}` : "";
  return [`torch==${choice.torch}.*${where}`, `deepspeed==${versionOf(choice)}${where}`];
}

function quoted(texts) {
  return texts.map((text) => `"${text}"`).join(", ");
}
