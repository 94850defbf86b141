"""Which published wheel fits a user's environment, and how it is installed without touching their torch."""
