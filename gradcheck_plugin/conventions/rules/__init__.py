"""Update rules, schedules, clips and initialisers."""
