"""The one console: every text is printed as it is, whatever it looks like, since most come from outside.

To rich, `[/usr/lib/x]` in a compiler's line is the end of a style that was never begun, `[with T = float]` a style, and
`:x:` a picture; to a terminal, an escape sequence is an order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from scripts.carried import as_typed
from scripts.outgoing import printable


class PlainConsole(Console):
    """A console of rich's that knows styles of ours only, and prints no secret."""

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:  # noqa: ANN401  rich's own
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False, **options)

    def on_broken_pipe(self) -> None:
        """Leave it to the program what it means that nobody reads any more; rich's own way is exit code 1."""
        raise

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401  rich's own
        """A text as rich prints it, in a cell or a title, too."""
        return super().render_str(printable(as_typed(text)), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What is printed of anything, a `Text` too; only what rich itself orders reaches the terminal as an order.

        What the output's encoding lacks, as that of a pipe of Windows does, becomes a question mark.
        """
        for segment in super().render(renderable, options):
            plain = segment.control or _is_plain(segment.text)
            text = segment.text if plain else printable(segment.text)
            yield segment._replace(text=text.encode(self.encoding, "replace").decode(self.encoding))


def _is_plain(text: str) -> bool:
    """Whether nothing in the text could be an order, to a terminal or to the runner of a workflow."""
    return text == "\n" or (text.isprintable() and "::" not in text and "##[" not in text)
