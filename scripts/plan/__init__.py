"""What should exist, and why the rest does not."""
