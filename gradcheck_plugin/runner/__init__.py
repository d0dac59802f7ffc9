"""The user's code in another process: plans, conditions and arrays go there as bytes, arrays and facts come back."""
