"""Everything the factory decides; the task files only call it. Rooms are listed in docs/design.md."""
