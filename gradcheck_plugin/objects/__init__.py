"""How the user's objects are made, read and written down."""
