"""The words and names that people use, as data."""
