"""Computational graphs, forward and backward written node by node."""
