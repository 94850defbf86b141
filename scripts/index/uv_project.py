"""The `pyproject.toml` for uv of a chosen wheel: both systems, one extra for each CUDA variant, our index and torch's.

The extras exclude each other, since each brings another torch. Both indexes are explicit: no package but torch and
deepspeed is taken from them. scripts/index/page/browser/uv_project.js writes the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from scripts.plan.target import Target
from scripts.versions import LINUX, WINDOWS
from scripts.wheel.published import Published, channel_of

SYSTEM_MARKERS = {
    WINDOWS: "sys_platform == 'win32' and platform_machine == 'AMD64'",
    LINUX: "sys_platform == 'linux' and platform_machine == 'x86_64'",
}


def uv_project(chosen: Target, published: Published) -> str:
    """The whole file: every variant that is offered of the chosen DeepSpeed, torch minor and Python is an extra."""
    systems = _systems(chosen, published)
    extras = {variant: tuple(_requirements(chosen, variant, found)) for variant, found in systems.items()}
    python = chosen.python.removesuffix("t")
    lines = [
        f"# DeepSpeed {chosen.deepspeed} for torch {chosen.torch_minor}, Python {python}:"
        f" uv sync --extra {chosen.cuda}",
        "[project]",
        'name = "my-project"',
        'version = "0.1.0"',
        f'requires-python = "=={python}.*"',
        "",
        "[project.optional-dependencies]",
        *(f"{variant} = [{_quoted(needed)}]" for variant, needed in extras.items()),
        "",
        "[tool.uv]",
        f"environments = [{_quoted(SYSTEM_MARKERS[each] for each in _in_order(systems))}]",
        *([f"conflicts = [[{_extras(extras)}]]"] if len(extras) > 1 else []),
        "",
        "[tool.uv.sources]",
        f"torch = [{_sources('torch', extras)}]",
        f"deepspeed = [{_sources('deepspeed', extras)}]",
    ]
    for variant in extras:
        target = Target(**{**vars(chosen), "cuda": variant})
        lines += _index(f"torch-{variant}", published.torch_channel(target))
        lines += _index(f"deepspeed-{variant}", f"{published.url}{channel_of(target)}")
    return "\n".join([*lines, ""])


def _systems(chosen: Target, published: Published) -> Mapping[str, Sequence[str]]:
    """The platforms that each variant is offered for, the chosen variant first."""
    same = (chosen.deepspeed, chosen.torch_minor, chosen.python)
    targets = (record.target for record in published.offered.wheels)
    found = {
        (target.cuda, target.platform)
        for target in targets
        if (target.deepspeed, target.torch_minor, target.python) == same
    }
    variants = sorted({variant for variant, _ in found}, key=lambda variant: (variant != chosen.cuda, variant))
    return {variant: tuple(each for each in SYSTEM_MARKERS if (variant, each) in found) for variant in variants}


def _in_order(systems: Mapping[str, Sequence[str]]) -> Iterable[str]:
    there = {platform for platforms in systems.values() for platform in platforms}
    return (platform for platform in SYSTEM_MARKERS if platform in there)


def _requirements(chosen: Target, variant: str, platforms: Sequence[str]) -> Iterable[str]:
    """What an extra requires; a variant that one system has alone is required there alone."""
    version = Target(**{**vars(chosen), "cuda": variant}).wheel_version
    where = f" ; {SYSTEM_MARKERS[platforms[0]]}" if len(platforms) == 1 else ""
    return (f"torch=={chosen.torch_minor}.*{where}", f"deepspeed=={version}{where}")


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join(f'"{text}"' for text in texts)


def _extras(variants: Iterable[str]) -> str:
    return ", ".join(f'{{ extra = "{variant}" }}' for variant in variants)


def _sources(project: str, variants: Iterable[str]) -> str:
    return ", ".join(f'{{ index = "{project}-{variant}", extra = "{variant}" }}' for variant in variants)


def _index(name: str, url: str) -> list[str]:
    return ["", "[[tool.uv.index]]", f'name = "{name}"', f'url = "{url}"', "explicit = true"]
