"""Faults on purpose, seeded and counted: kills, damage and hostile answers, and what survived them (docs/design.md)."""
