"""What one line of a dry run leaves for the next is read, or refused with the line to run again."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from scripts.commands.build_step import KEPT, main
from scripts.dirs import default_dirs
from scripts.errors import InputError
from scripts.stamp import stamp_file

ID = "ds0.19.8-torch2.13.0-cpu-cp311-linux_x86_64"


@pytest.mark.parametrize("content", [None, b"", b"junk", b"\x80\x04\x8c\x0cscripts.gone\x8c\x01X\x93."])
def test_steps_that_cannot_be_read_are_an_error(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPSPEED_WHEELS_CACHE", str(tmp_path))
    kept = default_dirs().work(ID) / KEPT
    if content is not None:
        kept.parent.mkdir(parents=True)
        kept.write_bytes(content)
        stamp_file(kept)
    with pytest.raises(InputError, match="run the line of the step plan first"):
        main(["compile", ID])


@pytest.mark.parametrize("place", [0, 7, -1])
def test_steps_that_were_changed_are_refused(place: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPSPEED_WHEELS_CACHE", str(tmp_path))
    kept = default_dirs().work(ID) / KEPT
    kept.parent.mkdir(parents=True)
    kept.write_bytes(pickle.dumps({"plan": "of the test"}))
    stamp_file(kept)
    content = bytearray(kept.read_bytes())
    content[place] ^= 1
    kept.write_bytes(content)
    with pytest.raises(InputError, match=r"is damaged; run the line of the step plan first"):
        main(["compile", ID])
