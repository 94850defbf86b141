"""What was asked for, and how the answer is shown: one module per task, and what several of them need."""
