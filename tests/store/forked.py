"""Processes for tests, forked from a server that has imported what they run.

They start in milliseconds, so that a test can afford to kill many of them, and importing it all in each took most of
a minute on a busy machine. They are not forked from the test's own process, which has threads that hold locks.
"""

import multiprocessing

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    ["tests.store.test_cached", "tests.store.test_everywhere", "tests.store.test_processes"]
)
