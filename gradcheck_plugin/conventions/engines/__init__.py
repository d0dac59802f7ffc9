"""Automatic differentiation of the author's own, by its operations."""
