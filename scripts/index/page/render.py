"""`render_page`: the whole site's page as values, `{path: bytes}`; it writes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from types import MappingProxyType

from scripts.facts.facts import Facts
from scripts.index.one_file import NAME
from scripts.index.page.data import page_data
from scripts.index.page.parts_table import parts_html, parts_table
from scripts.index.page.states import Build
from scripts.index.page.status import status_html, status_rows
from scripts.plan.expand import Plan
from scripts.plan.matrix import Matrix
from scripts.wheel.published import Published

BROWSER = Path(__file__).parent / "browser"
SCRIPTS = (
    "dom.js",
    "model.js",
    "cards.js",
    "pasted.js",
    "detect.js",
    "uv_project.js",
    "answer.js",
    "grid.js",
    "page.js",
)
NO_BUILDS: Mapping[str, Build] = MappingProxyType({})

# One line for cmd, PowerShell and every Unix shell: no quote but ' inside, and nothing that a shell would read.
DETECT = (
    'python -c "'
    "import json,platform as p,sys,sysconfig as s,importlib.util as u;"
    "t=u.find_spec('torch') and __import__('torch');"
    "g=bool(t) and t.cuda.is_available();"
    "print(json.dumps(dict(python=p.python_version(),implementation=p.python_implementation(),tag=s.get_platform(),free_threaded=bool(s.get_config_var('Py_GIL_DISABLED')),"
    "platform=sys.platform,machine=p.machine(),torch=t and t.__version__,cuda=t and t.version.cuda,"
    "hip=t and getattr(t.version,'hip',None),"
    "libc='musl' if 'musl' in str(s.get_config_var('SOABI')) else '-'.join(p.libc_ver()),"
    "gpu=t.cuda.get_device_name(0) if g else None,capability=t.cuda.get_device_capability(0) if g else None)))"
    '"'
)


def render_page(
    published: Published,
    plan: Plan,
    facts: Facts,
    matrix: Matrix,
    *,
    builds: Mapping[str, Build] = NO_BUILDS,
    title: str = "DeepSpeed wheels",
    repository: str | None = None,
    one_file: bytes = b"",
) -> dict[str, bytes]:
    """The page's files, by their path below the site: the same bytes for the same wheels, plan and builds.

    `builds` holds what the workflows last saw of targets that have no wheel, by target id (`states.read_builds`).
    `repository` is the project's on GitHub, "owner/name": with it the page shows how to check a wheel's provenance.
    `one_file` is the file that chooses for its user (`scripts/index/one_file.py`), which the page leads with.
    """
    files = {name: _own(name) for name in ("style.css", *SCRIPTS)}
    data = page_data(published, plan, facts, matrix, builds, repository)
    files["data.js"] = f"globalThis.wheels = {json.dumps(data, ensure_ascii=False, separators=(',', ':'))};\n"
    index = Template(_own("index.html")).substitute(
        title=escape(title),
        detect=escape(DETECT),
        one_file=_one_file(one_file),
        status=status_html(status_rows(published.wheels, plan, builds)),
        parts=_parts(published, facts),
        source=_source_link(repository),
        edition=_edition(files),
    )
    return {"index.html": index.encode(), **{f"page/{name}": text.encode() for name, text in sorted(files.items())}}


def _one_file(content: bytes) -> str:
    if not content:
        return ""
    size, digest = f"{len(content) / 1e6:.1f} MB", hashlib.sha256(content).hexdigest()
    return Template(_own("one_file.html")).substitute(name=NAME, size=size, digest=digest)


def _parts(published: Published, facts: Facts) -> str:
    table = parts_table(published.wheels, facts.verification_parts)
    if table is None:
        return ""
    return Template(_own("parts.html")).substitute(deepspeed=escape(table.deepspeed), table=parts_html(table))


def _edition(files: Mapping[str, str]) -> str:
    """A name for exactly these files: scripts that a browser kept from before would not understand newer data."""
    return hashlib.sha256("".join(files[name] for name in sorted(files)).encode()).hexdigest()[:12]


def _own(name: str) -> str:
    return (BROWSER / name).read_text(encoding="utf-8")


def _source_link(repository: str | None) -> str:
    if repository is None:
        return ""
    address = escape(f"https://github.com/{repository}")
    return f'<a href="{address}">How they are made</a>.'
