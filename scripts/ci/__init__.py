"""What the hosted jobs do, and what they tell: which cells are next, what they keep, how they ended."""
