"""What users browse and install from: the package index and the page."""
