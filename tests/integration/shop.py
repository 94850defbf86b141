"""`invoke build` as a person runs it, with caches and output of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.facts.source_files import LISTING_VARIABLE

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Shop:
    """`invoke build` with caches and output of its own."""

    folder: Path

    def start(self, *words: str, cache: str = "cache", output: str = ".") -> subprocess.Popen[str]:
        env = {
            **os.environ,
            "CI": "true",
            LISTING_VARIABLE: "",  # the repository's own: it is a real wheel
            "DEEPSPEED_WHEELS_CACHE": str(self.folder / cache),
            "DEEPSPEED_WHEELS_OUTPUT": str(self.folder / output),
        }
        argv = [sys.executable, "-m", "invoke", "build", "--json", *words]
        return subprocess.Popen(
            argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def build(self, *words: str, cache: str = "cache", output: str = ".") -> dict[str, Any]:
        process = self.start(*words, cache=cache, output=output)
        output, said = process.communicate(timeout=2400)
        assert process.returncode == 0, said[-6000:]
        result: dict[str, Any] = json.loads(output)["results"][0]
        return result

    def manifest(self, result: dict[str, Any]) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(Path(result["wheel"] + ".json").read_text(encoding="utf-8"))
        return document
