"""The web page that shows which wheel fits and the line that installs it."""
