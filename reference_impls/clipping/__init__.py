"""Gradient clipping: what keeps one step from being far too long."""
