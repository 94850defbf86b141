"""Runs with the Python of the user's environment; imports nothing of ours."""
