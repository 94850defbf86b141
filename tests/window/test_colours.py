"""Every text of the window can be read on what is behind it, in both shades: WCAG AA, from the theme's own colours."""

from __future__ import annotations

import re
from importlib.metadata import distribution
from pathlib import Path

import pytest

from scripts.window.colours import READABLE, SHADES, Shade, contrast

SHADE_NAMES: tuple[Shade, ...] = ("light", "dark")


def theme_colours(shade: str) -> dict[str, str]:
    """The colours that the theme's own file names."""
    file = Path(str(distribution("sv-ttk").locate_file(f"sv_ttk/theme/{shade}.tcl")))
    return dict(re.findall(r'-(\w+)\s+"(#[0-9a-f]{6})"', file.read_text(encoding="utf-8").partition("proc")[0]))


@pytest.mark.parametrize("shade", SHADE_NAMES)
def test_each_of_our_colours_passes_on_both_backgrounds(shade: Shade) -> None:
    ours = SHADES[shade]
    for behind in (ours.background, ours.log):
        for text in (ours.text, ours.quiet, *ours.states.values()):
            assert contrast(text, behind) >= READABLE, (text, behind)
    assert contrast(ours.on_selected, ours.selected) >= READABLE


@pytest.mark.parametrize("shade", SHADE_NAMES)
def test_the_theme_s_own_colours_are_what_we_take_them_for_and_pass(shade: Shade) -> None:
    theme, ours = theme_colours(shade), SHADES[shade]
    assert (theme["fg"], theme["bg"]) == (ours.text, ours.background)
    assert contrast(theme["fg"], theme["bg"]) >= READABLE
    assert contrast(theme["selfg"], theme["selbg"]) >= READABLE
    assert contrast(theme["accent"], theme["bg"]) >= 3  # 1.4.11: what shows where the focus is


def test_contrast_is_counted_as_wcag_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
