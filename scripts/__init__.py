"""Everything that is decided; the task files only call it. docs/design.md lists the packages."""
