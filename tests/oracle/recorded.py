"""The recorded answers in tests/recordings."""

import os

ROOT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "recordings")


def streams():
    """(name, folder) of every event stream, sorted; those of RAW.txt are no plain ones."""
    with open(os.path.join(ROOT, "RAW.txt"), encoding="utf-8") as file:
        raw = set(file.read().split())
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders.sort()
        name = os.path.relpath(folder, ROOT)
        if "response.body" in files and name not in raw:
            found.append((name, folder))
    if not found:
        raise SystemExit("no recorded stream in %s: nothing would be tested" % ROOT)
    return found
