"""The options of the window; light to import, since every task's are."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.options import option, path_option


@dataclass(frozen=True, kw_only=True)
class WindowOptions:
    """What the window opens with."""

    python: str = path_option("", "an environment's directory or Python; the active one unless given")
    index: str = path_option("", "address or directory of a site to take wheels from")
    shade: str = option("auto", "light, dark, or auto: as the desktop", choices=("auto", "light", "dark"))
