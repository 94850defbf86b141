"""Which published wheel fits a person's environment, and how it gets in without touching their torch."""
