"""The calls that stand-ins wrote down, as a text that is the same on every machine.

Folders become names; what every call of a program has in common is told once; calls are sorted, because compilers run
side by side and start in any order. The words of a call keep their order, because it counts (of two `-std` the last, of
two directories the first): `(2)` in what is common is where a call has what stands behind its own `(2)`.
What setup.py tries out (a test.c in the temporary folder) is told apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

WITH_VALUE = ("-Xcompiler", "-Xcudafe", "-o", "-c", "-MF", "/sourceDependencies")
THREADS = re.compile(r"--threads=\d+")  # as many as cores and memory are free when the call is made
OBJECT = re.compile(r"\{objects\}/([0-9a-f]{20})/")


def describe_calls(calls: Sequence[Mapping[str, Any]], folders: Mapping[str, str]) -> str:
    """Every call, by program and op; `folders` are the names of paths, the longest path is tried first."""
    normal = [_normal(call, folders) for call in calls]
    probes = [call for call in normal if any("{temporary}" in word for word in call["words"])]
    ours = [call for call in normal if call not in probes]
    modules = dict(found for call in ours if call["program"] == "link" for found in _module(call["words"]))
    parts = [_probes(probes)]
    for program in ("cl", "nvcc", "link"):
        parts.append(_of_program(program, [call for call in ours if call["program"] == program], modules))
    return "\n".join(parts)


def _normal(call: Mapping[str, Any], folders: Mapping[str, str]) -> dict[str, Any]:
    def named(text: str) -> str:
        for name, folder in sorted(folders.items(), key=lambda item: -len(item[1])):
            text = re.sub(re.escape(folder), lambda match, name=name: f"{{{name}}}", text, flags=re.I)  # type: ignore[misc]
        return text.replace("\\", "/")

    return {
        "program": call["program"],
        "words": _pairs([named(word) for word in call["argv"] if not THREADS.fullmatch(word)]),
        "places": {"folder": named(call["cwd"]), **{name: named(value) for name, value in call["env"].items()}},
    }


def _pairs(words: Sequence[str]) -> list[str]:
    """The words, an option and its value as one."""
    paired: list[str] = []
    for word in words:
        if paired and paired[-1] in WITH_VALUE:
            paired[-1] += f" {word}"
        else:
            paired.append(word)
    return paired


def _module(words: Iterable[str]) -> Iterable[tuple[str, str]]:
    """The folder of objects and the op's module, from a link line."""
    for word in words:
        found = OBJECT.search(word)
        if found and word.startswith("/OUT:"):
            yield found[1], word.rpartition("/")[2].partition(".")[0]


def _probes(probes: Sequence[Mapping[str, Any]]) -> str:
    libraries = {
        word for call in probes if call["program"] == "link" for word in call["words"] if word.endswith(".lib")
    }
    return "tried out by setup.py: " + " ".join(sorted(library for library in libraries if "/" not in library)) + "\n"


def _of_program(program: str, calls: Sequence[Mapping[str, Any]], modules: Mapping[str, str]) -> str:
    assert calls, f"no call of {program} was written down"
    common, own = told_once([[_with_modules(word, modules) for word in call["words"]] for call in calls])
    lines = [f"== every {program}", *(f"{name}: {value}" for name, value in sorted(_common_places(calls).items()))]
    return "\n".join([*lines, *common, "", f"== each of {len(calls)} {program}", *sorted(own), ""])


def told_once(calls: Sequence[Sequence[str]]) -> tuple[list[str], list[str]]:
    """What all calls have in this order, a new line where some have more; and what each call has more."""
    common = _in_all(calls)
    gaps = [_gaps(call, common) for call in calls]
    used = sorted({place for found in gaps for place in found})
    number = {place: f"({index})" for index, place in enumerate(used, 1)}
    ends = [*used, len(common)]
    lines = [" ".join(common[: ends[0]])] if ends[0] else []
    lines += [" ".join([number[place], *common[place:end]]) for place, end in pairwise(ends)]
    own = [" ".join(" ".join([number[place], *found[place]]) for place in sorted(found)) for found in gaps]
    return lines, own


def _in_all(calls: Sequence[Sequence[str]]) -> list[str]:
    """A row of words that every call has in this order; the same one whatever the order of the calls."""
    first, *others = sorted(calls, key=list)
    common = list(first)
    for call in others:
        blocks = SequenceMatcher(None, common, call, autojunk=False).get_matching_blocks()
        common = [word for block in blocks for word in common[block.a : block.a + block.size]]
    return common


def _gaps(call: Sequence[str], common: Sequence[str]) -> dict[int, list[str]]:
    """The words of a call that are not common, by how many of the common ones stand before them."""
    found: dict[int, list[str]] = {}
    place = 0
    for word in call:
        if place < len(common) and word == common[place]:
            place += 1
        else:
            found.setdefault(place, []).append(word)
    assert place == len(common), "every call has the common words in their order"
    return found


def _common_places(calls: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    first: dict[str, str] = calls[0]["places"]
    for call in calls:
        assert call["places"] == first, f"one call sees other variables: {call['places']} instead of {first}"
    return first


def _with_modules(text: str, modules: Mapping[str, str]) -> str:
    return OBJECT.sub(lambda found: f"{{{modules.get(found[1], 'unlinked')}}}/", text)
