"""Documents as plain values, problems with their place, and readers that make typed values of them."""
