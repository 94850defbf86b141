"""How one wheel is made."""
