"""`invoke diagnose`: the causes of a failure, from its log."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.commands.answer import print_document, print_lines
from scripts.commands.task_options import DiagnoseOptions
from scripts.diagnose.diagnosis import Diagnosis, diagnose
from scripts.diagnose.log_archive import diagnose_archive
from scripts.diagnose.own_log import blocks_of
from scripts.errors import InputError

BLOCK = 1 << 20
JOB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)/actions/runs/\d+/job/(\d+)")


def diagnose_log(options: DiagnoseOptions) -> None:
    """Print what the log says, or each log in the archive of a trial; raises InputError when it cannot be read."""
    if options.log.endswith(".zip") and not options.log.startswith(("http://", "https://")):
        _diagnose_trial(options)
        return
    found = diagnose(read_log(options.log))
    if options.json:
        print_document(found.as_document())
    else:
        print_lines(lines_of(found))


def _diagnose_trial(options: DiagnoseOptions) -> None:
    found = diagnose_archive(Path(options.log))
    if options.json:
        print_document({target: each.as_document() for target, each in found.items()})
        return
    for target, each in found.items():
        print_lines([f"== {target}", *lines_of(each)])


def read_log(log: str) -> Iterator[bytes]:
    """The bytes of a file, an address or, for `-`, standard input, in blocks."""
    if log == "-":
        yield from iter(lambda: sys.stdin.buffer.read(BLOCK), b"")
    elif log.startswith(("http://", "https://")):
        yield from _download(log)
    else:
        yield from _read_file(Path(log))


def _read_file(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from blocks_of(file)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); give the path of a log, its address, or - for standard input",
            id="file-not-usable",
        ) from None


def _download(address: str) -> Iterator[bytes]:
    import requests

    from scripts.fetch.transfer import get
    from scripts.publish.store_address import github_api, github_token

    job = JOB.match(address)
    token = github_token() if job else ""
    url = f"{github_api()}/repos/{job[1]}/actions/jobs/{job[2]}/logs" if job else address
    try:
        with get(url, stream=True, headers={"Authorization": f"Bearer {token}"} if token else None) as answer:
            answer.raise_for_status()
            yield from answer.iter_content(BLOCK)
    except requests.RequestException as error:
        status = f"HTTP {error.response.status_code}" if error.response is not None else type(error).__name__
        hint = "; the log of a job needs GITHUB_TOKEN" if job and not token else "; download it and give its path"
        raise InputError(f"{address} cannot be read ({status}){hint}", id="log-not-available") from None


def lines_of(found: Diagnosis) -> Iterator[str]:
    """The diagnosis as text."""
    for rank, finding in enumerate(found.findings):
        yield f"{'also possible' if rank else 'cause'}: {finding.cause}"
        yield f"  line {finding.line_number}: {finding.line}"
        yield f"  why: {finding.explanation}"
        yield f"  do: {finding.remedy}"
        yield f"  source: {', '.join(finding.source)}"
    if found.unknown:
        yield "no known cause; the first lines that tell of an error:"
        yield from (f"  line {number}: {line}" for number, line in found.unknown)
    elif not found.findings:
        yield "nothing wrong found"
    for noise in found.noise:
        times = f", {noise.count} times" if noise.count > 1 else ""
        yield f"harmless: line {noise.line_number}{times}: {noise.explanation}"
