"""Runs the functions of a test file beside each other and adds up what they checked."""

import os
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "system"))

import support

THREADS = 6
scenarios = threading.Lock()


class Setting:
    """What a test function is given: its checks, the build, and scenarios in a folder."""

    def __init__(self, checks, build, folder):
        self.checks, self.build, self.folder = checks, build, folder

    def scenario(self, text):
        """The path of a scenario file with this text."""
        with scenarios:
            path = os.path.join(self.folder, "%d.yaml" % len(os.listdir(self.folder)))
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return path


def run_one(test, given, folder):
    checks = support.Checks()
    checks.name = test.__name__
    try:
        test(Setting(checks, given.build, folder))
    except Exception:  # whatever it is, the other tests go on
        checks.true(False, test.__name__, traceback.format_exc()[-1500:])
    if checks.failed:
        print("  … of %s" % test.__name__)
    return checks


def run(tests, name, what):
    """Runs all tests, or those whose names hold the word behind --only."""
    only = ""
    if "--only" in sys.argv:
        at = sys.argv.index("--only")
        only = sys.argv[at + 1]
        del sys.argv[at:at + 2]
    given = support.arguments()
    total = support.Checks()
    total.name = name
    with support.folder() as folder, ThreadPoolExecutor(THREADS) as pool:
        for checks in pool.map(lambda test: run_one(test, given, folder),
                               [test for test in tests if only in test.__name__]):
            total.count += checks.count
            total.failed += checks.failed
    total.finish(what)


def tests_of(module):
    """The functions of a module whose names begin with test_, in their order."""
    return [value for name, value in vars(module).items() if name.startswith("test_")]
