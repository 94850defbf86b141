"""What is right, wrong, missing or unknown on this machine, for whoever runs or builds a wheel."""
