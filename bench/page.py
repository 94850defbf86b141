"""What the page costs at 10 000 wheels in 2 000 channels: `python -m bench.page`.

Printed for half of the matrix published and for 10 000 wheels: seconds to render, bytes, plain and
as gzip sends them; in headless Chromium seconds until the first answer, from a choice to its answer, and DOM nodes; and
the ratios of the two sizes.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from scripts.wheel.record import WheelRecord
from tests.index.page.browser import launched, served
from tests.index.page.factories import many_wheels, render, some_wheels, write

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROUNDS = 5


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One size of the page."""

    wheels: int
    render: float  # seconds
    bytes: int
    gzip: int
    first: float  # seconds until the first answer, from nothing
    choice: float  # seconds from a choice to its answer
    nodes: int

    def show(self, title: str) -> None:
        """Print it."""
        print(
            f"{title:14} {self.wheels:6} wheels  render {self.render:5.2f} s  data {self.bytes / 1e3:7.0f} kB"
            f" ({self.bytes / self.wheels:4.0f} a wheel)  gzip {self.gzip / 1e3:6.0f} kB"
            f" ({self.gzip / self.wheels:4.0f} a wheel)  first answer {self.first:5.2f} s"
            f"  choice {self.choice * 1e3:4.0f} ms  {self.nodes} DOM nodes"
        )


def measure(browser: Browser, records: Sequence[WheelRecord]) -> Measured:
    """The figures of a page of these wheels; of the browser's the median of a few rounds."""
    started = time.perf_counter()
    files = render(records)
    rendered = time.perf_counter() - started
    data = files["page/data.js"]
    with tempfile.TemporaryDirectory() as folder:
        write(files, Path(folder))
        with served(Path(folder)) as address:
            rounds = [visit(browser, address) for _ in range(ROUNDS)]
    first, choice, nodes = (median(column) for column in zip(*rounds, strict=True))
    return Measured(
        wheels=len(records),
        render=rendered,
        bytes=len(data),
        gzip=len(gzip.compress(data)),
        first=first,
        choice=choice,
        nodes=int(nodes),
    )


def visit(browser: Browser, address: str) -> tuple[float, float, int]:
    """Seconds to the first answer, seconds from a choice to its answer, and DOM nodes, in a new window."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}?platform=win_amd64")
    first = page.evaluate("performance.mark('answered').startTime") / 1e3 if page.inner_text("#answer") else 0.0
    choose = """() => {
        const select = document.getElementById("choose-torch"), started = performance.now();
        select.selectedIndex = select.options.length - 1;
        select.dispatchEvent(new Event("change", { bubbles: true }));
        document.body.getBoundingClientRect();
        return (performance.now() - started) / 1e3;
    }"""
    choice = page.evaluate(choose)
    nodes = page.evaluate("document.querySelectorAll('*').length")
    context.close()
    return first, choice, nodes


def main() -> None:
    """Measure and print."""
    with launched() as browser:
        if browser is None:
            sys.exit("no Chromium, or no playwright: install them as docs/page.md says")
        small = measure(browser, some_wheels())
        large = measure(browser, many_wheels(10_000))
    small.show("half the plan")
    large.show("10 000 wheels")
    print(
        f"ratio          {large.wheels / small.wheels:6.1f}         first answer {large.first / small.first:.2f}"
        f"  choice {large.choice / small.choice:.2f}  DOM nodes {large.nodes / small.nodes:.2f}"
    )


if __name__ == "__main__":
    main()
