"""Imports DeepSpeed and each compiled op, asks ds_report, and prints as JSON what cannot be loaded, in which words."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.util
import io
import json
import sys
from pathlib import Path

# Whose symbols other ops take: DeepSpeed loads it before them, for all to see (op_builder/pin_memory_load.py, 0.19.5).
SHARED = "pin_memory_op"


def said(error: BaseException) -> str:
    """The last line of what an error says."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[-1]}"


def main() -> dict[str, object]:
    """The ops that were loaded, those that were not, and whether ds_report runs."""
    try:
        importlib.import_module("torch")
        package = importlib.import_module("deepspeed")
    except Exception as error:  # noqa: BLE001  whatever an import raises is the answer
        return {"imports": said(error), "loaded": [], "failed": {}, "report": None}
    root = Path(str(package.__file__)).parent
    loaded, failed = [], {}
    files = [path for path in root.rglob("*_op*") if path.suffix in (".so", ".pyd")]
    for file in sorted(files, key=lambda path: (not path.name.startswith(f"{SHARED}."), path)):
        name = ".".join(("deepspeed", *file.relative_to(root).parts[:-1], file.name.partition(".")[0]))
        try:
            if file.name.startswith(f"{SHARED}."):
                ctypes.CDLL(str(file), mode=ctypes.RTLD_GLOBAL)
            importlib.import_module(name)
            loaded.append(file.name.partition(".")[0])
        except Exception as error:  # noqa: BLE001  the same
            failed[file.name.partition(".")[0]] = said(error)
    return {"imports": None, "loaded": loaded, "failed": failed, "report": report()}


def report() -> str | None:
    """Why ds_report does not run; None when it does, or there is none."""
    if importlib.util.find_spec("deepspeed.env_report") is None:
        return None
    try:
        importlib.import_module("deepspeed.env_report").main()
    except (Exception, SystemExit) as error:  # noqa: BLE001  the same
        return said(error)
    return None


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        answer = main()
    json.dump(answer, sys.stdout)
