"""What a wheel file contains and states."""
