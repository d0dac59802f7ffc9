"""What an author says of the shapes of arrays."""

from __future__ import annotations

from dataclasses import dataclass, field

from gradcheck_plugin.author.multiplied import Factor, Index


@dataclass(frozen=True)
class Said:
    """The number of axes that each argument is said to have, and their names or sizes where these are written out."""

    ranks: dict[str, int] = field(default_factory=dict)
    axes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    factors: dict[str, Factor] = field(default_factory=dict)  # arrays that are no operands, and what multiplies them
    operands: dict[str, Factor] = field(default_factory=dict)  # those that may as well have the axes of the first
    indices: dict[str, Index] = field(default_factory=dict)  # arrays of whole numbers, and what they take entries of
    matrices: frozenset[str] = frozenset()  # those that are turned somewhere, and so have two axes or more
    summed: set[str] = field(default_factory=set)  # taken for numbers, for the sum of all that comes back is one
