"""`Published`: the wheels of a site in order, and the addresses at which it offers them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import quote, unquote, urlsplit

from scripts.errors import InputError, VerifyError
from scripts.fetch.loopback import is_loopback
from scripts.plan.target import Target
from scripts.wheel.record import WheelRecord


@dataclass(frozen=True, kw_only=True)
class Published:
    """What a site offers, and where."""

    wheels: tuple[WheelRecord, ...]  # in the order of the versions
    url: str  # where the site is served, with / at its end
    torch_index: str  # where torch is available, with {variant}

    @cached_property
    def offered(self) -> Published:
        """The same without the wheels that were withdrawn: what may be shown and chosen."""
        return replace(self, wheels=tuple(record for record in self.wheels if record.yanked is None))

    def channel(self, target: Target) -> str:
        """The address of the index of the target's CUDA variant and torch minor."""
        return f"{self.url}{channel_of(target)}"

    def torch_channel(self, target: Target) -> str:
        """The address of the index that has the target's torch."""
        return self.torch_index.replace("{variant}", target.cuda)

    def address(self, record: WheelRecord) -> str:
        """Where the wheel can be downloaded; raises InputError for an address that is not one of this very wheel.

        An address in an index is believed no further: to pip, one that ends in `.tar.gz` is a program to run.
        """
        if record.url and not self._is_of(record.url, record.file):
            raise InputError(
                f"{record.file}: {record.url!r} is no https address of this wheel; distrust {self.url}",
                id="connection-not-safe",
            )
        return record.url or self.url + file_path(record)

    def _is_of(self, address: str, file: str) -> bool:
        """Whether it ends with the wheel's name, and leads there by https, or as the site itself is reached."""
        asked, own = urlsplit(address), urlsplit(self.url)
        as_here = (asked.scheme, asked.netloc) == (own.scheme, own.netloc)
        safe = as_here or asked.scheme == "https" or (asked.scheme == "http" and is_loopback(address))
        named = unquote(asked.path).rpartition("/")[2] == file and not asked.fragment
        return safe and named and (as_here or not asked.username)


def channel_of(target: Target) -> str:
    """The path of the target's channel below the site, `whl/cu124/torch2.6/`."""
    return f"whl/{target.cuda}/torch{target.torch_minor}/"


def cuda_channel_of(target: Target) -> str:
    """The path of the index of the target's CUDA variant, for every torch minor, `whl/cu124/`."""
    return f"whl/{target.cuda}/"


def file_path(record: WheelRecord) -> str:
    """The path below the site of a wheel that has no address of its own, as it is written in a link."""
    return f"files/{record.target.deepspeed}/{quote(record.file)}"


def publish_records(records: Iterable[WheelRecord], *, url: str, torch_index: str) -> Published:
    """The records in the order of their versions, as a site at `url` offers them.

    Raises InputError for two of one name, and VerifyError for a wheel that failed verification or was not verified.
    """
    ordered = tuple(sorted(records, key=lambda record: record.target.sort_key()))
    twice = [file for file, count in Counter(record.target.wheel_name for record in ordered).items() if count > 1]
    if twice:
        raise InputError(
            f"{twice[0]} is listed twice (and {len(twice) - 1} more); an index has one wheel of a name",
            id="wheel-listed-twice",
        )
    unverified = [record.file for record in ordered if not record.verification or record.verification.failed]
    if unverified:
        more = len(unverified) - 1
        raise VerifyError(f"{unverified[0]} failed verification or was not verified (and {more} more); remove it")
    return Published(wheels=ordered, url=url.rstrip("/") + "/", torch_index=torch_index)
