"""Update rules: what a step does to a parameter."""
