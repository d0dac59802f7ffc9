"""Initialisers: where the weights start."""
