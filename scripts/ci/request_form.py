"""What the form for a wheel holds, read as words of the plan; whatever else strangers write there is never repeated."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scripts.plan.target import AXES, ID, Target, parse_id
from scripts.versions import SYSTEMS

LONGEST = 60_000  # characters that are read
HEADINGS = {  # of the form, as .github/ISSUE_TEMPLATE/wheel-request.yml labels its fields
    "DeepSpeed": "deepspeed",
    "torch": "torch",
    "CUDA of torch, or cpu": "cuda",
    "Python": "python",
    "Platform": "platform",
    "What the detection line printed": "detected",
}
EMPTY = "_No response_"
WORD = re.compile(r"[A-Za-z0-9][\w.+-]{0,39}", re.ASCII)
DETECTED = re.compile(r"\{[^{}]{0,4000}\}")
PROCESSORS = {"x86_64", "amd64", ""}
SYSTEM_OF = {"win32": "win_amd64", "windows": "win_amd64", "linux": "linux_x86_64"}
WANTED = {
    "deepspeed": "a release, such as 0.19.8",
    "torch": "a release, such as 2.6.0+cu124",
    "cuda": "a version such as 12.4, or cpu",
    "python": "a version such as 3.11",
    "platform": "windows or linux",
}


@dataclass(frozen=True, kw_only=True)
class AskedWheel:
    """A wheel as it is asked for: a word for each axis, normalised, or the reason why that is not one."""

    deepspeed: str = ""
    torch: str = ""
    cuda: str = ""
    python: str = ""
    platform: str = ""
    faults: tuple[str, ...] = ()


def is_request(body: str) -> bool:
    """Whether an issue is the filled-in form."""
    return len({*HEADINGS} & _fields(body).keys()) > len(HEADINGS) // 2


def read_request(body: str) -> AskedWheel:
    """The wheel that a filled-in form asks for; a target's id in place of a release says everything."""
    fields = {HEADINGS[heading]: text for heading, text in _fields(body).items() if heading in HEADINGS}
    for text in fields.values():
        if named := ID.search(text[:200]):
            return _of_target(parse_id(named[0]))
    words = {axis: _first_word(fields.get(axis, "")) for axis in AXES}
    detected = _detected(fields.get("detected", ""))
    words = {axis: word or detected.get(axis, "") for axis, word in words.items()}
    torch, _, variant = words["torch"].partition("+")
    local = variant if re.fullmatch(r"cpu|cu\d{3}", variant) else ""
    words |= {"torch": torch, "cuda": _variant(words["cuda"] or local), "python": _python(words["python"])}
    words["platform"] = SYSTEM_OF.get(words["platform"].lower(), words["platform"].lower())
    faults = [
        f"{axis}: {'nothing is given' if not fields.get(axis, '').strip() else 'what is given is none'}; {WANTED[axis]}"
        for axis, word in words.items()
        if not word
    ]
    if local and words["cuda"] != local:
        faults.append(f"torch is one for `{local}`, and CUDA says `{words['cuda']}`; which one is it?")
    return AskedWheel(**words, faults=tuple(faults))


def _of_target(target: Target) -> AskedWheel:
    return AskedWheel(**{axis: getattr(target, axis) for axis in AXES})


def _fields(body: str) -> dict[str, str]:
    """What stands below each heading of the form; the first of a name counts."""
    parts = re.split(r"^### (.{1,60})$", body[:LONGEST].replace("\r\n", "\n"), flags=re.M)
    found: dict[str, str] = {}
    for heading, text in zip(parts[1::2], parts[2::2], strict=True):
        name, value = heading.strip(), text.strip()
        empty = value == EMPTY or (name == "Platform" and value == "None")  # of a list, of which nothing was chosen
        found.setdefault(name, "" if empty else value)
    return found


def _first_word(text: str) -> str:
    """The first word of a field, where it is one that a version or a name can be."""
    word = (text.split() or [""])[0].strip("`'\",;")
    return word if WORD.fullmatch(word) else ""


def _detected(text: str) -> Mapping[str, str]:
    """What the detection line of the page printed, by axis; none where it is not what that prints."""
    match = DETECTED.search(text)
    try:
        found: Any = json.loads(match[0]) if match else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    told = {key: value for key, value in found.items() if isinstance(value, str) and WORD.fullmatch(value)}
    free = "t" if found.get("free_threaded") is True else ""
    words = {"torch": told.get("torch", ""), "cuda": told.get("cuda", "")}
    if "torch" in found and not words["cuda"] and found.get("cuda") is None and words["torch"]:
        words["cuda"] = "cpu"
    if python := ".".join(told.get("python", "").split(".")[:2]):
        words["python"] = python + free
    return {**words, "platform": _platform(told)}


def _platform(told: Mapping[str, str]) -> str:
    """The wheel platform of what the detection line calls a system and a processor."""
    system, processor = told.get("platform", ""), told.get("machine", "").lower()
    if told.get("libc", "").startswith("musl"):
        return f"musllinux_{processor}"
    if processor not in PROCESSORS:
        return f"{system}_{processor}"
    return SYSTEM_OF.get(system, system)


def _python(word: str) -> str:
    match = re.fullmatch(r"(?:cp|py)?3\.?(\d{1,2})(t?)(?:\.\d{1,2})?", word.lower())
    return f"3.{match[1]}{match[2]}" if match else ""


def _variant(word: str) -> str:
    match = re.fullmatch(r"(?:cu|cuda)?(\d{2})\.?(\d)(?:\.\d{1,3})?", word.lower())
    return f"cu{match[1]}{match[2]}" if match else {"cpu": "cpu", "none": "cpu"}.get(word.lower(), word.lower())


assert set(SYSTEM_OF.values()) == set(SYSTEMS)
