"""Conditions with deadlines. Tests never sleep for a time that "should be enough"."""

import time


class DeadlinePassed(AssertionError):
    """A condition did not come true in time."""


def wait_until(condition, deadline_s, what, poll_s=0.02):
    """Returns the first true value of condition(); raises DeadlinePassed, naming what, after deadline_s.

    An exception of the condition counts as "not yet"; the last one is shown when the deadline passes.
    """
    end = time.monotonic() + deadline_s
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = None
        except DeadlinePassed:
            raise
        except Exception as problem:  # noqa: BLE001 - any failure means "not yet"
            last = problem
        if time.monotonic() >= end:
            reason = f"; last problem: {last!r}" if last is not None else ""
            raise DeadlinePassed(f"{what}: not within {deadline_s} s{reason}")
        time.sleep(poll_s)
