"""Scripts that run inside the fresh environment, by its own python; nothing here is imported elsewhere."""
