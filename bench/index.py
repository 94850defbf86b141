"""How fast an index of 10 000 wheels in 2 000 channels is made, against scanning all per channel: `invoke bench index`.

Printed: processor seconds of reading the manifests, rendering, writing, and of reading wheels.json; its size; and the
seconds of the naive way, from a part of the channels, whose pages must be the same; and the ratio.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import TypeVar

from scripts.files import write_tree
from scripts.index.simple_index import HEAD, PROJECT, TAIL, WHEELS, render_index
from scripts.plan.target import Target
from scripts.wheel.documents import read_manifest, read_wheels
from scripts.wheel.published import Published, channel_of, publish_records

SAMPLE = 20  # the naive way makes the page of every twentieth channel
LIMIT_SECONDS = 10.0  # the promise, docs/design.md
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")

T = TypeVar("T")


def targets(channels: int) -> list[Target]:
    """Five wheels, one per Python, in each of so many made-up channels."""
    return [
        Target(
            deepspeed=f"0.{10 + index % 10}.{index % 7}",
            torch=f"{2 + index // 1000}.{index // 20}.0",
            cuda=f"cu{110 + index % 20}",
            python=python,
            platform="win_amd64",
        )
        for index in range(channels)
        for python in PYTHONS
    ]


def manifest(target: Target) -> str:
    """A manifest of the size that a CUDA wheel's has."""
    op = {"module": "m", "seconds": 60.5, "peak_bytes": 10**9, "cached": False, "bytes": 10**6, "key": "0" * 64}
    checks = [
        {"name": f"check {index}", "passed": True, "detail": "as it must be", "seconds": 0.1} for index in range(14)
    ]
    document = {
        "schema": 1,
        "target": {"id": target.id},
        "wheel": {"file": target.wheel_name, "sha256": "a" * 64, "bytes": 10**7},
        "metadata": {"sha256": "b" * 64, "requires_python": ">=3.10"},
        "ops": {f"op_{index}": op for index in range(14)},
        "left_out": {f"left_{index}": "upstream does not build it on Windows" for index in range(6)},
        "source": {"kind": "tag", "url": "https://a.example/a.zip", "sha256": "c" * 64, "patches": ["P5"]},
        "toolchain": {"compiler": "cl 19.41", "linker": "link 14.41"},
        "torch": f"{target.torch}+{target.cuda}",
        "arches": "7.5;8.0;8.6;8.9;9.0;12.0+PTX",
        "cpu_level": "avx2",
        "seconds": {"total": 1234.5},
        "proof": {"level": "full", "passed": True, "checks": checks},
    }
    return json.dumps(document)


def naive_page(published: Published, channel: str) -> str:
    """One channel's page, every wheel looked at and every row made anew."""
    rows = []
    for record in published.wheels:
        if channel_of(record.target) == channel:
            metadata = f"sha256={record.metadata_sha256}"
            told = f' data-requires-python="{escape(record.requires_python or "")}"'
            told += f' data-core-metadata="{metadata}" data-dist-info-metadata="{metadata}"'
            told += f' data-upload-time="{record.uploaded}"' if record.uploaded else ""
            rows.append(f'<a href="{escape(record.url or "")}#sha256={record.sha256}"{told}>{record.file}</a><br>\n')
    return HEAD % (PROJECT, PROJECT) + "".join(rows) + TAIL


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Processor seconds, so that a busy machine says the same, and what the work returned."""
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def measure(channels: int) -> float:
    """Print the figures; processor seconds from manifests to files."""
    texts = [(target, manifest(target)) for target in targets(channels)]

    def read() -> Published:
        address = "https://wheels.example/releases/{}"
        records = [
            read_manifest(text, "m", address.format(target.wheel_name.replace("+", "%2B"))) for target, text in texts
        ]
        return publish_records(records, url="https://site.example", torch_index="https://torch.example/{variant}")

    reading, published = timed(read)
    rendering, files = timed(lambda: render_index(published))
    with tempfile.TemporaryDirectory() as folder:
        writing, _ = timed(lambda: write_tree(Path(folder), files))
    parsing, _ = timed(lambda: read_wheels(files[WHEELS], WHEELS))
    total = reading + rendering + writing
    print(f"{len(published.wheels)} wheels, {channels} channels, {len(files)} files")
    print(f"read manifests {reading:.2f} s, render {rendering:.2f} s, write {writing:.2f} s: {total:.2f} s in all")
    print(f"wheels.json {len(files[WHEELS]) / 1e6:.1f} MB, read back in {parsing:.2f} s")
    _compare(published, files, rendering)
    return total


def _compare(published: Published, files: dict[str, str], rendering: float) -> None:
    names = sorted({channel_of(record.target) for record in published.wheels})
    sample: Sequence[str] = names[::SAMPLE]
    seconds, pages = timed(lambda: {name: naive_page(published, name) for name in sample})
    assert all(files[f"{name}{PROJECT}/index.html"] == page for name, page in pages.items())
    naive = seconds * len(names) / len(sample)
    print(
        f"the naive way, from {len(sample)} channels: {naive:.1f} s for the same pages; ratio {rendering / naive:.3f}"
    )


if __name__ == "__main__":
    seconds = measure(2000)
    if seconds > LIMIT_SECONDS:
        raise SystemExit(f"{seconds:.1f} s is more than the {LIMIT_SECONDS:.0f} s that are promised")
