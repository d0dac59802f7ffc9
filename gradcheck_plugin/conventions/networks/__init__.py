"""Whole networks with a loss and its gradients."""
