"""Which GPU architectures one compile serves: those of a family that no file of a unit tells apart.

nvcc's front end and cicc run once per virtual architecture and are most of what it costs; ptxas makes the code of each
real one. DeepSpeed compares `__CUDA_ARCH__` with few numbers, so for most of its kernels 8.0, 8.6 and 8.9 are one
program: `-gencode arch=compute_80,code=[sm_80,sm_86,sm_89]` gives the instructions of three separate compiles
(docs/design.md, Measured). Where a file says more about architectures than is understood, or includes a header of which
no row tells what it looks at, nothing is joined.

Source: NVIDIA's nvcc manual ("GPU Compilation"), CUDA C++ Programming Guide (`__CUDA_ARCH__`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from scripts.facts.arch_branches import ArchRows
from scripts.wheel_build.asked_names import SPLICE
from scripts.wheel_build.headers import Reach, include_dirs, reach
from scripts.wheel_build.recipe import Unit

FLAGS = ("-gencode", "--generate-code")
REAL = re.compile(r"arch=compute_(\d+),code=\[?sm_(\d+)\]?")
# a literal stays, since what looks like a comment in one is none
TOKEN = re.compile(
    rb'(R"([^()\s]{0,16})\(.*?\)\2"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n]){1,4}\')|//[^\n]*|/\*.*?\*/', re.DOTALL
)
MENTION = re.compile(rb"__CUDA_ARCH__\b")
ASKED_WHETHER = re.compile(rb"(?:#\s*ifn?def\s+|defined\s*\(?\s*)__CUDA_ARCH__\b")
# alone on its side, so that no arithmetic moves the number
COMPARED = re.compile(
    rb"(?:[(&|]|#\s*(?:el)?if\s)\s*__CUDA_ARCH__\s*(<=|>=|==|!=|<|>)\s*([1-9]\d*)(?=[ \t\r]*(?:[)&|?\n]|$))"
)
# other ways in which code learns of the architecture
NOT_UNDERSTOOD = re.compile(
    rb"__CUDA_(?:ARCH_(?!_\b)\w+|MINIMUM_ARCH__)|__CUDA_ARCH\b|__nvvm_reflect"
    rb"|\b(?:NV_(?:IF|DISPATCH|PROVIDES|IS_EXACTLY|HAS)|CUB_PTX_ARCH|_+CCCL_PTX)_?"
)


def with_joined_arches(unit: Unit, root: Path, rows: ArchRows) -> Unit:
    """The unit with one compile for all architectures that it cannot tell apart; as it is where nvcc is not run."""
    if unit.step != "nvcc":
        return unit
    found = reach((root / unit.source).resolve(), include_dirs(unit.argv, root), root)
    numbers = _branches(found.files, found.outside, rows)
    return unit if numbers is None else unit.to(unit.object, joined(unit.argv, numbers, rows.families))


def tells_none_apart(found: Reach, rows: ArchRows) -> bool:
    """Whether what a unit reads tells the architectures of no family apart."""
    numbers = _branches(found.files, found.outside, rows)
    within = ((10 * min(family), 10 * max(family)) for family in rows.families)
    return numbers is not None and not any(low < number <= high for low, high in within for number in numbers)


def joined(argv: Sequence[str], numbers: Iterable[int], families: Sequence[Sequence[int]]) -> tuple[str, ...]:
    """An nvcc command that compiles once for the architectures of a family between which none of the numbers lies.

    >>> two = ["-gencode=arch=compute_80,code=sm_80", "-gencode=arch=compute_86,code=sm_86"]
    >>> joined(["nvcc", *two], [530], [[80, 86]])
    ('nvcc', '-gencode=arch=compute_80,code=[sm_80,sm_86]')
    """
    limits = sorted(numbers)
    groups: dict[tuple[int, int], list[tuple[int, int]]] = {}  # family and side of the limits -> place, architecture
    asked = list(_real_arches(argv))
    for place, _, arch in asked:
        family = next((number for number, sms in enumerate(families) if arch in sms), -arch)
        side = sum(arch * 10 >= limit for limit in limits)
        groups.setdefault((family, side), []).append((place, arch))
    words = list(argv)
    lengths = {place: length for place, length, _ in asked}
    for members in groups.values():
        if len(members) > 1:
            arches = sorted(arch for _, arch in members)
            code = ",".join(f"sm_{arch}" for arch in arches)
            for number, (place, _) in enumerate(members):
                new = f"{FLAGS[0]}=arch=compute_{arches[0]},code=[{code}]" if number == 0 else ""
                words[place : place + lengths[place]] = [new, *[""] * (lengths[place] - 1)]
    return tuple(word for word in words if word)


def _real_arches(argv: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Where the command asks for the code of an architecture, in how many words, and which."""
    for place, word in enumerate(argv):
        flag, _, value = word.partition("=")
        apart = word in FLAGS
        match = REAL.fullmatch(argv[place + 1] if apart and place + 1 < len(argv) else value) if flag in FLAGS else None
        if match and match[1] == match[2]:
            yield place, 2 if apart else 1, int(match[1])


def _branches(files: Iterable[Path], outside: Iterable[str], rows: ArchRows) -> set[int] | None:
    """The numbers from which on the files may hold another program; None where that is not known."""
    numbers: set[int] = set()
    for name in outside:
        row = next((row for row in rows.branches if any(fnmatch(name, pattern) for pattern in row.headers)), None)
        if row is None:
            return None
        numbers |= set(row.numbers)
    for file in files:
        found = numbers_in(file.read_bytes())
        if found is None:
            return None
        numbers |= found
    return numbers


def numbers_in(content: bytes) -> set[int] | None:
    """The numbers at which a text tells architectures apart; None where it says more than comparisons."""
    code = TOKEN.sub(lambda found: found[1] or b" ", SPLICE.sub(b"", content))
    compared = COMPARED.findall(code)
    if len(compared) + len(ASKED_WHETHER.findall(code)) != len(MENTION.findall(code)) or NOT_UNDERSTOOD.search(code):
        return None
    return {side for sign, number in compared for side in _sides(sign, int(number))}


def _sides(sign: bytes, number: int) -> set[int]:
    """The numbers from which on a comparison comes out differently."""
    if sign in (b">=", b"<"):
        return {number}
    if sign in (b">", b"<="):
        return {number + 1}
    return {number, number + 1}
