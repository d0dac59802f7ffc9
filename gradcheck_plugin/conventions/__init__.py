"""Calling conventions, one file each.

A convention module has two functions:

    discover(defined) -> Iterator[Candidate]       the objects of a file that look like this convention
    callers(candidate, layout, options) -> list    the ways in which one of them may be called with the arrays of a
                                                   layout, the likeliest first

`callers` raises Unbindable when the object cannot be called with these arrays. Where there are several ways, the
numbers decide. Modules are found by themselves and asked in the order of their ORDER.
"""
