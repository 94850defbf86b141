"""What stands between a toolkit, a host compiler and a target, asked before anything is compiled.

The gates are rules (scripts/data/rules.yaml); the names that only a toolchain brings get their values here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.version import Version

from scripts.errors import PrerequisiteError
from scripts.facts.facts import Facts
from scripts.facts.rules import Rule
from scripts.plan.context import Context, parse_arches
from scripts.plan.target import Target


@dataclass(frozen=True, kw_only=True)
class Gates:
    """The rules that may refuse a target, and what a refusal adds for whoever reads it."""

    target: str  # its id
    rules: tuple[Rule, ...]
    accepted: str  # "it takes CUDA 12.4 and a GCC up to 13"

    def require(self, context: Context) -> None:
        """Raise PrerequisiteError with every rule that refuses the target in this `context`."""
        refused = [f"  {rule.id}: {rule.reason}" for rule in self.rules if rule.when.holds(context)]
        if refused:
            found = ", ".join(describe_toolchain(context))
            with_what = f" with {found}" if found else ""
            lines = [f"{self.target} cannot be compiled{with_what}:", *refused, f"  {self.accepted}"]
            raise PrerequisiteError("\n".join(lines), id="toolchain-not-accepted")


def gates_of(target: Target, facts: Facts) -> Gates:
    """The gates of the target."""
    rules = tuple(rule for rule in facts.rules if rule.level == "refuse")
    return Gates(target=target.id, rules=rules, accepted=_accepted(target, facts))


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


def msvc_context(toolset: str, msc_ver: int) -> dict[str, str | bool]:
    """What conditions may ask of an MSVC toolset ("14.44"); only one that its CUDA accepts is ever taken."""
    return {"toolset": toolset, "msc-ver": str(msc_ver)}


def linker_context(target: Target, facts: Facts, host: Context) -> dict[str, str | bool]:
    """Whether a `host` compiler of MSVC is as new as the one that linked the target's torch."""
    toolset = host.get("toolset")
    if not isinstance(toolset, str):
        return {}
    return {"toolset-links-torch": Version(toolset) >= Version(facts.torch[target.torch_minor].msvc)}


def gcc_context(facts: Facts, major: int, cuda: str | None) -> dict[str, str | bool]:
    """What conditions may ask of a GCC, with the toolkit version `cuda` where there is one."""
    row = facts.cuda.get(cuda or "")
    return {"gcc": str(major), **({"gcc-accepted": major <= row.gcc_max} if row else {})}


def arch_context(facts: Facts, arches: str, cuda: str) -> dict[str, str | bool]:
    """Whether the toolkit itself compiles for every architecture: it may be another one than the target names."""
    sms = facts.cuda[cuda].sms if cuda in facts.cuda else ()
    return {"arch-supported": all(major * 10 + minor in sms for major, minor in parse_arches(arches))}


def standard_context(commands: Iterable[Iterable[str]]) -> dict[str, str | bool]:
    """The oldest C++ standard that any of the captured compile commands asks for; empty when none names one."""
    named = [word.rpartition("c++")[2] for argv in commands for word in _last_standard(argv)]
    numbers = [int(number) for number in named if number.isdecimal()]
    return {"std": str(min(numbers))} if numbers else {}


def _last_standard(argv: Iterable[str]) -> list[str]:
    """The word that counts: of several the compilers take the last."""
    return [word for word in argv if word.startswith(("-std=", "/std:"))][-1:]


def describe_toolchain(context: Context) -> list[str]:
    """The toolchain in words, as far as `context` knows it."""
    words = {"toolkit-version": "CUDA {}", "toolset": "MSVC {}", "gcc": "GCC {}", "std": "C++{}"}
    return [text.format(context[name]) for name, text in words.items() if name in context]


def _accepted(target: Target, facts: Facts) -> str:
    wanted = target.cuda_version
    row = facts.cuda.get(wanted or "")
    if row is None:
        return "the target's own rules say what it takes: invoke plan"
    return f"it takes CUDA {wanted}{f' and a GCC up to {row.gcc_max}' if target.system == 'linux' else ''}"
