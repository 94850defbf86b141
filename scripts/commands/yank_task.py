"""`invoke yank`: a published wheel is offered no more, while the file stays for those who pinned it."""

from __future__ import annotations

from scripts.commands.answer import log_line, print_answer, print_document
from scripts.commands.store_options import YankOptions
from scripts.errors import InputError
from scripts.plan.target import parse_id
from scripts.publish.store_address import open_store
from scripts.publish.withdraw import offer_again, withdraw


def yank(options: YankOptions) -> None:
    """Withdraw a wheel, or offer it again, and print what changed."""
    if options.undo == bool(options.reason.strip()):
        raise InputError(
            "give --reason with what is wrong with the wheel, or --undo to offer it again", id="options-conflict"
        )
    target = parse_id(options.id)
    store = open_store(options.store, writing=not options.dry_run, log=log_line)
    if options.undo:
        done = offer_again(store, target, dry_run=options.dry_run)
    else:
        done = withdraw(store, target, options.reason, dry_run=options.dry_run)
    if options.json:
        print_document(
            {
                "store": store.address,
                "id": target.id,
                "wheel": done.wheel,
                "yanked": None if options.undo else " ".join(options.reason.split()),
                "changed": done.changed,
                "dry_run": options.dry_run,
            }
        )
        return
    state = "offered" if options.undo else "withdrawn"
    verb = "would be" if options.dry_run else "is"
    line = f"{done.wheel} {verb} {state}" if done.changed else f"{done.wheel} is {state} already"
    print_answer(f"{line}; 'invoke index' tells the index and the page")
