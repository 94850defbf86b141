"""Which compilers a target is built with, where they are, and how they get here."""
