"""`Selection`: the part of the matrix that a user means, in the words that people type. Light to import."""

from __future__ import annotations

from dataclasses import dataclass, fields

from scripts.options import option, options_of, read_variables


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What was typed, by selector; several values of one are alternatives, an empty one selects everything."""

    py: tuple[str, ...] = option(
        (),
        "Python, such as 3.11 or cp311; repeat or separate by commas for several",
        aliases=("python",),
        variable="DEEPSPEED_WHEELS_SELECT_PY",
    )
    torch: tuple[str, ...] = option(
        (),
        "torch, such as 2.4; a patch release such as 2.4.0 or 2.4.1+cu121 means its minor",
        variable="DEEPSPEED_WHEELS_SELECT_TORCH",
    )
    cuda: tuple[str, ...] = option((), "CUDA, such as 12.1, cu121 or cpu", variable="DEEPSPEED_WHEELS_SELECT_CUDA")
    deepspeed: tuple[str, ...] = option((), "DeepSpeed, such as 0.19.8", variable="DEEPSPEED_WHEELS_SELECT_DEEPSPEED")
    platform: tuple[str, ...] = option((), "win_amd64 or linux_x86_64", variable="DEEPSPEED_WHEELS_SELECT_PLATFORM")
    id: tuple[str, ...] = option((), "target ids, globs allowed", variable="DEEPSPEED_WHEELS_SELECT_ID")

    @property
    def is_empty(self) -> bool:
        """Whether nothing was selected."""
        return not any(getattr(self, each.name) for each in fields(self))

    def or_handed_over(self) -> Selection:
        """This selection; when nothing was typed, the one that a workflow hands over in variables."""
        return read_variables(Selection) if self.is_empty else self

    def __str__(self) -> str:
        return " ".join(
            f"{each.flag} {','.join(values)}" for each in options_of(Selection) if (values := getattr(self, each.name))
        )
