"""Keeps the installed DeepSpeed in a folder beside it, puts it back, or drops it again: `keep.py save|restore|drop`.

Runs with the Python of the environment. What was kept is complete when its list is there: the list is written last.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

FOLDER = Path(sysconfig.get_paths()["purelib"]) / ".deepspeed-wheels-kept"
LIST = FOLDER / "list.json"


def installed() -> list[Path]:
    """The files of the DeepSpeed that is installed."""
    paths = listed()
    if paths is None:
        paths = [path for folder in own_folders() for path in sorted(folder.rglob("*"))]
    return [path for path in paths if path.is_file()]


def listed() -> list[Path] | None:
    """What its own list has; None where that is gone, or damaged. Empty when no DeepSpeed is installed."""
    try:
        files = metadata.distribution("deepspeed").files
    except metadata.PackageNotFoundError:
        return []
    except Exception:  # noqa: BLE001  whatever a damaged list raises
        return None
    if files is None:
        return None
    return [Path(os.path.abspath(str(file.locate()))) for file in files]  # noqa: PTH100  a link stays one


def own_folders() -> list[Path]:
    """Its package and its metadata, where nothing lists its files."""
    return [FOLDER.parent / "deepspeed", *FOLDER.parent.glob("deepspeed-*.dist-info")]


def save() -> None:
    """Keep what is installed; what nothing lists is taken away, since pip removes no such package."""
    drop()
    unlisted = listed() is None
    FOLDER.mkdir(parents=True)
    kept = []
    for number, path in enumerate(installed()):
        place(path, FOLDER / str(number))
        kept.append(str(path))
    draft = LIST.with_suffix(".draft")
    draft.write_text(json.dumps(kept), encoding="utf-8")
    draft.replace(LIST)
    if unlisted:
        for folder in own_folders():
            shutil.rmtree(folder, ignore_errors=True)


def restore() -> None:
    """Put back what was kept, in place of what is installed now; nothing where no whole list is."""
    if LIST.is_file():
        kept = json.loads(LIST.read_text(encoding="utf-8"))
        for path in installed():
            path.unlink(missing_ok=True)  # bytecode goes with the last file of its folder
            with_empty_parents(path)
        for number, name in enumerate(kept):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            place(FOLDER / str(number), Path(name))
    drop()


def with_empty_parents(path: Path) -> None:
    """Remove the folders above a removed file that hold nothing any more, and old bytecode alone."""
    for folder in path.parents:
        if folder.name in ("site-packages", "bin", "Scripts") or not folder.is_dir():
            return
        shutil.rmtree(folder / "__pycache__", ignore_errors=True)
        if any(folder.iterdir()):
            return
        folder.rmdir()


def place(source: Path, target: Path) -> None:
    """The same file under a second name where the disk can, else a copy of it."""
    target.unlink() if target.exists() else None
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def drop() -> None:
    """Remove what was kept."""
    LIST.unlink() if LIST.exists() else None
    shutil.rmtree(FOLDER, ignore_errors=True)


if __name__ == "__main__":
    {"save": save, "restore": restore, "drop": drop}[sys.argv[1]]()
