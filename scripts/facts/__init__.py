"""What is known: one frozen value per row of scripts/data, read once."""
