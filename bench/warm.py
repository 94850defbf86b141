"""A build whose ops lie in the cache, as it was at a commit and as it is: `python -m bench.warm [--ops NAMES]`.

Both sides are `invoke build` of one target in a checkout and with caches of its own; each is run once to fill them, and
once more to be measured: environment, recording, packaging and verification. The checks are those that level `full` had
at that commit, which are those of `core` now; beside it what it takes to say that nothing has changed. Nothing here is
asserted by time; a person reads the ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.cost import Cost
from scripts.commands.host_targets import host_target
from scripts.commands.project import open_project
from scripts.dirs import CACHE_VARIABLE, CHECKOUT, OUTPUT_VARIABLE, default_dirs

BEFORE = "f8f2916"


def build(checkout: Path, folder: Path, *words: str) -> Cost:
    """The cost of `invoke build` with these words in the checkout, with caches and wheels in the folder."""
    env = {**os.environ, CACHE_VARIABLE: str(folder / "cache"), OUTPUT_VARIABLE: str(folder / "out")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # else every process compiles torch's modules for itself
    begun = Cost.now()
    ended = subprocess.run(
        [sys.executable, "-m", "invoke", "build", *words], cwd=checkout, env=env, stdout=sys.stderr, check=False
    )
    cost = Cost.now() - begun
    if ended.returncode:
        raise SystemExit(f"{checkout}: ended with {ended.returncode}; its output above says why")
    return cost


def main(words: Sequence[str] | None = None) -> None:
    """Measure both sides and print them, as a table and as JSON."""
    parser = argparse.ArgumentParser(prog="bench.warm")
    parser.add_argument("--ops", default="", help="only these ops, separated by commas")
    parser.add_argument("--before", default=BEFORE, help="the commit of the other side")
    parser.add_argument("--every", action="store_true", help="also with the checks that level full has now")
    given = parser.parse_args(words)
    target = host_target(open_project())
    asked = [f"--ops={given.ops}"] if given.ops else []
    ours = [f"--id={target.id}", *asked]
    theirs = [f"--deepspeed={target.deepspeed}", f"--torch={target.torch_minor}", f"--cuda={target.cuda}", *asked]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for side in ("before", "now"):
            shutil.copytree(default_dirs().sources, folder / side / "cache" / "sources", ignore=_locks)
        checkout = folder / "checkout"
        _git("worktree", "add", "--quiet", "--detach", str(checkout), given.before)
        try:
            costs = {"cold before": build(checkout, folder / "before", *theirs, f"--py={target.python}")}
            costs["before"] = build(checkout, folder / "before", *theirs, f"--py={target.python}")
        finally:
            _git("worktree", "remove", "--force", str(checkout))
        costs["cold"] = build(CHECKOUT, folder / "now", *ours, "--verify=core", "--again")
        costs["now"] = build(CHECKOUT, folder / "now", *ours, "--verify=core", "--again")
        costs["now, unchanged"] = build(CHECKOUT, folder / "now", *ours, "--verify=core")
        if given.every:
            costs["now, every check"] = build(CHECKOUT, folder / "now", *ours, "--again")
    for side, cost in costs.items():
        print(f"{side:24} {cost.processor:8.1f} CPU s {cost.wall:8.1f} s")
    print(f"{'ratio':24} {costs['now'].processor / costs['before'].processor:8.3f}")
    print(json.dumps({side: [cost.processor, cost.wall] for side, cost in costs.items()}))


def _locks(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name.endswith((".lock", ".lock.json"))]


def _git(*words: str) -> None:
    subprocess.run(["git", *words], cwd=CHECKOUT, check=True)


if __name__ == "__main__":
    main()
