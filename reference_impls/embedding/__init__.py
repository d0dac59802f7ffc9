"""Lookup tables: rows of a matrix by their numbers."""
