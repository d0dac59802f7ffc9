"""Layers that draw random numbers; the reference takes what is drawn as an input."""
