"""Where things are kept: the cache of this user, and the folders of this checkout."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

VARIABLE = "DEEPSPEED_WHEELS_CACHE"
CHECKOUT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, kw_only=True)
class Places:
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
    def headers(self) -> Path:
        """Precompiled headers."""
        return self.cache / "headers"

    def work(self, target_id: str) -> Path:
        """The work folder of one target; kept when a build fails, so that it can resume."""
        return self.cache / "work" / target_id


def default_places() -> Places:
    """The user's cache (or the folder named by DEEPSPEED_WHEELS_CACHE) and this checkout's wheels/ and logs/."""
    named = os.environ.get(VARIABLE)
    cache = Path(named) if named else platformdirs.user_cache_path("deepspeed-wheels")
    return Places(cache=cache.resolve(), wheelhouse=CHECKOUT / "wheels", logs=CHECKOUT / "logs")
