"""Whether a wheel is what it states, and works."""
