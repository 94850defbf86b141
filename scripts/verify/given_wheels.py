"""The wheels that somebody names: files, folders, addresses and package indexes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import requests

from scripts.command import Log
from scripts.errors import InputError, PrerequisiteError
from scripts.fetch.index_client import index_files
from scripts.fetch.limits import save
from scripts.fetch.transfer import get
from scripts.files import sha256_of
from scripts.verify.other_packages import kind_named, what_it_is

PROJECT = "deepspeed"
MOST_BYTES = 4_000_000_000  # of a wheel that is downloaded: GitHub takes no file above 2 GB
SCHEMES = ("http", "https")


def given_wheels(words: Sequence[str], folder: Path, log: Log) -> Iterator[Path]:
    """The wheels, one after the other; those of an address are downloaded to `folder` when their turn comes.

    Raises InputError for a word that names none, PrerequisiteError for an address that gives none.
    """
    for word in words:
        if urlsplit(word).scheme in SCHEMES:
            for number, address in enumerate(_addresses(word)):
                yield _downloaded(address, folder / str(number), log)
        else:
            yield from _local(Path(word))


def _local(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        if words := what_it_is(path):
            raise InputError(f"{path} is {words}; give a wheel, which ends with .whl", id="not-a-wheel")
        return (path,)
    found = sorted(path.rglob("*.whl"))
    if not found:
        others = sorted(each for each in path.rglob("*") if kind_named(each.name) and each.is_file())
        told = ((each, words) for each in others if (words := what_it_is(each)))
        has = next((f" ({each.name} is {words})" for each, words in told), "")
        raise InputError(f"{path} holds no wheel{has}; give a folder with .whl files in it", id="not-a-wheel")
    return found


def _addresses(address: str) -> Sequence[str]:
    """The address of a wheel, or those of all wheels of DeepSpeed in a package index."""
    if urlsplit(address).path.endswith(".whl"):
        return (address,)
    if kind := kind_named(urlsplit(address).path):
        raise InputError(f"{address} is {kind.words}; give the address of a wheel (.whl)", id="not-a-wheel")
    try:
        found = [url for url in index_files(PROJECT, address) if urlsplit(url).path.endswith(".whl")]
    except requests.RequestException as error:
        raise PrerequisiteError(f"{address} cannot be read: {error}", id="download-failed") from None
    if not found:
        raise InputError(f"{address} is neither a wheel nor an index that has one of {PROJECT}", id="not-a-wheel")
    return found


def _downloaded(address: str, folder: Path, log: Log) -> Path:
    path = folder / (unquote(urlsplit(address).path).rpartition("/")[2] or "wheel")
    folder.mkdir(parents=True, exist_ok=True)
    wanted = dict(part.split("=", 1) for part in urlsplit(address).fragment.split("&") if "=" in part)
    try:
        with get(address.partition("#")[0], stream=True) as answer:
            answer.raise_for_status()
            save(answer, path, MOST_BYTES)
    except requests.RequestException as error:
        raise PrerequisiteError(f"{address} cannot be downloaded: {error}", id="download-failed") from None
    digest = sha256_of(path)
    log(f"downloaded {path.name}, {path.stat().st_size:,} bytes, sha256 {digest}")
    if wanted.get("sha256", digest) != digest:
        raise PrerequisiteError(
            f"{path.name}: sha256 {digest}, and its address says {wanted['sha256']}", id="download-failed"
        )
    return path
