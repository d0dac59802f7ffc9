"""What the author's own text says: signatures, names, calls, and what the code does."""
