"""Where things are kept: the cache of this user, and the folders of this checkout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "DEEPSPEED_WHEELS_CACHE"
OUTPUT_VARIABLE = "DEEPSPEED_WHEELS_OUTPUT"
CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Dirs:
    """The folders of one installation."""

    cache: Path
    wheelhouse: Path
    logs: Path

    @property
    def sources(self) -> Path:
        """Downloaded source archives."""
        return self.cache / "sources"

    @property
    def ops(self) -> Path:
        """The op cache."""
        return self.cache / "ops"

    @property
    def units(self) -> Path:
        """The object cache: compiled units, and what each read."""
        return self.cache / "units"

    @property
    def headers(self) -> Path:
        """Precompiled headers."""
        return self.cache / "headers"

    @property
    def portability(self) -> Path:
        """What the C++ of Windows targets is read with, and what came of it."""
        return self.cache / "portability"

    @property
    def captured(self) -> Path:
        """Captured environments of Visual Studio."""
        return self.cache / "environments"

    @property
    def toolkits(self) -> Path:
        """CUDA toolkits that were fetched."""
        return self.cache / "cuda"

    @property
    def wheels(self) -> Path:
        """Wheels that are being downloaded to be installed."""
        return self.cache / "wheels"

    @property
    def unfinished(self) -> Path:
        """The work folders of all targets."""
        return self.cache / "unfinished"

    def log(self, target_id: str) -> Path:
        """The log of a target's builds."""
        return self.logs / f"{target_id}.log"

    def work(self, target_id: str) -> Path:
        """The work folder of one target; kept when a build fails, so that it can resume."""
        return self.unfinished / target_id


def default_dirs() -> Dirs:
    """The user's cache, and this checkout's wheels/ and logs/; other folders where the two variables name them."""
    return dirs_with(os.environ)


def dirs_with(variables: Mapping[str, str]) -> Dirs:
    """The same with these variables instead of this process's own."""
    cache = variables.get(CACHE_VARIABLE) or platformdirs.user_cache_path("deepspeed-wheels", appauthor=False)
    output = Path(variables.get(OUTPUT_VARIABLE) or CHECKOUT).expanduser().resolve()
    return Dirs(cache=Path(cache).expanduser().resolve(), wheelhouse=output / "wheels", logs=output / "logs")
