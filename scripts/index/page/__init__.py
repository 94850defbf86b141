"""The web page that tells anyone which wheel fits and the line that installs it."""
