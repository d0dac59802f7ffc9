"""Layers and losses: classes and functions."""
