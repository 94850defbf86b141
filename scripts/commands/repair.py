"""`invoke install --repair`: torch, torchvision, torchaudio and the wheel of one set again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scripts.install.choose import Choice
from scripts.install.environment import Environment
from scripts.install.installation import torch_words
from scripts.install.installed import is_met
from scripts.install.package_client import run_client
from scripts.shell import shell_line
from scripts.wheel.published import Published
from scripts.wheel.record import WheelRecord


@dataclass(frozen=True, kw_only=True)
class Repair:
    """The wheel to have, and what brings its torch; no words where torch is right as it is."""

    record: WheelRecord
    torch: tuple[str, ...]

    def lines(self) -> list[str]:
        """What is done before the wheel is installed."""
        return [shell_line(self.torch)] if self.torch else []

    def run(self) -> None:
        """Bring torch; raises CommandError when the client fails."""
        if self.torch:
            run_client(self.torch)


def repair_of(
    published: Published, environment: Environment, choice: Choice, bare: Choice, *, unused: bool
) -> Repair | None:
    """The set that needs the least: the present torch, that of the installed DeepSpeed, else the best for the machine.

    None where nothing that is offered runs here. `bare` is the choice for the same machine without a torch; `unused`:
    the present torch leaves a GPU unused.
    """
    torch = environment.torch
    if choice.wheel and torch and not (torch.gone or unused):
        wrong = _companions_wrong(environment)
        words = torch_words(choice.wheel, published, environment, same=True) if wrong else ()
        return Repair(record=choice.wheel, torch=tuple(words))
    record = _back(environment, choice) or _best(environment, bare)
    return Repair(record=record, torch=tuple(torch_words(record, published, environment))) if record else None


def _back(environment: Environment, choice: Choice) -> WheelRecord | None:
    """The offered wheel of the installed version, where torch alone stands between it and the environment."""
    for row in choice.rejected:
        only_torch = {mismatch.what for mismatch in row.mismatches} <= {"torch", "cuda"}
        if only_torch and row.record.target.wheel_version == environment.deepspeed:
            return row.record
    return None


def _best(environment: Environment, bare: Choice) -> WheelRecord | None:
    """The best wheel for the machine, of the present torch's minor where there is one."""
    usable = [row.record for row in bare.rejected if {mismatch.what for mismatch in row.mismatches} == {"torch"}]
    minor = environment.torch.minor if environment.torch else ""
    newest: Sequence[WheelRecord] = [record for record in usable if record.target.torch_minor == minor] or usable
    return newest[0] if newest else None


def _companions_wrong(environment: Environment) -> bool:
    return any(not is_met(need, environment.torch) for said in environment.companions.values() for need in said[1:])
