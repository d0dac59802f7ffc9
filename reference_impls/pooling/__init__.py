"""Pooling: windows of an image, one number each."""
