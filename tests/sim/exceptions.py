"""The recordings that the simulator does not answer as recorded, with the reason of each.

A line is a pattern for "RELEASE NAME" and the reason. Each pattern must fit a recording, and a
recording that is answered as recorded must not stand here: the list may not be longer than it is.
"""

EXCEPTIONS = [
]
