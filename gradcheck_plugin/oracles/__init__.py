"""The judges: numerical differentiation and PyTorch autograd."""
