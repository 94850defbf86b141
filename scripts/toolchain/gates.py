"""What stands between a toolkit, a host compiler and a cell, asked before anything is compiled.

The gates are rules (scripts/data/rules.yaml) about names that only a toolchain brings; these get their values here.
"""

from __future__ import annotations

from collections.abc import Iterable

from packaging.version import Version

from scripts.errors import PrerequisiteError
from scripts.facts.facts import Facts
from scripts.facts.rules import Rule
from scripts.plan.context import FOLLOWS_FROM, Context, parse_arches
from scripts.plan.target import Target


def toolkit_context(target: Target, facts: Facts, version: str, source: str) -> dict[str, str | bool]:
    """What conditions may ask of a toolkit of `version` ("12.4") that came from `source`, for a CUDA target."""
    wanted = target.cuda_version or ""
    tolerated = facts.deepspeed[target.deepspeed].cuda_minors
    return {
        "toolkit-version": version,
        "toolkit-major": version.partition(".")[0],
        "toolkit-source": source,
        "toolkit-matches-torch": version.partition(".")[0] == wanted.partition(".")[0],
        "toolkit-minor-matches-torch": version == wanted,
        "deepspeed-accepts-cuda": version == wanted or {version, wanted} <= set(tolerated),
    }


def msvc_context(facts: Facts, toolset: str, msc_ver: int, cuda: str | None, torch_minor: str) -> dict[str, str | bool]:
    """What conditions may ask of an MSVC toolset ("14.44"), with the toolkit version `cuda` where there is one."""
    context: dict[str, str | bool] = {
        "toolset": toolset,
        "msc-ver": str(msc_ver),
        "toolset-links-torch": Version(toolset) >= Version(facts.torch[torch_minor].msvc),
    }
    row = facts.cuda.get(cuda or "")
    if row and cuda:
        least = next((known.stl_min_cuda for known in facts.toolsets if known.version == toolset), None)
        context["msvc-accepted"] = row.msvc_min <= msc_ver < row.msvc_below
        context["stl-accepted"] = least is None or Version(cuda) >= Version(least)
    return context


def gcc_context(facts: Facts, major: int, cuda: str | None) -> dict[str, str | bool]:
    """What conditions may ask of a GCC, with the toolkit version `cuda` where there is one."""
    row = facts.cuda.get(cuda or "")
    return {"gcc": str(major), **({"gcc-accepted": major <= row.gcc_max} if row else {})}


def arch_context(facts: Facts, arches: str | None, cuda: str) -> dict[str, str | bool]:
    """Whether the toolkit itself compiles for every architecture: it may be another one than the cell names."""
    sms = facts.cuda[cuda].sms if cuda in facts.cuda else ()
    return {"arch-supported": all(major * 10 + minor in sms for major, minor in parse_arches(arches or ""))}


def standard_context(commands: Iterable[Iterable[str]]) -> dict[str, str | bool]:
    """The oldest C++ standard that any of the recorded compile commands asks for; empty when none names one."""
    named = [word.rpartition("c++")[2] for argv in commands for word in _last_standard(argv)]
    numbers = [int(number) for number in named if number.isdecimal()]
    return {"std": str(min(numbers))} if numbers else {}


def _last_standard(argv: Iterable[str]) -> list[str]:
    """The word that counts: of several the compilers take the last."""
    return [word for word in argv if word.startswith(("-std=", "/std:"))][-1:]


def gates(facts: Facts) -> tuple[Rule, ...]:
    """The rules that a plan cannot ask, since they wait for a toolchain."""
    return tuple(rule for rule in facts.rules if not rule.when.names <= FOLLOWS_FROM.keys())


def require_gates(target: Target, facts: Facts, context: Context) -> tuple[str, ...]:
    """What to know about this toolchain all the same; raises PrerequisiteError with every gate that refuses it."""
    held = [rule for rule in facts.rules if rule.level == "refuse" and rule.when.holds(context)]
    refused = [f"  {rule.id}: {rule.reason}" for rule in held]
    if refused:
        found = ", ".join(describe_toolchain(context))
        lines = [f"{target.id} cannot be compiled with {found}:", *refused, _cure(target, facts)]
        raise PrerequisiteError("\n".join(lines))
    warnings = [rule for rule in gates(facts) if rule.level == "warn" and rule.when.holds(context)]
    return tuple(f"{rule.id}: {rule.reason}" for rule in warnings)


def describe_toolchain(context: Context) -> list[str]:
    """The toolchain in words, as far as `context` knows it."""
    words = {"toolkit-version": "CUDA {}", "toolset": "MSVC {}", "gcc": "GCC {}", "std": "C++{}"}
    return [text.format(context[name]) for name, text in words.items() if name in context]


def _cure(target: Target, facts: Facts) -> str:
    """What would be accepted."""
    wanted = target.cuda_version
    row = facts.cuda.get(wanted or "")
    if row is None:
        return "  the target's own rules say what it takes: invoke plan"
    if target.system == "linux":
        return f"  it takes CUDA {wanted} and a GCC up to {row.gcc_max}"
    lines = [choice.toolset for choice in facts.toolset_choices if wanted in choice.cuda]
    return f"  it takes CUDA {wanted} and MSVC toolset {' or '.join(lines)}"
