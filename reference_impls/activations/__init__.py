"""Activations: one array in, one array of the same shape out."""
