"""What both task files share: which cells are meant, options as typed, answers as shown."""
