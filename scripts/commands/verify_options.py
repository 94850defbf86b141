"""What a user may choose about a verification, stated once."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.options import json_option, option, path_option


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """Which wheel is verified, and how far."""

    wheel: tuple[str, ...] = option(
        help="wheels, folders of wheels, or addresses of wheels or of an index",
        more="one wheel or more, a folder with wheels in it, the address of a wheel (its digest is shown) or of a "
        "package index; usually given without the option's name",
        path=True,
        several=True,
    )
    level: str = option(
        "file",
        "file (reads the file), load (loads every op), core (trains) or full (all of DeepSpeed)",
        more="`file` (the default), `load`, `core` or `full`: [what each verifies](verify.md); `audit` and `smoke` are "
        "former names of the first two",
        choices=("file", "load", "core", "full", "audit", "smoke"),
    )
    beside: str = option(
        "",
        "what is run, too: workloads, integrations, autotuning, with commas between (--with)",
        more="what is run beside the level, with commas between: `workloads`, `integrations`, `autotuning`. `--with` "
        "is its other name",
        aliases=("with",),
    )
    python: str = path_option(
        "",
        "a Python, or the folder of its environment, that has torch and the wheel; else one is made",
        more="for the levels above `file`: the Python, or the folder, of an environment that has torch and the wheel "
        "installed, which is compared with the wheel first; a fresh one is made unless it is given. On Linux also a "
        "[Windows Python under Wine](verify.md#windows-wheels-on-linux)",
    )
    json: bool = json_option("[the report](#other-json)")


@dataclass(frozen=True, kw_only=True)
class AuditOptions:
    """Which wheel is read, where there is nothing to run it with."""

    wheel: str = path_option(help="the wheel")
    json: bool = json_option("[the report](#other-json)")
