"""What a log tells about its target: system, DeepSpeed, torch, CUDA and Python, as the names of a condition."""

from __future__ import annotations

import re

TARGET = re.compile(
    r"\bds(\d+(?:\.\d+){1,3})-torch(\d+(?:\.\d+){1,3})-(cpu|cu(\d\d)(\d))-cp(\d)(\d\d?)t?-(win_amd64|linux_x86_64)"
)
NAMES = {
    "deepspeed": re.compile(r"deepspeed[-=_ ]{1,2}v?(\d\.\d{1,3}\.\d{1,3})|\bversion=(\d\.\d{1,3}\.\d{1,3}), git_hash"),
    "torch": re.compile(r"\btorch(?:[-=]{1,2}| version[ .:=]{1,40}| )(\d\.\d{1,2}(?:\.\d)?)"),
    "cuda-version": re.compile(r"CUDA[/\\]v(\d\d\.\d)|[/\\]cuda-(\d\d\.\d)|nvcc version[ .]{1,40}(\d\d\.\d)"),
    "python": re.compile(r"\b[Pp]ython[ -]?(3\.\d\d?)"),
}
TAG = re.compile(r"\bcp(?:ython-)?3(\d\d?)\b")
VARIANT = re.compile(r"\bcu(1\d)(\d)\b")
SYSTEMS = {
    "windows": re.compile(r"win[-_]amd64|WinError|\bLNK\d{4}\b|\b[A-Z]:\\|\bcl\.exe\b"),
    "linux": re.compile(r"linux[-_]x86_64|manylinux|/home/|/usr/|/opt/"),
}


def context_of(text: str) -> dict[str, str | bool]:
    """The names that the text settles; one that it does not tell is not there."""
    target = TARGET.search(text)
    if target:
        return _context_of_target(target)
    found: dict[str, str | bool] = {}
    for name, pattern in NAMES.items():
        match = pattern.search(text)
        if match:
            found[name] = next(group for group in match.groups() if group)
    if "python" not in found and (tag := TAG.search(text)):
        found["python"] = f"3.{tag[1]}"
    if "cuda-version" not in found and (variant := VARIANT.search(text)):
        found["cuda-version"] = f"{variant[1]}.{variant[2]}"
    return _completed(found, _system(text))


def _context_of_target(target: re.Match[str]) -> dict[str, str | bool]:
    deepspeed, torch, variant, major, minor, python, python_minor, platform = target.groups()
    found: dict[str, str | bool] = {"deepspeed": deepspeed, "torch": torch, "python": f"{python}.{python_minor}"}
    if variant != "cpu":
        found["cuda-version"] = f"{major}.{minor}"
    return _completed(found, "windows" if platform == "win_amd64" else "linux")


def _completed(found: dict[str, str | bool], system: str | None) -> dict[str, str | bool]:
    if "cuda-version" in found:
        found["cuda-major"] = str(found["cuda-version"]).partition(".")[0]
    if system:
        found["os"] = system
    return found


def _system(text: str) -> str | None:
    """The system whose signs come first."""
    places = {name: match.start() for name, pattern in SYSTEMS.items() if (match := pattern.search(text))}
    return min(places, key=lambda name: places[name], default=None)
