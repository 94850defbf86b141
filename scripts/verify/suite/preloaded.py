"""Runs parts of the verification side by side: one process imports torch and DeepSpeed, and forks for each part.

That process runs no operation of torch: OpenMP's threads would not be there after a fork. Where a system cannot fork,
and on a GPU, whose driver does not survive it, each part is a process of its own that imports anew.
Usage: python preloaded.py ORDERS.json
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import runpy
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import prebuilt  # type: ignore[import-not-found,unused-ignore]
import rank_processes  # type: ignore[import-not-found,unused-ignore]

HERE = Path(__file__).resolve().parent
LAZY = ("torch._dynamo", "torch._inductor", "torch.distributed.tensor")  # what an optimizer imports: ten seconds' work
GRACE = 5.0  # seconds that the other processes of a part have once one has failed
Order = dict[str, Any]  # name, program, processes, threads, launcher, fresh, where, packages, seconds


def main() -> None:
    """Carry out the orders and print what each part answered when it ends."""
    sys.path.append(str(HERE / "trial"))
    if sys.argv[1] == "--part":
        perform(sys.argv[2], sys.argv[3])
        return
    orders = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    skipped = {part["name"]: why_skipped(part) for part in orders["parts"]}
    run = [part for part in orders["parts"] if not skipped[part["name"]]]
    for part in orders["parts"]:
        if skipped[part["name"]]:
            tell(part, [prebuilt.check(part["name"], None, skipped[part["name"]])], 0.0, 0.0)
    forks = hasattr(os, "fork") and prebuilt.lacks_gpu()
    if run and forks and not all(part["fresh"] for part in run):
        preload(run)
    for crew in carry_out(run, orders["jobs"], forks):
        finish(crew)
    prebuilt.say({"checks": []})


def why_skipped(part: Order) -> str:
    """Why the part cannot run here, found without importing anything; empty when it can."""
    place = "the wheel is for CUDA, and" if part["where"] == "device" else "it needs a GPU, and"
    if part["where"] in ("gpu", "device") and prebuilt.lacks_gpu():
        accelerator = os.environ.get("DS_ACCELERATOR", "")
        if part["where"] == "gpu" or accelerator != "cpu":
            return f"{place} there is none here"
    if part["where"] == "cpu" and os.environ.get("DS_ACCELERATOR") != "cpu":
        return "it is tried with wheels for CPU only"
    if max(part["processes"]) > 1 and os.name == "nt":
        return "more than one process is not tried on Windows"
    absent = [name for name in part["packages"] if importlib.util.find_spec(name) is None]
    return f"{', '.join(absent)} is not installed here" if absent else ""


def preload(parts: list[Order]) -> None:
    """Import what the parts will; a failed import is told by each of them, when it tries again."""
    programs = {Path(part["program"]).name for part in parts if not part["program"].startswith("-m ")}
    trains = any(part["program"].startswith(("trial/", "train")) for part in parts)
    packages = {"transformers"} & {name for part in parts for name in part["packages"]}
    names = ["torch", *(LAZY if trains else ()), "deepspeed", "deepspeed.ops.op_builder.all_ops"]
    started = time.monotonic()
    for name in [*names, *sorted(packages | programs)]:
        try:
            importlib.import_module(name)
        except BaseException as error:  # noqa: BLE001 - whatever it raises
            sys.stdout.write(f"{name} cannot be imported: {type(error).__name__}: {error}\n")
            if name in names[:1]:
                return
    sys.stdout.write(f"imported in {time.monotonic() - started:.1f} s\n")
    sys.stdout.flush()


# ---------------------------------------------------------------- one process


def perform(program: str, name: str) -> None:
    """Run the part of this process: what the program's own command line would."""
    prebuilt.STARTED = time.monotonic()
    if program.startswith("-m "):
        sys.argv = [program[3:]]
        runpy.run_module(program[3:], run_name="__main__", alter_sys=True)
        return
    module = importlib.import_module(Path(program).name)
    sys.argv = [str(module.__file__), name]
    if hasattr(module, "PARTS"):
        module.part.main(module.PARTS)
    else:
        module.main()


def become(part: Order, variables: dict[str, str], folder: Path, output: Path) -> NoReturn:
    """Be one process of the part, in the fork; never comes back."""
    code = 1
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for standard in (1, 2):
            os.dup2(descriptor, standard)
        os.environ.update(variables)
        os.chdir(folder)
        if part["threads"] > 1:
            import torch  # type: ignore[import-not-found,unused-ignore]

            torch.set_num_threads(part["threads"])
        perform(part["program"], part["name"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - this process ends here, whatever it was
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


# ---------------------------------------------------------------- all of them


def start(part: Order, forks: bool, stage: int) -> rank_processes.Crew:
    """The processes of one stage of the part, begun."""
    folder = Path.cwd() / part["name"]
    folder.mkdir(exist_ok=True)
    world, port = part["processes"][stage], rank_processes.free_port()
    if part["launcher"]:
        launcher = ["-m", "deepspeed.launcher.runner", "--num_accelerators", str(world), "--master_port", str(port)]
        words = [sys.executable, *launcher, str(HERE / f"{part['program']}.py"), part["name"]]
        variables = {**rank_processes.variables(part, 0, 1, port, stage), "PYTHONPATH": str(HERE)}
        for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
            variables.pop(name)
        members = [rank_processes.spawned(words, variables, folder, folder / "launcher.txt")]
    else:
        members = [begin(part, forks, folder, rank, world, port, stage) for rank in range(world)]
    return rank_processes.Crew(part=part, stage=stage, members=members, slots=max(world, part["threads"]), port=port)


def begin(part: Order, forks: bool, folder: Path, rank: int, world: int, port: int, stage: int) -> Any:
    """One process of the part."""
    variables = rank_processes.variables(part, rank, world, port, stage)
    output = folder / f"stage-{stage}-process-{rank}.txt"
    if forks and not part["fresh"]:
        sys.stdout.flush()
        return rank_processes.forked(lambda: become(part, variables, folder, output), output)
    words = [sys.executable, str(HERE / "preloaded.py"), "--part", part["program"], part["name"]]
    return rank_processes.spawned(words, variables, folder, output)


def carry_out(parts: list[Order], jobs: int, forks: bool) -> Iterator[rank_processes.Crew]:
    """Each part's crew when its last stage has ended; about `jobs` processes at once, so that no processor waits.

    A part of more processes than processors are free begins where one is free and nothing smaller is left: the tuner
    takes a minute of one processor, and what goes beside it a third of that.
    """
    waiting = sorted(parts, key=lambda part: -part["seconds"])
    running: list[rank_processes.Crew] = []
    while waiting or running:
        free = jobs - sum(crew.slots for crew in running)
        fits = [part for part in waiting if max(part["processes"]) <= free or not running]
        if fits := fits or (waiting[:1] if free > 0 else []):
            waiting.remove(fits[0])
            running.append(start(fits[0], forks, 0))
            continue
        for crew in [crew for crew in running if crew.ended(GRACE)]:
            running.remove(crew)
            stage = crew.stage + 1
            if crew.broken or stage == len(crew.part["processes"]):
                yield crew
            else:
                following = start(crew.part, forks, stage)
                running.append(following.after(crew))
        time.sleep(0.02)


def finish(crew: rank_processes.Crew) -> None:
    """Tell what the part answered; what it printed, too, when it failed."""
    if crew.part["program"].startswith("-m ") and not crew.broken:
        prebuilt.say({"output": {"part": crew.part["name"], "text": crew.text(), "seconds": round(crew.seconds, 3)}})
        prebuilt.say({"part": {"name": crew.part["name"], **crew.cost()}})
        return
    checks = crew.checks()
    if any(entry["passed"] is False for entry in checks):
        lines = [line for line in crew.text().splitlines() if not line.startswith('{"check')]
        sys.stdout.write("\n".join(["", f"--- {crew.part['name']}", *lines[-60:]]) + "\n")
    tell(crew.part, checks, **crew.cost())


def tell(part: Order, checks: list[prebuilt.Check], seconds: float, cpu_seconds: float) -> None:
    """Print the answers of a part that has ended, and what it took."""
    of = f"{part['name']}: " if part["program"].startswith("trial/") else ""
    for entry in checks:
        name = entry["name"] if entry["name"] == part["name"] else of + entry["name"]
        prebuilt.say({"check": {"seconds": 0.0, **entry, "name": name, "part": part["name"]}})
    prebuilt.say({"part": {"name": part["name"], "seconds": seconds, "cpu_seconds": cpu_seconds}})


if __name__ == "__main__":
    main()
