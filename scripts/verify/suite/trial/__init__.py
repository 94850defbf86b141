"""Programs of the trial on a GPU; the other Python runs each, with a part's name; they import nothing of ours."""
