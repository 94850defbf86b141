"""Which cells a person means, and which of them this machine can build."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout
from packaging.version import Version

from scripts.ci.results import Result
from scripts.command import Command, check, run, run_in_front
from scripts.dirs import CHECKOUT, Places, default_places
from scripts.errors import NothingToDoError, PrerequisiteError, WheelsError
from scripts.facts.load import load_facts
from scripts.facts.rows import Facts
from scripts.fetch.installer import environment_python, find_installer
from scripts.host import describe, find_interpreter, this_host
from scripts.plan.expand import Plan, expand
from scripts.plan.forecast import recorded_minutes
from scripts.plan.matrix import Matrix, load_matrix
from scripts.plan.selection import Selection, select
from scripts.plan.target import Target
from scripts.toolchain.cuda.provide import FETCHED, release_of, toolkit_place
from scripts.toolchain.survey import Survey, survey
from scripts.wheel_build.build_environment import install_torch, torch_routes
from scripts.wheel_build.options import BuildOptions
from scripts.wheel_build.pipeline import Builder
from scripts.wheel_build.preview import Layout, activate_command, layout_elsewhere

RESULTS = "DEEPSPEED_WHEELS_RESULTS"  # a file that the nox sessions append their results to


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """The knowledge and folders that every task starts from."""

    facts: Facts
    matrix: Matrix
    plan: Plan
    places: Places

    def builder(self, options: BuildOptions) -> Builder:
        """A builder with these options."""
        return Builder(facts=self.facts, matrix=self.matrix, places=self.places, options=options)


@cache
def open_workshop(matrix: Path = CHECKOUT / "matrix.yaml") -> Workshop:
    """Facts and matrix read and expanded; raises DataError with every problem of the file that has one."""
    facts = load_facts()
    loaded, places = load_matrix(matrix, facts), default_places()
    plan = expand(loaded, facts, recorded_minutes(places.wheelhouse))
    return Workshop(facts=facts, matrix=loaded, plan=plan, places=places)


def buildable(plan: Plan) -> tuple[Target, ...]:
    """The cells of the plan that this machine can build: its platform and a Python it has."""
    host = this_host()
    targets = [planned.target for planned in plan.targets]
    return tuple(target for target in targets if why_not_here(target, host.platform) is None)


def why_not_here(target: Target, platform: str) -> str | None:
    """What this machine lacks to build `target`; None when it can."""
    if target.platform != platform:
        return f"it is for {target.platform}; this is {describe()}"
    if not find_interpreter(target.python):
        return f"there is no Python {target.python} here; install it and put it on PATH"
    return None


def require_platform(target: Target) -> None:
    """Raise PrerequisiteError when this machine is not of the target's platform."""
    if target.platform != this_host().platform:
        raise PrerequisiteError(f"{target.id}: {why_not_here(target, this_host().platform)}")


def cells_to_build(workshop: Workshop, selection: Selection, *, anywhere: bool = False) -> tuple[Target, ...]:
    """The cells that a build was asked for; the host's own cell when nothing was selected.

    Where no DeepSpeed is named the newest is meant, and where no platform is named this one. Raises PrerequisiteError
    for a cell that this machine cannot build, unless `anywhere` will do; NothingToDoError for an empty selection.
    """
    if selection.is_empty:
        return (host_cell(workshop),)
    platform = this_host().platform
    chosen = [planned.target for planned in select(workshop.plan, selection).targets]
    if not (selection.deepspeed or selection.ids):
        chosen = newest_deepspeed(chosen)
    here = [target for target in chosen if target.platform == platform]
    if anywhere:
        return tuple(here or chosen)
    refusals = {target.id: why_not_here(target, platform) for target in here or chosen}
    refused = [f"{name}: {why}" for name, why in refusals.items() if why]
    if refused:
        raise PrerequisiteError("\n".join(["cannot build here:", *(f"  {line}" for line in refused[:10])]))
    return tuple(here)


def newest_deepspeed(targets: Sequence[Target]) -> list[Target]:
    """Those with the newest DeepSpeed among them."""
    newest = max(Version(target.deepspeed) for target in targets)
    return [target for target in targets if Version(target.deepspeed) == newest]


def host_cell(workshop: Workshop) -> Target:
    """The newest DeepSpeed for this Python, platform and GPU driver, with the newest torch that can be had here."""
    host = this_host()
    targets = [t for t in buildable(workshop.plan) if t.python == host.python and runs_on(t, host.driver_cuda)]
    if not targets:
        raise NothingToDoError(f"the matrix has no cell for {describe()}; 'invoke plan' shows what it has")
    candidates = sorted(newest_deepspeed(targets), key=Target.sort_key, reverse=True)
    with tempfile.TemporaryDirectory() as folder:
        python = _empty_environment(Path(folder) / "probe")
        for target in candidates:
            torch = workshop.facts.torch[target.torch_minor]
            if install_torch(
                find_installer(), python, torch_routes(target, torch, workshop.matrix.torch_index), dry_run=True
            ):
                return target
    tried = ", ".join(f"{target.torch} {target.cuda}" for target in candidates)
    raise PrerequisiteError(f"no build of torch can be had here for Python {host.python} (tried {tried})")


def runs_on(target: Target, driver_cuda: str | None) -> bool:
    """Whether a machine whose GPU driver supports `driver_cuda` is the target's: the CPU's without a GPU."""
    if driver_cuda is None or target.cuda_version is None:
        return driver_cuda is None and target.cuda_version is None
    return Version(target.cuda_version) <= Version(driver_cuda)


def _empty_environment(folder: Path) -> Path:
    command = find_installer().create(folder, sys.executable)
    check(command, run(command))
    return environment_python(folder)


def layouts_of(builder: Builder, targets: Sequence[Target]) -> dict[str, Layout]:
    """By id, where a build has its things: here for a cell of this platform, else on a hosted runner."""
    here = this_host().platform
    surveys: dict[str, Survey] = {}
    layouts = {target.id: layout_elsewhere(target, builder.facts) for target in targets}
    for target in targets:
        if target.platform == here:
            if target.cuda not in surveys:  # asking compilers takes a moment, and cells of one CUDA share the answer
                context = builder.matrix.context_of(target, builder.facts)
                surveys[target.cuda] = survey(
                    target, builder.facts, context, builder.places.captured, builder.places.cache
                )
            layouts[target.id] = _layout_here(builder, target, layouts[target.id], surveys[target.cuda])
    return layouts


def _layout_here(builder: Builder, target: Target, elsewhere: Layout, found: Survey) -> Layout:
    host = found.host
    studio = host.places.get("studio") if host else None
    active = activate_command(Path(studio), str(host.context["toolset"])) if host and studio else None
    return replace(
        elsewhere,
        work=builder.places.work(target.id),
        checkout=CHECKOUT,
        interpreter=find_interpreter(target.python) or "python",
        toolkit=_toolkit_folder(builder, target, found),
        activate=active or elsewhere.activate,
    )


def _toolkit_folder(builder: Builder, target: Target, found: Survey) -> Path | None:
    """The CUDA toolkit that a build takes, or where one that it fetches will be."""
    choice = builder.options.toolkit
    if not target.cuda_version:
        return None
    if choice == "auto" and found.toolkits:
        return found.toolkits[0].root
    if choice not in ("auto", *FETCHED):
        return Path(choice)
    source = FETCHED[0] if choice == "auto" else choice
    return toolkit_place(builder.places.cache, release_of(target.cuda_version, builder.facts), source)


def nox_command(targets: Sequence[Target], options: BuildOptions) -> Command:
    """The nox call that builds these cells."""
    words = options.as_words()
    names = (target.id for target in targets)
    program = (sys.executable, "-m", "nox", "--error-on-missing-interpreters")
    argv = (*program, "--sessions", *names, *(("--", *words) if words else ()))
    return Command(argv=argv, cwd=CHECKOUT)


def build_cells(targets: Sequence[Target], options: BuildOptions) -> list[Result]:
    """One result per cell. Nox runs in the foreground and shows the progress."""
    with ExitStack() as locks, tempfile.TemporaryDirectory() as folder:
        for target in targets:
            locks.enter_context(_lock(target))
        results = Path(folder) / "results.jsonl"
        results.touch()
        command = nox_command(targets, options)
        run_in_front(replace(command, env={RESULTS: str(results)}))
        told = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    known = {result["target"]: Result(**result) for result in told}
    lost = WheelsError("nox ended before this cell reported; its output above says why")
    return [known.get(target.id) or failure(target, lost) for target in targets]


def failure(target: Target, error: WheelsError) -> Result:
    """The result of a cell that could not be built."""
    return Result(target=target.id, exit_code=error.exit_code, wheel=None, message=str(error))


def _lock(target: Target) -> BaseFileLock:
    """This checkout's lock on a cell: two builds of it would take each other's environment away."""
    file = CHECKOUT / ".nox" / f"{target.id}.lock"
    file.parent.mkdir(exist_ok=True)
    lock = FileLock(file, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise PrerequisiteError(f"{target.id} is being built in this checkout; wait for it or stop it") from None
    return lock


def report_result(target: Target, wheel: Path | None, error: WheelsError | None) -> None:
    """Tell the waiting `invoke build` how a cell ended; nothing when nobody waits."""
    file = os.environ.get(RESULTS)
    if file:
        code, message = (error.exit_code, str(error)) if error else (0, None)
        result = Result(target=target.id, exit_code=code, wheel=str(wheel) if wheel else None, message=message)
        with Path(file).open("a", encoding="utf-8") as results:
            results.write(json.dumps(asdict(result)) + "\n")
