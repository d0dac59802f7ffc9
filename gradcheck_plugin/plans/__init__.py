"""How objects are called, as plain data: written down, kept, and read back."""
