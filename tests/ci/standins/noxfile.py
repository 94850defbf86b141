"""Stands in for noxfile.py where the workflow is rehearsed: a session files a small wheel, fails, or runs out of time.

Everything else of `invoke build` is the real thing. REHEARSAL_STATE says what becomes of a target, in `fates.json`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import nox

sys.path.insert(0, str(Path(__file__).parent))

from scripts.commands.host_targets import buildable
from scripts.commands.nox_call import report_result
from scripts.commands.project import open_project
from scripts.errors import CompileError, InterruptedBuildError, WheelsError
from scripts.plan.target import Target
from tests.wheel.artifacts import file_sound_wheel

FATES = json.loads((Path(os.environ["REHEARSAL_STATE"]) / "fates.json").read_text(encoding="utf-8"))


def perform(target: Target) -> None:
    """File a wheel, or end as the target's fate says; unfinished work that was restored is gone on with."""
    places = open_project().dirs
    work = places.work(target.id) / "objects" / "half.o"
    fate = FATES.get(target.deepspeed, "built")
    if fate == "stopped" and not work.exists():
        work.parent.mkdir(parents=True)
        work.write_text("half")
        raise InterruptedBuildError("the time given is over; what is finished is kept, the same command resumes")
    if fate == "failed":
        raise CompileError("1 task failed\n- a.cu: error: identifier `x` is undefined")
    op = places.ops / "ab" / target.deepspeed / "binary"
    op.parent.mkdir(parents=True, exist_ok=True)
    op.write_text(target.deepspeed)
    report_result(target, file_sound_wheel(places.wheelhouse, target), None)


def add_session(target: Target) -> None:
    """Register the session that stands in for the target's."""

    def session(session: nox.Session) -> None:
        try:
            perform(target)
        except WheelsError as error:
            report_result(target, None, error)
            session.error(str(error))

    register: Any = nox.session(name=target.id, python=False)
    register(session)


for target in buildable(open_project().plan):
    add_session(target)
