"""Text in the columns of a terminal, where a Korean or Chinese character takes two."""

from __future__ import annotations

import unicodedata


def columns(text: str) -> int:
    """How many columns a text takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def padded(text: str, width: int) -> str:
    """A text with blanks after it, up to `width` columns."""
    return text + " " * (width - columns(text))


def cut(text: str, width: int) -> str:
    """A text in at most `width` columns; one that was longer ends in `...`."""
    text = text.expandtabs(4)
    if columns(text) <= width:
        return text
    while columns(text) > width - 3:
        text = text[:-1]
    return text + "..."


def wrapped(text: str, width: int, indent: str) -> list[str]:
    """A text on lines of at most `width` columns, broken between words only; all but the first start with `indent`."""
    start = text[: len(text) - len(text.lstrip())]
    lines, line = [], start
    for word in _words(text[len(start) :]):
        if line.strip() and columns(line + word.rstrip()) > width:
            lines.append(line.rstrip())
            line = indent
        line += word
    return [*lines, line.rstrip()]


def _words(text: str) -> list[str]:
    """The words of a text, each with the blanks that follow it."""
    words: list[str] = []
    for part in text.replace("\t", " ").replace("\r", " ").replace("\n", " ").split(" "):
        if part or not words:
            words.append(part + " ")
        else:
            words[-1] += " "
    return words
