"""What the hosted jobs do: which targets are next, what is cached between jobs, how builds ended."""
