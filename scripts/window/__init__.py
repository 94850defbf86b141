"""The desktop window: the same tasks, for people who would rather click."""
