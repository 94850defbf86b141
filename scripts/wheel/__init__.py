"""What a wheel file is and says of itself."""
