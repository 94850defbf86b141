"""Why did a build, an install or an import fail? Rules over the text of its log."""
