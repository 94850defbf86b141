"""What conditions may ask of a target before there is a toolkit: `context_of`, and the axes behind each name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from scripts.facts.facts import Facts
from scripts.facts.torch_releases import TorchRelease
from scripts.plan.target import Target

Context = Mapping[str, str | bool]

FOLLOWS_FROM: Mapping[str, tuple[str, ...]] = {
    "deepspeed": ("deepspeed",),
    "torch": ("torch",),
    "os": ("platform",),
    "platform": ("platform",),
    "python": ("python",),
    "free-threaded": ("python",),
    "accelerator": ("cuda",),
    "cuda": ("cuda",),
    "cuda-version": ("cuda",),
    "cuda-major": ("cuda",),
    "arch": ("cuda",),
    "arch-max": ("cuda",),
    "arch-supported": ("cuda",),
    "arch-in-torch": ("torch", "cuda", "platform"),
    "torch-has-cuda": ("torch", "cuda"),
    "torch-has-python": ("torch", "python", "platform"),
}


def context_of(target: Target, facts: Facts, arches: str | None) -> dict[str, str | bool]:
    """The context of a target whose architectures are `arches`; names about CUDA are absent for CPU."""
    torch = facts.torch[target.torch_minor]
    context: dict[str, str | bool] = {
        "deepspeed": target.deepspeed,
        "torch": target.torch,
        "os": target.system,
        "platform": target.platform,
        "python": target.python,
        "free-threaded": target.python.endswith("t"),
        "accelerator": target.accelerator,
        "cuda": target.cuda,
        "torch-has-cuda": target.cuda == "cpu" or target.cuda in torch.cuda,
        "torch-has-python": target.python in torch.pythons[target.system],
    }
    version = target.cuda_version
    if version:
        context |= {"cuda-version": version, "cuda-major": version.partition(".")[0]}
    if version and arches:
        context |= _context_of_arches(arches, facts.cuda[version].sms)
        context["arch-in-torch"] = runs_everywhere(arches, _arches_of(torch, target))
    return context


def _context_of_arches(arches: str, sms: tuple[int, ...]) -> dict[str, str | bool]:
    asked = sorted(parse_arches(arches))
    return {
        "arch": _as_text(asked[0]),
        "arch-max": _as_text(asked[-1]),
        "arch-supported": all(major * 10 + minor in sms for major, minor in asked),
    }


@cache
def runs_everywhere(arches: str, code: str) -> bool:
    """Whether binaries with `code` run on all of `arches`: the same major and no newer minor, or older PTX.

    >>> runs_everywhere("6.1;8.9", "6.0;8.6"), runs_everywhere("7.0;12.0", "7.0;8.0+PTX"), runs_everywhere("7.0", "6.0")
    (True, True, False)
    """
    compiled = parse_arches(code)
    return all(
        any(
            (major == own and minor >= step) or (has_ptx and (own, step) <= (major, minor))
            for (own, step), has_ptx in compiled.items()
        )
        for major, minor in parse_arches(arches)
    )


@cache
def parse_arches(arches: str) -> Mapping[tuple[int, int], bool]:
    """The architectures of a TORCH_CUDA_ARCH_LIST, each with whether its PTX is in it too.

    >>> dict(parse_arches("8.6;9.0a;12.0+PTX"))
    {(8, 6): False, (9, 0): False, (12, 0): True}
    """
    found: dict[tuple[int, int], bool] = {}
    for word in arches.split(";"):
        number, _, suffix = word.partition("+")
        major, _, minor = number.rstrip("af").partition(".")
        found[int(major), int(minor)] = suffix == "PTX"
    return found


def _arches_of(torch: TorchRelease, target: Target) -> str:
    """What torch's binaries were compiled for; what is not there at all cannot be held against an architecture."""
    return torch.arches[target.system].get(target.cuda, "0.0+PTX")


def _as_text(arch: tuple[int, int]) -> str:
    return f"{arch[0]}.{arch[1]}"
