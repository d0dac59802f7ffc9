"""The way to the user's code: calls, limits, random numbers, and what comes back."""
