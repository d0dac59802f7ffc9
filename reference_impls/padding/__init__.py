"""Padding: a border around images and sequences."""
