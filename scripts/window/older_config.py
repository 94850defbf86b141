"""`deepspeed_config.json` of the older graphical builder: which of its versions are known, and what holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from scripts.errors import DataError, InputError
from scripts.facts.facts import Facts
from scripts.plan.matrix import Matrix
from scripts.schema.json_document import parse_json
from scripts.schema.readers import Problems, Reader, keyed, mapped, text
from scripts.versions import cuda_version

LIMIT = 1_000_000  # bytes; the builder's own has a few hundred


@dataclass(frozen=True, kw_only=True)
class OlderVersion:
    """A row of that file."""

    url: str
    cuda_min: str


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A version of that file, against the facts."""

    deepspeed: str
    usable: bool  # on our axis, so that it can be chosen
    says: str


def read_older_config(path: Path, facts: Facts, matrix: Matrix) -> tuple[Checked, ...]:
    """Its versions, newest first, each checked; raises InputError or DataError for a file that is none of these."""
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give another", id="file-not-usable") from None
    problems = Problems()
    document = parse_json(content, path.name, problems)
    versions: Mapping[str, OlderVersion] = {}
    if not problems:
        row: Reader[OlderVersion] = keyed(OlderVersion, url=text, cuda_min=text)
        read: Reader[dict[str, dict[str, OlderVersion]]] = keyed(dict, versions=mapped(row))
        versions = read(document, f"{path.name}:", problems).get("versions", {})
    if problems:
        raise DataError(path.name, problems)
    found = [_check(name, row, facts, matrix) for name, row in versions.items()]
    return tuple(sorted(found, key=lambda row: _order(row.deepspeed), reverse=True))


def _check(name: str, row: OlderVersion, facts: Facts, matrix: Matrix) -> Checked:
    if name not in facts.deepspeed:
        return Checked(deepspeed=name, usable=False, says="no such release of DeepSpeed is known here")
    if name not in matrix.deepspeed:
        newest = next((each for each in _of_same_minor(name, matrix)), "")
        instead = f"; of its minor {newest} is" if newest else ""
        return Checked(deepspeed=name, usable=False, says=f"known, and not built here{instead}")
    return Checked(deepspeed=name, usable=True, says="; ".join(_told(name, row, facts)))


def _told(name: str, row: OlderVersion, facts: Facts) -> Iterator[str]:
    yield "known and built here"
    known = {cuda_version(variant) for torch in facts.torch.values() for variant in torch.cuda}
    oldest = min((Version(each) for each in known if each), default=None)
    if oldest and _order(row.cuda_min) < oldest:
        yield f"the file says CUDA {row.cuda_min} or newer, and no torch here has one before {oldest}"
    if not row.url.rstrip("/").endswith((f"v{name}.zip", f"v{name}.tar.gz")):
        yield f"its address {row.url} is not that of the release's archive, and is not used"


def _of_same_minor(name: str, matrix: Matrix) -> list[str]:
    minor = name.rpartition(".")[0]
    return sorted((each for each in matrix.deepspeed if each.startswith(f"{minor}.")), key=_order, reverse=True)


def _order(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")
