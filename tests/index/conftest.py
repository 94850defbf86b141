"""The loopback world, for every test here that asks for it."""

from __future__ import annotations

from tests.index.world import make_person, world

__all__ = ["make_person", "world"]
