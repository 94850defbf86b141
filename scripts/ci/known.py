"""What the published site says of cells that have no wheel yet: the memory of the workflows between two runs."""

from __future__ import annotations

from collections.abc import Callable

import requests

from scripts.errors import WheelsError
from scripts.index.page.states import Build, read_builds

BUILDS = "builds.json"
SECONDS = 60


def known_builds(site: str, say: Callable[[str], None]) -> dict[str, Build]:
    """The builds of the site at an address; none for an empty address, for a site that is not there, and for one that
    cannot be read, which is said: it decides the order of the queue, not what is built.
    """
    if not site:
        return {}
    try:
        answer = requests.get(site + BUILDS, timeout=SECONDS)
        if answer.status_code == requests.codes.not_found:
            return {}
        answer.raise_for_status()
        return read_builds(answer.content, BUILDS)
    except (requests.RequestException, WheelsError) as error:
        say(f"{site}{BUILDS} cannot be had, so what failed before is not known: {error}")
        return {}
