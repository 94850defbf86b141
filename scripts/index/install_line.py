"""The line that users paste to install a wheel: made here, shown by the page, the README's table and `invoke install`.

It names the exact version, whose local label no public registry can hold; no sdist (`--only-binary`), since pip else
takes a newer one from the default index; and the torch index of the target, since pip else takes torch for CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from scripts.plan.target import Target
from scripts.shell import Shell, line_for
from scripts.wheel.published import Published
from scripts.wheel.record import WheelRecord

Tool = Literal["pip", "uv"]
SHELLS: dict[Shell, str] = {"sh": "bash", "cmd": "cmd", "powershell": "PowerShell"}
PROGRAMS: dict[Tool, tuple[str, ...]] = {
    "pip": ("python", "-m", "pip", "install"),
    # uv else looks only at the first index that has a package, and torch's has a few old ones of numpy and others
    "uv": ("uv", "pip", "install", "--index-strategy", "unsafe-best-match"),
}


def install_words(
    record: WheelRecord, published: Published, tool: Tool = "pip", program: Sequence[str] = ()
) -> tuple[str, ...]:
    """The command as words, of this program where one is given: a pip or uv that is pointed at an environment."""
    return target_words(record.target, published, tool, program)


def target_words(
    target: Target, published: Published, tool: Tool = "pip", program: Sequence[str] = ()
) -> tuple[str, ...]:
    """The same for the wheel of a target."""
    option = "--extra-index-url" if tool == "pip" else "--index"
    indexes = (published.channel(target), published.torch_channel(target))
    return (
        *(program or PROGRAMS[tool]),
        f"deepspeed=={target.wheel_version}",
        "--only-binary",
        "deepspeed",
        *(word for index in indexes for word in (option, index)),
    )


def install_command(record: WheelRecord, published: Published, tool: Tool = "pip", shell: Shell = "sh") -> str:
    """The command as a line for the shell."""
    return line_for(shell, install_words(record, published, tool))


def install_lines(record: WheelRecord, published: Published, tool: Tool) -> dict[str, str]:
    """The line by the names of the shells that it is for: one for all, unless something in it needs quotes."""
    return _one_for_all({name: install_command(record, published, tool, shell) for shell, name in SHELLS.items()})


def torch_lines(torch_index: str) -> dict[str, str]:
    """The line that brings a release of torch, by the shells' names, with `{torch}` and `{cuda}` for its values."""
    words = (*PROGRAMS["pip"], "torch==TORCH", "--index-url", torch_index.replace("{variant}", "VARIANT"))
    lines = {name: line_for(shell, words) for shell, name in SHELLS.items()}
    named = {name: line.replace("TORCH", "{torch}").replace("VARIANT", "{cuda}") for name, line in lines.items()}
    return _one_for_all(named)


def _one_for_all(lines: dict[str, str]) -> dict[str, str]:
    return lines if len(set(lines.values())) > 1 else {"": next(iter(lines.values()))}
