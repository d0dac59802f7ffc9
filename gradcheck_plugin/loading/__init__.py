"""From a path to the objects that a file defines."""
