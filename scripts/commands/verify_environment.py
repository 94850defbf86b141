"""The environment in which a wheel is run: torch as the wheel wants it, and the wheel; and why there can be none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.command import Log, check, run
from scripts.commands.project import Project
from scripts.errors import BuildEnvironmentError
from scripts.fetch.installer import environment_python, find_installer
from scripts.host import find_interpreter, platform_tag
from scripts.plan.target import Target
from scripts.versions import minor_of, without_level
from scripts.wheel.content import open_wheel
from scripts.wheel_build.build_environment import install_torch
from scripts.wheel_build.torch_routes import torch_routes


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What running a wheel takes: a Python and a torch."""

    target: Target

    @property
    def words(self) -> str:
        """The same for a message."""
        return f"Python {self.target.python}, torch {self.target.torch} for {self.target.cuda}"


def wanted_by(wheel: Path, project: Project) -> Wanted | str:
    """What running the wheel takes, or why it cannot be run on this machine."""
    with open_wheel(wheel) as content:
        info, tags = content.build_info(), content.tags
        release = str(content.version).partition("+")[0]
    here = platform_tag()
    platforms = {without_level(tag.platform) for tag in tags}
    if here not in platforms:
        by_wine = "; --python takes a Windows Python under Wine" if platforms == {"win_amd64"} else ""
        return f"the wheel is for {', '.join(sorted(platforms))}, and this machine is {here}{by_wine}"
    if info is None:
        return "the wheel does not say which torch it was built for"
    torch = minor_of(str(info.torch.get("version", "")))
    if torch not in project.facts.torch:
        return f"nothing is known of torch {torch or 'of no version'}, which it was built for"
    cuda = str(info.torch.get("cuda_version", "0.0"))
    python = next(iter(sorted(tag.interpreter for tag in tags))).removeprefix("cp")
    target = Target(
        deepspeed=release,
        torch=project.facts.torch[torch].newest,
        cuda="cpu" if cuda in ("0.0", "None") else f"cu{cuda.replace('.', '')}",
        python=f"{python[0]}.{python[1:]}",
        platform=here,
    )
    if find_interpreter(target.python) is None:
        return f"the wheel is for Python {target.python}, which is not on this machine"
    return Wanted(target=target)


def make_environment(
    wheel: Path, wanted: Wanted, folder: Path, packages: Sequence[str], project: Project, log: Log
) -> Path:
    """The Python of a new environment in `folder` with torch, the wheel, and what the parts need beside them.

    Raises BuildEnvironmentError when its torch is not available, CommandError when the wheel cannot be installed.
    """
    target, installer = wanted.target, find_installer()
    create = installer.create(folder, find_interpreter(target.python) or "")
    check(create, run(create, log=log))
    python = environment_python(folder)
    log(f"installing torch {target.torch} for {target.cuda}, and {wheel.name}")
    routes = torch_routes(target, project.facts.torch[target.torch_minor], project.matrix.torch_index)
    if not install_torch(installer, python, routes, log=log):
        raise BuildEnvironmentError(
            f"torch {target.torch} for {target.cuda} is not available", id="torch-not-available"
        )
    command = installer.install(python, [str(wheel), f"torch=={target.torch}"])
    check(command, run(command, log=log))
    if packages:
        more = installer.install(python, [*packages, f"torch=={target.torch}"])
        run(more, log=log)  # a part whose package is not there says so
    return python
