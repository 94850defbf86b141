"""How a person gets the right wheel."""
