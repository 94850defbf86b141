"""What a wheel must prove."""
