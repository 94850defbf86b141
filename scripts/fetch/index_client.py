"""How the user's own package client is set up: which index, certificates and wheel directories it uses."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.command import ask
from scripts.fetch.limits import limited_session, save

if TYPE_CHECKING:
    import pypi_simple

TIMEOUT = (5, 60)  # seconds to connect, to read


@cache
def pip_settings() -> dict[str, str]:
    """pip's settings for this Python by their short name, files and PIP_* variables merged; empty without pip."""
    answer = ask([sys.executable, "-m", "pip", "config", "list"], seconds=60)
    settings: dict[str, str] = {}
    for line in answer.output.splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.partition(".")
        if section in ("global", "install"):
            settings[key.replace("_", "-")] = _unquoted(value)
    variables = {n[4:].lower().replace("_", "-"): v for n, v in os.environ.items() if n.startswith("PIP_")}
    return {**settings, **variables}


def _unquoted(value: str) -> str:
    """The value behind pip's way to print it, which is Python's: several lines come as one with \\n in it."""
    try:
        return str(ast.literal_eval(value))
    except (ValueError, SyntaxError):
        return value.strip()


def default_index() -> str:
    """The index that pip takes packages from."""
    import pypi_simple  # takes longer to import than `nox -l` to do everything else

    return pip_settings().get("index-url") or pypi_simple.PYPI_SIMPLE_ENDPOINT


@contextmanager
def open_index(address: str = "") -> Iterator[pypi_simple.PyPISimple]:
    """A client of that index, or of the one at `address`, whose answers keep within limits."""
    import pypi_simple

    session = limited_session()
    session.verify = verify_bundle()
    with pypi_simple.PyPISimple(address or default_index(), session=session) as client:
        yield client


def index_files(project: str, address: str) -> list[str]:
    """The addresses of the files that the index at `address` has of a project; those with a digest end in it.

    Raises an error of requests' family, as `packages_of` does.
    """
    with open_index(address) as client:
        return [
            package.url.partition("#")[0] + "".join(f"#{kind}={text}" for kind, text in package.digests.items())
            for package in packages_of(project, client)
        ]


def packages_of(project: str, client: pypi_simple.PyPISimple) -> list[pypi_simple.DistributionPackage]:
    """The files that the index has of a project; none of one that it does not know.

    Raises an error of requests' family for an index that cannot be reached, and for an answer that is no list of files.
    """
    import pypi_simple
    import requests

    try:
        return client.get_project_page(project, timeout=TIMEOUT).packages
    except pypi_simple.NoSuchProjectError:
        return []
    except (ValueError, pypi_simple.UnsupportedRepoVersionError) as error:
        message = f"what answers at {default_index()} is no package index: {error}"
        raise requests.exceptions.ContentDecodingError(message) from None


def verify_bundle() -> str | bool:
    """The certificate bundle that pip trusts; True for the built-in one."""
    return pip_settings().get("cert") or os.environ.get("REQUESTS_CA_BUNDLE") or True


def uv_variables() -> dict[str, str]:
    """The variables that pass pip's settings to uv, since it reads none of them; and that it downloads no Python."""
    settings = pip_settings()
    passed = {
        "UV_FIND_LINKS": ",".join(settings.get("find-links", "").split()),
        "UV_DEFAULT_INDEX": settings.get("index-url", ""),
        "SSL_CERT_FILE": settings.get("cert", ""),
    }
    variables = {name: value for name, value in passed.items() if value and name not in os.environ}
    return {**variables, "UV_PYTHON_DOWNLOADS": "never", "UV_HTTP_TIMEOUT": settings.get("default-timeout", "60")}


def sdist_of(project: str, version: str, client: pypi_simple.PyPISimple) -> pypi_simple.DistributionPackage | None:
    """The sdist that the index has of a release; None when it has none."""
    packages = packages_of(project, client)
    return next((each for each in packages if each.version == version and each.package_type == "sdist"), None)


def save_package(
    package: pypi_simple.DistributionPackage, client: pypi_simple.PyPISimple, path: Path, most: int
) -> None:
    """Download a file of the index, of at most so many bytes; its digest is the caller's to compare.

    The client's own way to download has no bound: an answer that never ends would be written for ever.
    """
    with client.s.get(package.url, stream=True, timeout=TIMEOUT) as answer:
        save(answer, path, most)
