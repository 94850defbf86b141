"""The calls that stand-ins wrote down, as a text that is the same on every machine.

Folders become names; what every call of a program has in common is told once; calls are sorted, because compilers run
side by side and start in any order. What setup.py tries out (a test.c in the temporary folder) is told apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

WITH_VALUE = ("-Xcompiler", "-Xcudafe", "-o", "-c")
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
    shared = [word for word in calls[0]["words"] if all(word in call["words"] for call in calls)]
    lines = [f"== every {program}", *(f"{name}: {value}" for name, value in sorted(_common_places(calls).items()))]
    lines += [" ".join(shared), ""]
    own = sorted(
        _with_modules(" ".join(word for word in call["words"] if word not in shared), modules) for call in calls
    )
    return "\n".join([*lines, f"== each of {len(calls)} {program}", *own, ""])


def _common_places(calls: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    first: dict[str, str] = calls[0]["places"]
    for call in calls:
        assert call["places"] == first, f"one call sees other variables: {call['places']} instead of {first}"
    return first


def _with_modules(text: str, modules: Mapping[str, str]) -> str:
    return OBJECT.sub(lambda found: f"{{{modules.get(found[1], 'unlinked')}}}/", text)
