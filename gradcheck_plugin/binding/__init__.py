"""How an object of the user's is called, and which reference it is: the forward decides."""
