"""Two releases of the real DeepSpeed, of its smallest op: built together they are byte for byte what each is alone."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from scripts.dirs import CHECKOUT
from scripts.host import this_python

pytestmark = [
    pytest.mark.real_build,
    pytest.mark.nightly,
    pytest.mark.skipif(sys.platform != "linux", reason="the targets are those for Linux"),
]


def test_a_group_makes_the_wheels_that_single_builds_make_and_takes_less() -> None:
    argv = [sys.executable, "-m", "bench.group", "--py", this_python(), "--ops", "pin_memory"]
    ran = subprocess.run(argv, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, check=True)
    figures = json.loads(ran.stdout.splitlines()[-1])
    assert figures["same_bytes"] is True
    alone, together = figures["processor"]
    assert together < alone
