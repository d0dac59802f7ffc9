"""What can be said of one case: of its gradients, its forward, its kinks, its contract, of a rule."""
