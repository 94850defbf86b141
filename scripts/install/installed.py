"""Whether the DeepSpeed that is installed can load its ops: read from what it says of itself, and nothing imported.

DeepSpeed compares the torch minor and the CUDA version of its build with those here before it loads an op that was
compiled ahead (op_builder/builder.py, `validate_torch_version`); without such ops it compiles at first use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement

from scripts.install.environment import Environment, Torch
from scripts.wheel.content import BuildInfo, is_module_of, parse_build_info

LABEL = re.compile(r"(?P<cuda>cpu|cu\d{3})torch(?P<torch>\d+\.\d+)")  # our own, and that of others who follow it
NONE = "0.0"  # DeepSpeed's word for a version that there is not


@dataclass(frozen=True, kw_only=True)
class Made:
    """What an installed DeepSpeed was made for, as far as it says so; an empty word is not known."""

    torch: str = ""  # "2.6"
    cuda: str = ""  # "cu124", "cpu"
    ops: tuple[str, ...] = ()  # of those that it says it has, what a file could be looked for


def why_wrong(environment: Environment) -> tuple[str, ...]:
    """Why the installed DeepSpeed cannot load its ops here; nothing when it can, has none, or does not say."""
    if environment.deepspeed is None:
        return ()
    made = _made(environment.deepspeed, environment.deepspeed_build.info)
    return tuple(_reasons(made, environment)) if made else ()


def _reasons(made: Made, environment: Environment) -> Iterator[str]:
    torch, build = environment.torch, environment.deepspeed_build
    if torch is None and made.torch:
        yield f"it is for torch {made.torch}, and no torch is installed"
    if torch and made.torch and torch.minor != made.torch:
        yield f"it is for torch {made.torch}, not {torch.version}"
    if torch and made.cuda and torch.variant != made.cuda:
        yield f"it is for {made.cuda}, and this torch is for {torch.variant}"
    foreign = [name for name in build.modules if name.partition(".")[2] not in build.suffixes]
    if foreign:
        yield f"{foreign[0]} is for another Python or system than Python {environment.version}, {environment.platform}"
    absent = [op for op in made.ops if not any(is_module_of(name, op) for name in build.modules)]
    if absent:
        yield f"it says that it has {', '.join(absent)}, and no file of that is there"


def _made(version: str, text: str) -> Made | None:
    """What it was made for, by its own file before its label; None where it says nothing, or has no op."""
    label = LABEL.fullmatch(version.partition("+")[2])
    info = parse_build_info(text) if text else None
    if info is None:
        return Made(torch=label["torch"], cuda=label["cuda"]) if label else None
    if not info.ops:
        return None
    said = str(info.torch.get("version") or NONE)
    return Made(torch="" if said == NONE else said, cuda=_variant(info), ops=info.ops)


def _variant(info: BuildInfo) -> str:
    """`cu124`, `rocm` or `cpu`."""
    cuda, hip = (str(info.torch.get(key) or NONE) for key in ("cuda_version", "hip_version"))
    if hip != NONE:
        return "rocm"
    return "cpu" if cuda == NONE else f"cu{cuda.replace('.', '')}"


def is_met(need: str, torch: Torch | None) -> bool:
    """Whether the installed torch is what a requirement asks for; one that cannot be read is believed."""
    try:
        wanted = Requirement(need)
    except InvalidRequirement:
        return True
    return torch is not None and wanted.specifier.contains(torch.version, prereleases=True)
