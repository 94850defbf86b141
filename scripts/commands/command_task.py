"""`@command`: a function of option classes becomes a task of Invoke, its errors a message and an exit code.

Light to import, since every task starts here.
"""

from __future__ import annotations

import gc
import inspect
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, is_dataclass
from functools import wraps
from typing import Any

from invoke.context import Context
from invoke.parser.argument import Argument
from invoke.tasks import Task

from scripts.commands.reported_errors import reported
from scripts.options import Option, options_of, read_options

MORE = "-word-"  # in the name of an argument for a further word
HELP = frozenset(("--help", "-h"))
NEW_OBJECTS = 200_000  # between two garbage collections: a task builds values that live to its end (mypy does the same)


class CommandTask(Task[Any]):
    """A task whose options are the fields of its function's option classes."""

    def __init__(self, body: Callable[..., None]) -> None:
        self.kinds = _option_classes(body)
        self.options = tuple(each for kind in self.kinds.values() for each in options_of(kind))
        super().__init__(
            _with_signature(body, self.kinds, self.options),
            help={each.name: each.stated.help for each in self.options},
            iterable=[each.name for each in self.options if each.kind is tuple],
        )

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """Invoke's arguments, with the aliases of the options."""
        arguments = super().get_arguments(ignore_unknown_help)
        stated = {each.name: each.stated for each in self.options}
        for argument in arguments:
            argument.names = (*argument.names, *stated[str(argument.name)].aliases)
            argument.help = stated[str(argument.name)].help  # Invoke forgets its own once they were asked for
        return [*arguments, *self._more_words()]

    def _more_words(self) -> list[Argument]:
        """An argument for each further word of an option that takes several: Invoke gives a position one word."""
        named = next((each.name for each in self.options if each.stated.several), "")
        flags = {flag for each in self.options if each.kind is not bool for flag in _flags(each)}
        count = words_behind(sys.argv, self.name, flags) if named else 0
        return [Argument(name=f"{named}{MORE}{number}", positional=True) for number in range(1, count)]


def words_behind(argv: Sequence[str], task: str, flags: Collection[str]) -> int:
    """How many words stand behind the name of the task that are neither flags nor the values of `flags`."""
    if task not in argv:
        return 0
    words = argv[argv.index(task) + 1 :]
    return sum(not word.startswith("-") and (not i or words[i - 1] not in flags) for i, word in enumerate(words))


def _flags(each: Option) -> list[str]:
    names = [name.replace("_", "-") for name in each.names]
    return [*(f"--{name}" for name in names), *(f"-{name[0]}" for name in names)]


def command(function: Callable[..., None]) -> CommandTask:
    """A task that takes the options of the classes that `function` takes beside the context."""
    return CommandTask(function)


def _option_classes(function: Callable[..., None]) -> dict[str, type]:
    """The classes of options that the function takes, by parameter; evaluating every annotation would cost more."""
    known: dict[str, type] = {name: kind for name, kind in function.__globals__.items() if isinstance(kind, type)}
    kinds = {name: known[kind] for name, kind in function.__annotations__.items() if kind in known}
    return {name: kind for name, kind in kinds.items() if is_dataclass(kind)}


def _with_signature(
    function: Callable[..., None], kinds: dict[str, Any], options: tuple[Option, ...]
) -> Callable[..., None]:
    @wraps(function)
    def body(context: Context, **given: object) -> None:
        gc.set_threshold(NEW_OBJECTS)
        if not HELP.isdisjoint(str(given[each.name]) for each in options if each.default is MISSING):
            _print_help(function)
            return
        for each in options:
            if each.stated.several:
                given[each.name] = [given[each.name], *_further(each.name, given)]
        with reported():
            function(context, **{name: read_options(kind, given) for name, kind in kinds.items()})

    own = [inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    parameters = [*own, *(inspect.Parameter(each.name, own[0].kind, default=_default(each)) for each in options)]
    body.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what Invoke asks for
    return body


def _further(name: str, given: Mapping[str, object]) -> list[object]:
    """The values of the further words of an option, as `_more_words` names them."""
    return [value for key, value in given.items() if key.startswith(name + MORE)]


def _print_help(function: Callable[..., None]) -> None:
    """The help of the task: Invoke takes `--help` behind a task that needs a word for that word."""
    from invoke.collection import Collection
    from invoke.program import Program

    tasks = Collection.from_module(sys.modules[function.__module__])
    Program(namespace=tasks, binary="invoke").run(["invoke", "--help", function.__name__], exit=False)


def _default(option: Option) -> object:
    """What Invoke takes a value's kind from: all but flags and lists are texts to it, so that wrong ones are ours."""
    if option.default is MISSING:
        return inspect.Parameter.empty
    if option.kind is tuple:
        return None
    return option.default if option.kind is bool else str(option.default)
