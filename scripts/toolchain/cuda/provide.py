"""The CUDA toolkit of a target: one that is here, or one that is fetched."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.command import Log, no_log
from scripts.errors import InputError, PrerequisiteError
from scripts.facts.facts import Facts
from scripts.fetch.installer import find_installer
from scripts.toolchain.cuda.cuda_wheels import fill_from_wheels, require_compiler
from scripts.toolchain.cuda.discovery import PassedOver, find_toolkits, named_toolkit
from scripts.toolchain.cuda.redist import fill_from_archives
from scripts.toolchain.cuda.toolkit import Toolkit, examine
from scripts.toolchain.cuda.toolkit_store import store_toolkit, stored_toolkit
from scripts.versions import minor_of

DOWNLOADS = ".downloads"  # how the directory beside a toolkit ends that its archives are fetched into
FETCHED = ("redist", "pip")


def requested_toolkit(choice: str, facts: Facts, system: str) -> Toolkit | None:
    """The toolkit that the user named, whatever its version: by `choice`, a directory, or by DEEPSPEED_WHEELS_CUDA.

    None when none is named. Raises PrerequisiteError when something is missing there.
    """
    if choice == "auto":
        return named_toolkit(facts, system)
    if choice in FETCHED:
        return None
    return examine(Path(choice).expanduser().resolve(), "named", facts, system)


def find_toolkit(
    version: str, choice: str, facts: Facts, cache: Path, system: str
) -> tuple[Toolkit | None, list[PassedOver]]:
    """The toolkit of `version` that a build takes, if one is here: of this machine, or fetched earlier.

    Also what was passed over. With "redist" or "pip" as `choice` only one that was fetched that way counts.
    """
    sources = FETCHED if choice == "auto" else (choice,)
    found, passed = find_toolkits(minor_of(version), facts, system) if choice == "auto" else ([], [])
    found = found or stored_toolkits(version, facts, cache, system, sources)
    return (found[0] if found else None), passed


def provide_toolkit(
    version: str,
    *,
    choice: str = "auto",
    facts: Facts,
    cache: Path,
    system: str,
    log: Log = no_log,
) -> Toolkit:
    """A complete toolkit of `version`, a minor such as "12.4" or, when it is fetched, a release such as "13.0.2".

    `choice` is "redist" or "pip", to fetch it that way, or "auto": one of this machine is taken, one fetched earlier,
    NVIDIA's archive, or wheels. What is fetched lies below `cache`/cuda. Raises PrerequisiteError, with every reason,
    when none of that leads to one.
    """
    found, passed = find_toolkit(version, choice, facts, cache, system)
    for one in passed:
        log(f"passed over: {one.reason} ({one.candidate.told_by})")
    if found:
        return found
    if choice in FETCHED:
        return _fetch(choice, version, facts, cache, system, log)
    return _fetch_any(version, facts, cache, system, log)


def release_of(version: str, facts: Facts) -> str:
    """The release to fetch: the newest known of a minor, or the one that is named.

    Raises InputError for a version that the data does not have, PrerequisiteError for one without a full release.
    """
    row = facts.cuda.get(minor_of(version))
    if row is None or (version != row.version and version not in row.releases):
        raise InputError(f"CUDA {version} is not known; known: {', '.join(facts.cuda)}", id="cuda-not-known")
    if not row.releases:
        raise PrerequisiteError(
            f"CUDA {version} has no release that could be fetched; install it, and name its folder",
            id="cuda-toolkit-not-available",
        )
    return version if version in row.releases else row.releases[-1]


def stored_toolkits(
    version: str, facts: Facts, cache: Path, system: str, sources: Sequence[str] = FETCHED
) -> list[Toolkit]:
    """The complete toolkits of a version that were fetched earlier, in the order in which they are taken."""
    release, minor = release_of(version, facts), minor_of(version)
    directories = [(source, toolkit_directory(cache, release, source)) for source in sources]
    stored = [stored_toolkit(directory, source, facts, system, minor) for source, directory in directories]
    return [toolkit for toolkit in stored if toolkit]


def _fetch_any(version: str, facts: Facts, cache: Path, system: str, log: Log) -> Toolkit:
    reasons = []
    for source in FETCHED:
        try:
            return _fetch(source, version, facts, cache, system, log)
        except PrerequisiteError as error:
            reasons.append(f"{source}: {error}")
            log(f"no toolkit by {reasons[-1]}")
    raise PrerequisiteError(
        f"no CUDA {version} toolkit is here, and none can be fetched:\n"
        + "\n".join(f"  {reason}" for reason in reasons)
        + "\n  install it and name its directory with DEEPSPEED_WHEELS_CUDA, or see docs/cuda.md for a mirror",
        id="cuda-toolkit-not-available",
    )


def _fetch(source: str, version: str, facts: Facts, cache: Path, system: str, log: Log) -> Toolkit:
    release = release_of(version, facts)
    directory = toolkit_directory(cache, release, source)
    downloads = directory.with_name(directory.name + DOWNLOADS)

    def fill(draft: Path) -> Mapping[str, str]:
        if source == "redist":
            return fill_from_archives(draft, downloads, release, facts, system, log)
        return fill_from_wheels(draft, release, facts, system, find_installer(), log)

    if source == "pip":
        require_compiler(release, facts, system)
    toolkit = store_toolkit(directory, source, facts, system, minor_of(version), fill, log)
    shutil.rmtree(downloads, ignore_errors=True)
    return toolkit


def toolkit_directory(cache: Path, release: str, source: str) -> Path:
    """Where a fetched toolkit lies; the name is short, for the paths of Windows."""
    return cache / "cuda" / f"{release}-{source}"
