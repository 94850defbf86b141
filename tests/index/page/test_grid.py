"""Every cell has one number, which the page counts back."""

from __future__ import annotations

from scripts.index.page.grid import coordinates, grid_of
from scripts.plan.target import AXES
from tests.index.page.factories import world
from tests.plan.factories import make_target


def test_every_cell_of_the_plan_has_a_number_of_its_own() -> None:
    _, _, plan = world()
    targets = [*(row.target for row in plan.targets), *(row.target for row in plan.excluded)]
    grid = grid_of(targets)
    assert sorted(grid.numbers(targets)) == list(range(grid.size))


def test_a_number_counts_back_to_the_cell() -> None:
    targets = [
        make_target(torch="2.9.1", cuda="cu130", python="3.13t"),
        make_target(torch="2.10.0", platform="win_amd64"),
    ]
    grid = grid_of(targets)
    for target, place in zip(targets, grid.numbers(targets), strict=True):
        found = []
        for axis in reversed(AXES):
            place, position = divmod(place, len(grid.values[axis]))
            found.append(grid.values[axis][position])
        assert tuple(reversed(found)) == coordinates(target)


def test_axes_follow_versions_not_text() -> None:
    changes = [{"torch": "2.10.0", "cuda": "cu92"}, {"torch": "2.9.0", "cuda": "cu118"}, {"python": "3.9"}]
    grid = grid_of(make_target(**change) for change in [*changes, {"python": "3.13t"}, {"python": "3.13"}])
    assert grid.values["torch"] == ("2.9", "2.10", "2.13")
    assert grid.values["cuda"] == ("cpu", "cu92", "cu118")
    assert grid.values["python"] == ("3.9", "3.11", "3.13", "3.13t")


def test_no_target_gives_an_empty_grid() -> None:
    grid = grid_of([])
    assert (grid.size, grid.numbers([])) == (0, [])
