"""Run by a Windows Python: what our code finds of Visual Studio there, as JSON.

Its one argument is a JSON object: `programs` (both Program Files folders), `cuda`, `cache`, and `variables` to set.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from scripts.errors import WheelsError
from scripts.facts.load import load_facts
from scripts.toolchain.msvc.toolset import choose_toolset, pinned_toolset, preferred_toolsets
from scripts.toolchain.msvc.vcvars import capture_environment
from scripts.toolchain.msvc.visual_studio import find_visual_studios


def main(text: str) -> dict[str, object]:
    """The installations, and the environment that was captured (with its seconds) or the error."""
    asked = json.loads(text)
    # Wine sets these by itself when a program starts
    os.environ.update(dict.fromkeys(("ProgramW6432", "ProgramFiles", "ProgramFiles(x86)"), asked["programs"]))
    os.environ.update(asked.get("variables", {}))
    facts, cuda = load_facts(), asked["cuda"]
    found = find_visual_studios(facts)
    studios = [[str(studio.root), studio.version, studio.edition, studio.found_by] for studio in found]
    answer: dict[str, object] = {"studios": studios, "caller": dict(os.environ)}
    try:
        preferred = preferred_toolsets(facts, cuda, pin=pinned_toolset(os.environ))
        chosen = choose_toolset(found, preferred, facts, cuda)
        started = time.perf_counter()
        answer |= capture_environment(chosen, Path(asked["cache"])).document()
        answer["seconds"] = time.perf_counter() - started
    except WheelsError as error:
        answer["error"] = str(error)
    return answer


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1])))
