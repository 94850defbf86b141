"""`invoke watch`: what the world serves and the data do not know, as an edit of the data and in words."""

from __future__ import annotations

from pathlib import Path

from scripts.ci.actions import this_step
from scripts.commands.answer import log_line, print_document, print_lines
from scripts.commands.watch_options import WatchOptions
from scripts.dirs import CHECKOUT, default_dirs
from scripts.facts.load import DATA
from scripts.files import write_whole
from scripts.outgoing import printable
from scripts.watch.in_words import as_document, in_words
from scripts.watch.watching import watch_world, write_texts


def watch(options: WatchOptions) -> None:
    """Compare, print the difference, and write it when asked to."""
    found = watch_world(DATA, CHECKOUT / "matrix.yaml", default_dirs().sources, log_line)
    words = [printable(line) for line in in_words(found)]
    if options.write:
        write_texts(DATA, found.texts)
        log_line(f"written: {', '.join(sorted(found.texts)) or 'nothing'}")
    if options.words:
        write_whole(Path(options.words), "\n".join(words))
    if step := this_step():
        step.add_summary("\n".join(words) + "\n")
        step.set_outputs({"additions": str(len(found.difference.additions))})
    if options.json:
        print_document(as_document(found, written=options.write))
    else:
        print_lines(words)
