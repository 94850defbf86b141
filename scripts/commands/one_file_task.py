"""`invoke one-file`: `deepspeed-wheels.pyz` by itself; `invoke index` writes it into every site."""

from __future__ import annotations

import hashlib
from pathlib import Path

from scripts.commands.answer import print_answer, print_document
from scripts.commands.index_task import site_url
from scripts.commands.store_options import OneFileOptions
from scripts.files import write_whole
from scripts.index.one_file import NAME, one_file


def write_one_file(options: OneFileOptions) -> None:
    """Write the file, and print where it is and its digest."""
    url = site_url(options.url)
    content, path = one_file(url), Path(options.out) / NAME
    write_whole(path, content)
    digest = hashlib.sha256(content).hexdigest()
    if options.json:
        print_document({"file": str(path), "url": url, "bytes": len(content), "sha256": digest})
    else:
        print_answer(f"{path} ({len(content) / 1e6:.1f} MB), for the wheels of {url}", f"sha256 {digest}")
