"""The user's code made uniform: loaded, recognised, bound to a way of calling it."""
