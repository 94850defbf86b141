"""How wheels become release assets."""
