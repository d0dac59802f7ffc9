"""Small networks with their loss, judged as a whole."""
