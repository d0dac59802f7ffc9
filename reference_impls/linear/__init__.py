"""Layers that multiply by a matrix."""
