"""Which compilers a cell is built with, where they are, and how they get here."""
