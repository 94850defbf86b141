"""How something from outside gets here, whole and checked."""
