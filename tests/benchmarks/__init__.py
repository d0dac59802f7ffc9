"""Long campaigns, run by hand; a short version of each runs with the tests."""
