"""How something from outside gets here, complete and checked."""
