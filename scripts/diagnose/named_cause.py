"""`NamedCause`: the likeliest cause of one failure, short enough to stand beside its error."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class NamedCause:
    """Why something failed, which line says so, and what to do."""

    cause: str  # its id in causes.yaml
    line: str
    where: str  # "logs/ID.log:5"
    explanation: str
    remedy: str

    @property
    def lines(self) -> tuple[str, ...]:
        """The cause to stand below an error."""
        return (
            f"diagnosis: {self.cause} ({self.where})",
            f"  {self.line}",
            f"  why: {self.explanation}",
            f"  do: {self.remedy}",
        )
