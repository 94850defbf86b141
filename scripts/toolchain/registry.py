"""What the Windows registry says; nothing anywhere else."""

from __future__ import annotations

import sys


def registry_values(key: str) -> dict[str, str]:
    """The text values below `key` of HKEY_LOCAL_MACHINE, by name, of the 64-bit view before the 32-bit one.

    Empty when there is no such key, and on any other system than Windows.
    """
    found: dict[str, str] = {}
    if sys.platform == "win32":
        import winreg

        for view in (winreg.KEY_WOW64_64KEY, winreg.KEY_WOW64_32KEY):
            try:
                with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key, 0, winreg.KEY_READ | view) as opened:
                    values = [winreg.EnumValue(opened, index) for index in range(winreg.QueryInfoKey(opened)[1])]
            except OSError:
                continue
            found = {**{name: value for name, value, kind in values if isinstance(value, str)}, **found}
    return found
