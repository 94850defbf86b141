"""`invoke report`: how the last build of each target ended, from the results beside the logs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from scripts.ci.actions import site_address, this_step
from scripts.ci.jobs import QUEUE, read_matrix, read_queue
from scripts.ci.results import Result, builds_document, known_builds, lost_results, queued_results, read_results
from scripts.ci.summary import SummaryRow, markdown, rows, run_annotations, sentence
from scripts.commands.answer import log_line, print_answer, print_document
from scripts.commands.project import open_project
from scripts.commands.task_options import ReportOptions
from scripts.dirs import default_dirs
from scripts.errors import InputError, NothingToDoError
from scripts.files import write_whole
from scripts.outgoing import redacted_values

REPORTED = ("target", "exit_code", "message", "error", "diagnosis")  # of a result


def report(options: ReportOptions) -> None:
    """Print how the last builds ended; the exit code is the first failed one's. A build that goes on has not failed."""
    dirs, queue = default_dirs(), os.environ.get(QUEUE, "")
    if options.artifacts:
        results = queued_results(Path(options.artifacts), read_queue(queue, QUEUE))
    else:
        results = read_results(dirs.logs, damage=log_line)
    if options.builds and queue:
        results = (*results, *lost_results(read_matrix(queue, QUEUE), results))
    if not results and not options.builds:
        raise NothingToDoError(
            f"no build has left its result in {dirs.logs}; see the output of 'invoke build'", id="no-build-result"
        )
    found = rows(results, dirs.wheelhouse)
    if step := this_step():
        step.add_summary(markdown(found, step.run_url))
        step.annotate(run_annotations(found))
    if options.builds:
        _write_states(Path(options.builds), results)
    _print(found, as_json=options.json)
    code = next((result.exit_code for result in results if result.state == "failed"), 0)
    if code and not options.builds:
        sys.exit(code)


def _write_states(file: Path, results: Sequence[Result]) -> None:
    """What the page shows of planned targets without a wheel."""
    step = this_step()
    planned = {row.target.id for row in open_project().plan.targets}
    before = known_builds(site_address(), log_line)
    document = builds_document(results, before, planned, step.run_url if step else None)
    try:
        write_whole(file, json.dumps(redacted_values(document), indent=1) + "\n")
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"--builds {file}: cannot be written: {reason}", id="file-not-usable") from None


def _print(found: Sequence[SummaryRow], *, as_json: bool) -> None:
    if as_json:
        print_document({"results": [_document(row.result) for row in found]})
        return
    lines = (f"{row.result.state:8} {_named(row.result)}  {row.result.subset or row.told}" for row in found)
    print_answer(*lines, sentence(found))


def _named(result: Result) -> str:
    return result.target + (f" (only {result.ops})" if result.ops else "")


def _document(result: Result) -> dict[str, object]:
    document = asdict(result)
    return {"state": result.state, **{name: document[name] for name in REPORTED}}
