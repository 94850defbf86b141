"""The options of the tasks about what happened on GitHub: a build to repeat, a wheel that somebody asks for."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.commands.store_options import STORE
from scripts.options import json_option, option, path_option


@dataclass(frozen=True, kw_only=True)
class ReproduceOptions:
    """Which recorded build is repeated, and how far."""

    what: str = path_option(
        help="the address of a run or job on GitHub, a replay file, or a target's id",
        more="the address of a run or a job on GitHub (with `GITHUB_TOKEN`), a [replay file](#replay-files) or the "
        "archive of an artifact, or the id of a target that was built here; usually given without the option's name",
    )
    id: str = option("", "of several in a run or an artifact: the one of this target")
    until: str = option(
        "",
        "the last step: environment, toolchain, source, record, compile, compile:OP, package or verification",
        more="the last step that is repeated: `environment`, `toolchain`, `source`, `record`, `compile`, `package` or "
        "`verification`; `compile:OP` compiles this op alone",
    )
    dry_run: bool = option(False, "print what differs and the steps, and run nothing")
    json: bool = json_option("[what differed, the steps, and both outcomes](#other-json)")


@dataclass(frozen=True, kw_only=True)
class RequestOptions:
    """Which request is answered, and where."""

    form: str = path_option(
        "",
        "a file with the filled-in form, or -; in GitHub Actions the issue of the event when left out",
        more="a file with the filled-in form, or `-` for standard input; in GitHub Actions the issue of the event when "
        "left out",
    )
    comment: bool = option(False, "say it below the issue, in place of what was said before")
    store: str = path_option("", STORE, more="where the wheels are, as of [`invoke publish`](#invoke-publish)")
    json: bool = json_option("[the answer](#other-json)")
