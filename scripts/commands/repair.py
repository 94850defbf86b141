"""`invoke install --repair`: torch, torchvision, torchaudio and the wheel of one set again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scripts.install.choose import Choice
from scripts.install.environment import Environment, Torch
from scripts.install.installation import torch_words
from scripts.install.installed import is_met
from scripts.install.machine_choice import nearest_to_torch
from scripts.install.package_client import run_client
from scripts.shell import shell_line
from scripts.wheel.published import Published
from scripts.wheel.record import WheelRecord


@dataclass(frozen=True, kw_only=True)
class Repair:
    """The wheel to have, and what brings its torch; no words where torch is right as it is."""

    record: WheelRecord
    published: Published
    torch: tuple[str, ...]

    def lines(self) -> list[str]:
        """What is done before the wheel is installed."""
        return [shell_line(self.torch)] if self.torch else []

    def environment_after(self, environment: Environment) -> Environment:
        """The environment as it will be: with the torch of the wheel, where another one is there or none."""
        torch, target = environment.torch, self.record.target
        fits = torch and (torch.minor, torch.variant) == (target.torch_minor, target.cuda) and not torch.pre_release
        if not self.torch or (torch and fits and not torch.gone):
            return environment
        version = f"{target.torch}+{target.cuda}"
        return replace(environment, torch=Torch(version=version, installed=version, variant=target.cuda))

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
        return Repair(record=choice.wheel, published=published, torch=tuple(words))
    best = nearest_to_torch(bare, environment)
    record = _back(environment, choice) or (best.record if best else None)
    if record is None:
        return None
    return Repair(record=record, published=published, torch=tuple(torch_words(record, published, environment)))


def _back(environment: Environment, choice: Choice) -> WheelRecord | None:
    """The offered wheel of the installed version, where torch alone stands between it and the environment."""
    for row in choice.rejected.of(python=environment.version, platform=environment.platform):
        only_torch = {mismatch.what for mismatch in row.mismatches} <= {"torch", "cuda"}
        if only_torch and row.record.target.wheel_version == environment.deepspeed:
            return row.record
    return None


def _companions_wrong(environment: Environment) -> bool:
    return any(not is_met(need, environment.torch) for said in environment.companions.values() for need in said[1:])
