"""What decides what an argument is, in the order in which they are asked; the words are for the reader."""

ANNOTATION, DEFAULT, CALL = "its annotation", "its default", "the author's call"
BODY, NAME, PLACE, REST = "the code", "its name", "its place", "what is left"
