"""Whose fault an exception is, and how it is told."""
