"""The index and the page, renewed by an `invoke index` that is killed."""

from __future__ import annotations

import io
import random
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from urllib.parse import unquote

from bench.faults.doomed import count_touches, run_doomed
from bench.faults.part import Case, LostError, Part
from bench.faults.publishing import require_told
from scripts.commands.index_task import index
from scripts.commands.store_options import SiteOptions
from scripts.files import DRAFT, sha256_of
from scripts.index.published_site import read_site
from scripts.plan.target import Target
from tests.wheel.wheelhouse import fill_wheelhouse, targets

URL = "https://site.example/"
OLD, ALL = 5, 10  # wheels before and after
LINK = re.compile(r'href="([^"#]+)')


@contextmanager
def _kills(folder: Path) -> Iterator[Case]:
    old, new, known = folder / "old", folder / "new", targets(ALL)
    for wheelhouse, wanted in ((old, known[:OLD]), (new, known)):
        fill_wheelhouse(wheelhouse / "wheels", wanted)
        write_site(wheelhouse, wheelhouse / "site")
    counted = folder / "counted"
    touches = count_touches(counted, words(new, counted))

    def case(index: int, chance: random.Random) -> None:
        site = folder / f"site-{index}"
        if chance.random() < 0.8:
            shutil.copytree(old / "site", site)
        pause = chance.choice([0, 0, chance.uniform(0, 0.01)])
        ran = run_doomed(site, words(new, site), touches=chance.randint(1, touches), pause=pause)
        require_told(ran.stderr)
        if (site / "wheels.json").exists():
            require_offered(site, known[:OLD])
        write_site(new, site)
        require_same(site, new / "site")
        shutil.rmtree(site)

    yield case


def words(wheelhouse: Path, site: Path) -> list[str]:
    """The command line that writes the site of the wheelhouse."""
    return ["index", "--store", f"dir:{wheelhouse / 'wheels'}", "--out", str(site), "--url", URL]


def write_site(wheelhouse: Path, site: Path) -> None:
    """The same in this process."""
    with redirect_stdout(io.StringIO()):
        index(SiteOptions(store=f"dir:{wheelhouse / 'wheels'}", out=str(site), url=URL, json=True))


def require_offered(site: Path, wheels: list[Target]) -> None:
    """Raises LostError unless the site can be read, offers the wheels, and has what its pages link to."""
    offered = {record.target for record in read_site(str(site)).wheels}
    if lost := [target.id for target in wheels if target not in offered]:
        raise LostError(f"the site no longer offers {lost[0]}")
    for page in sorted(site.rglob("deepspeed/index.html")):
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            if not link.startswith("https://") and not (page.parent / unquote(link)).exists():
                raise LostError(f"{page.relative_to(site)} links to {link}, which is not there")


def require_same(site: Path, expected: Path) -> None:
    """Raises LostError unless both have the same files; drafts of who was killed do no harm."""
    found, wanted = files_of(site), files_of(expected)
    if found != wanted:
        wrong = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
        raise LostError(f"the site differs from an undisturbed one: {', '.join(wrong[:4])}")


def files_of(site: Path) -> dict[str, str]:
    """Name and digest of every file but drafts."""
    files = (path for path in site.rglob("*") if path.is_file() and path.suffix != DRAFT)
    return {path.relative_to(site).as_posix(): sha256_of(path) for path in files}


KILLS = Part(name="index-kills", what="an index that is renewed, killed", cases=50, seconds=300, place=_kills)
