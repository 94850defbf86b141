"""The options of the tasks, stated once.

Those of a build are in `scripts/wheel_build/build_options.py`, of publishing and the index in `store_options.py`, of
whoever wants a wheel in `install_options.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from scripts.commands.store_options import STORE
from scripts.options import as_words, json_option, option, path_option


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """What of the plan is shown."""

    omitted: bool = option(False, "show every excluded combination with its reason")
    shard: str = option(
        "",
        "I/N: only the I-th of N stable parts",
        more="only part I of N; a target's part follows from its id, so parts stay stable as the matrix grows",
    )
    max_jobs: int = option(
        0,
        "split into shards of at most this many targets",
        more="no part may have more than so many targets; alone it says how many parts that takes, `--shard I` then "
        "gives one of them",
        wanted="a number from 1",
    )
    missing: bool = option(
        False,
        "leave out what --store has published",
        more="leave out every target whose wheel is published, with its manifest, in `--store`; a store that cannot be "
        "read is an error",
    )
    store: str = path_option("", STORE, more="where `--missing` looks, as of [`invoke publish`](#invoke-publish)")
    matrix: bool = option(
        False,
        "the build workflow's next jobs, at most --max-jobs, as a matrix of GitHub Actions",
        more="the next jobs of the [build workflow](ci.md#the-queue), at most `--max-jobs` (256), as a matrix of "
        "GitHub Actions",
    )
    json: bool = json_option("[the plan as JSON](#the-plan-as-json)")


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Whether something is done, and how that is shown."""

    dry_run: bool = option(False, "print the commands and run nothing")
    again: bool = option(
        False,
        "build also what lies filed, verified and unchanged",
        more="build also a target whose wheel lies filed and verified and of which nothing has changed since: code, "
        "data, options, toolchain, Python. Without it such a target is done in about a second; `--no-cache` builds "
        "it, too",
    )
    tidy: bool = option(
        False,
        "keep of each target its wheel, and one torch at a time",
        more="of several targets: remove a target's environment and work once its wheel is filed or has failed, and "
        "its torch from uv's cache once its Python is done, so that a small disk holds them all",
    )
    json: bool = json_option("[results, or the commands with `--dry-run`](#other-json)")


@dataclass(frozen=True, kw_only=True)
class ToolchainOptions:
    """What of the toolchain is shown."""

    environment: bool = option(
        False,
        "print the captured environment of the host compiler, name=value",
        more="print the captured environment of the host compiler instead, one `name=value` a line (Windows: what "
        "`vcvars64.bat` changes)",
    )
    json: bool = json_option("all of it as one document")


@dataclass(frozen=True, kw_only=True)
class PortabilityOptions:
    """How the answer is shown."""

    json: bool = json_option("[what was read, and the faults](#other-json)")


@dataclass(frozen=True, kw_only=True)
class TrialOptions:
    """Whether the trial is run."""

    dry_run: bool = option(False, "print the lines and run nothing")
    platform: str = option(
        "",
        "of --dry-run: show the lines of another system, win_amd64 or linux_x86_64",
        more="with `--dry-run`: the lines of another system, `win_amd64` or `linux_x86_64`",
        choices=("win_amd64", "linux_x86_64"),
    )


@dataclass(frozen=True, kw_only=True)
class DiagnoseOptions:
    """Which log is read."""

    log: str = path_option(
        help="a file, an address, - for standard input, or the archive of 'invoke trial'",
        more="a file, an address (of a job on GitHub, too, with `GITHUB_TOKEN`), `-` for standard input, or the "
        "archive (`.zip`) of `invoke trial`; usually given without the option's name",
    )
    json: bool = json_option("[causes, noise and unknown errors](#other-json); of an archive an object by target")


@dataclass(frozen=True, kw_only=True)
class TargetIds:
    """Targets by their ids."""

    id: tuple[str, ...] = option((), "target ids, globs allowed", more="ids of targets; this host's own unless given")


@dataclass(frozen=True, kw_only=True)
class CleanOptions:
    """What of the cache is freed."""

    what: tuple[str, ...] = option(
        (),
        "the kinds to free: unfinished, downloads, leftovers, sources, toolkits, headers, ops, units, environments, "
        "portability",
        more="the kinds to free, with commas; unless given what only a stopped process left: `unfinished`, `downloads` "
        "and `leftovers`",
    )
    all: bool = option(False, "free every kind")
    dry_run: bool = option(False, "say what would be freed and remove nothing")
    json: bool = json_option("[what the cache holds](#other-json)")


@dataclass(frozen=True, kw_only=True)
class KeysOptions:
    """Whose cache keys are shown."""

    id: tuple[str, ...] = option((), "the ids of one job's targets")
    json: bool = json_option("one JSON document, by the names of the outputs")


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """What is reported of the last builds."""

    builds: str = path_option(
        "",
        "write the states of targets without a wheel to this file, for `invoke index --builds`",
        more="write the states of planned targets without a wheel for `invoke index`, added to those that the "
        "published site knows; a target of `DEEPSPEED_WHEELS_QUEUE` without a result has failed. The exit code is then "
        "0 whatever failed",
    )
    artifacts: str = option(
        "",
        "a directory with the artifacts of a run, a folder each, instead of the logs",
        more="the directory of a run's artifacts, a folder each, instead of the logs: of each the results of the "
        "targets that `DEEPSPEED_WHEELS_QUEUE` has under its name",
    )
    json: bool = json_option("[the results](#other-json)")


@dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """What is looked at, and whether it is mended."""

    python: str = path_option(
        "",
        "an environment's directory or Python; the active one unless given",
        more="an environment's directory or its Python; the active environment unless given. With `--to build`: one "
        "that is to be built in by hand, while `invoke build` makes its own",
    )
    to: str = option("run", "what for: run (a wheel) or build (one)", choices=("run", "build"))
    fix: bool = option(
        False,
        "run the lines that mend something, and look again",
        more="run the lines that mend something, each once and asked about on a terminal, and look again",
    )
    dry_run: bool = option(False, "with --fix: print the lines and run nothing")
    json: bool = json_option("[every finding](#other-json)")


@dataclass(frozen=True, kw_only=True)
class SuiteOptions:
    """Which tests run."""

    fast: bool = option(
        False,
        "leave out the real build, Windows under Wine and act",
        more="leave out the real build, [the rehearsal of the workflow](ci.md#how-it-is-tested) and [Windows under "
        "Wine](windows.md#trying-windows-without-windows)",
    )
    all: bool = option(
        False,
        "add the nightly tests",
        more="add the [nightly tests](../CONTRIBUTING.md#tests), which repeat at length what the others promise, too",
    )
    only: str = option(
        "",
        "only the tests with this mark: wine, real_build, act, portability, faults or browser",
        more="one part in one process: `wine`, `real_build`, `act`, `portability`, `faults` or `browser`",
        choices=("wine", "real_build", "act", "portability", "faults", "browser"),
    )
    match: str = option(
        "", "only tests whose name matches", more="only tests whose name matches, as pytest's `-k`, in one process"
    )


BENCHES = (
    "plan",
    "build",
    "warm",
    "arches",
    "group",
    "matrix",
    "publish",
    "index",
    "page",
    "find",
    "diagnose",
    "faults",
)


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """What is measured."""

    what: str = option(
        help="plan, build, warm, arches, group, matrix, publish, index, page, find, diagnose or faults",
        more="`plan`, `build`, `warm`, `arches`, `group`, `matrix`, `publish`, `index`, `page`, `find`, `diagnose` or "
        "`faults`; usually given without the option's name",
        choices=BENCHES,
    )
    logs: str = path_option(
        "",
        "of diagnose: a directory of labelled logs",
        more="of `invoke bench diagnose`: a directory with logs and `labels.yaml`, rows of `file` and `cause` (`none`: "
        "a log of success)",
    )
    part: str = option(
        "",
        "of faults: only this part, or several; of group: cpu or cuda; of build: same, next or workers; of "
        "matrix: model or sample",
        more="of `invoke bench faults`: only these parts, with commas between; of `group` `cpu` or `cuda`; of `build` "
        "`same`, `next` (the next DeepSpeed release) or `workers` (how long recorded compilers take on 2 and on 16); "
        "of `matrix` `model` or `sample`",
    )
    ops: str = option(
        "",
        "of build, warm and group: only these ops",
        more="of `invoke bench build`, `warm` and `group`: only these ops, with commas between",
    )
    sides: str = option(
        "",
        "of build: only these of upstream, expert, ccache, ccache-depend",
        more="of `invoke bench build`: only these of `upstream` (its own recipe), `expert` (that with ninja, all "
        "processors and no debug information), `ccache` and `ccache-depend` (the expert with these), commas between",
    )
    seed: int = option(
        1,
        "of faults: another number tries other faults",
        more="of `invoke bench faults`: what chance begins with; the same number tries the same faults",
    )
    scale: str = option(
        "1", "of faults: 0.1 tries a tenth", more="of `invoke bench faults`: how much of it is tried, `0.1` for a tenth"
    )
    case: str = option(
        "", "of faults: only this try", more="of `invoke bench faults`: only the try of this number, to repeat a loss"
    )
    json: bool = json_option("of `invoke bench faults`: the tallies of its parts")

    @property
    def words(self) -> tuple[str, ...]:
        """What the benchmark itself is told: every option but the first, its own name."""
        return as_words(self)[2:]
