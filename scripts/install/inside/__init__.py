"""Runs with the Python of the person's environment; imports nothing of ours."""
