"""What GitHub attests of a wheel: asked with its own program, `gh`, where that is here.

`gh attestation verify` compares the file's digest with what a workflow of the repository signed. It ends with 0 when
that is so, with 4 when nobody is logged in. gh has it since 2.49 (May 2024), but up to 2.66.1 it ends with 0 for a file
that nobody signed, too (cli/cli#10418, GO-2025-3467): such a gh is not believed.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from scripts.command import NOT_STARTED, ask
from scripts.errors import PrerequisiteError, VerifyError

SECONDS = 120.0
NOT_LOGGED_IN = 4
SERVER = "https://github.com"
RELEASE = re.compile(r"/(?P<repository>[\w.-]{1,100}/[\w.-]{1,100})/releases/download/")
QUIET = {"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1", "CLICOLOR": "0"}
UNKNOWN = re.compile(r"unknown command|unknown flag", re.I)
BELIEVED = (2, 67)  # February 2025
TOO_OLD = "this gh is too old for it: take 2.67 (of February 2025) or newer"
OFF = "--attestation off installs it all the same"


@dataclass(frozen=True, kw_only=True)
class Attestation:
    """What came of asking."""

    checked: bool
    sentence: str


def check_attestation(wheel: Path, address: str, wish: str) -> Attestation:
    """Whether a workflow of the wheel's repository signed this very file, or why nobody could say.

    `wish` is "auto", "require" or "off". Raises VerifyError when GitHub does not attest it, PrerequisiteError when it
    could not be asked and must be.
    """
    found = Attestation(checked=False, sentence="as asked for") if wish == "off" else _asked(wheel, address)
    if wish == "require" and not found.checked:
        raise PrerequisiteError(
            f"the attestation of {wheel.name} cannot be checked: {found.sentence}; nothing was changed",
            id="attestation-not-checked",
        )
    if found.checked:
        return found
    return Attestation(checked=False, sentence=f"the attestation was not checked: {found.sentence}")


def _asked(wheel: Path, address: str) -> Attestation:
    repository = _repository(address)
    if repository is None:
        return Attestation(checked=False, sentence="the wheel is not from a release on GitHub")
    gh = shutil.which("gh")
    if gh is None:
        return Attestation(checked=False, sentence="gh, GitHub's program, is not on PATH (cli.github.com)")
    if _version(gh) < BELIEVED:
        return Attestation(checked=False, sentence=TOO_OLD)
    answer = ask(
        [gh, "attestation", "verify", str(wheel), "--repo", repository], seconds=SECONDS, env={**os.environ, **QUIET}
    )
    said = answer.errors.strip() or answer.output.strip()
    if answer.exit_code == 0:
        return Attestation(checked=True, sentence=f"attested: a workflow of {repository} made this very file")
    if answer.exit_code == NOT_LOGGED_IN:
        return Attestation(checked=False, sentence="gh is not logged in: gh auth login")
    if answer.exit_code == NOT_STARTED or UNKNOWN.search(said):
        return Attestation(checked=False, sentence=TOO_OLD)
    last = (said.splitlines() or ["it says nothing"])[-1][:300]
    raise VerifyError(
        f"{wheel.name} is not attested as a file of {repository}: {last}; nothing was changed. Distrust the file, or,"
        f" where gh could not reach GitHub, try again; {OFF}",
        id="attestation-failed",
    )


def _version(gh: str) -> tuple[int, ...]:
    """`2.67` of `gh version 2.67.0 (2025-02-11)`; of one that was built without a number the newest that can be."""
    said = ask([gh, "--version"], seconds=SECONDS).output
    numbers = re.search(r"\bgh version v?(\d+)\.(\d+)\.", said)
    return (int(numbers[1]), int(numbers[2])) if numbers else BELIEVED


def _repository(address: str) -> str | None:
    """`OWNER/REPO` of a file of a release on GitHub."""
    parts, server = urlsplit(address), urlsplit(os.environ.get("GITHUB_SERVER_URL") or SERVER)
    found = RELEASE.match(parts.path) if (parts.scheme, parts.netloc) == (server.scheme, server.netloc) else None
    return found["repository"] if found else None
