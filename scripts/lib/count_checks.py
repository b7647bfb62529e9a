#!/usr/bin/env python3
"""Counts test cases.

  count_checks.py FOLDER NAME    of a `make check`: the cases of every check program (its line "Checks: N,
                                 Failures: F, Errors: E"), one for a program that has no such line. Prints
                                 what failed and why something was skipped, then "passed failed skipped".
  count_checks.py --junit FILE   of a pytest run: "passed failed skipped"
"""

import os
import re
import sys
import xml.etree.ElementTree

CASES = re.compile(r"Checks: (\d+), Failures: (\d+), Errors: (\d+)")


def results_of(folder):
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in ("venv", ".git")]
        for name in sorted(names):
            if name.endswith(".trs"):
                yield os.path.join(where, name[: -len(".trs")])


def count_make_check(folder, label):
    passed = failed = skipped = 0
    for stem in results_of(folder):
        name = os.path.relpath(stem, folder)
        with open(stem + ".trs", encoding="utf-8") as trs:
            verdict = re.search(r":test-result: (\w+)", trs.read())
        verdict = verdict.group(1) if verdict else "ERROR"
        try:
            with open(stem + ".log", encoding="utf-8", errors="replace") as log:
                text = log.read()
        except FileNotFoundError:
            text = ""
        if verdict == "SKIP":
            skipped += 1
            lines = text.strip().splitlines()
            print(f"SKIPPED: {label}: {name}: {lines[-2] if len(lines) > 1 else 'gives no reason'}")
            continue
        good = bad = 0
        for cases in CASES.finditer(text):
            total, failures, errors = map(int, cases.groups())
            good += total - failures - errors
            bad += failures + errors
        if verdict in ("PASS", "XFAIL"):
            if good == 0 and bad == 0:
                good = 1
        else:
            bad = max(bad, 1)
            print(f"FAILED: {label}: {name}; its log ({stem}.log) ends:")
            print("\n".join("    " + line for line in text.splitlines()[-30:]))
        passed += good
        failed += bad
    return passed, failed, skipped


def count_junit(path):
    passed = failed = skipped = 0
    for suite in xml.etree.ElementTree.parse(path).getroot().iter("testsuite"):
        total, bad, left_out = (int(suite.get(key, "0")) for key in ("tests", "failures", "skipped"))
        bad += int(suite.get("errors", "0"))
        passed += max(total - bad - left_out, 0)
        failed += bad
        skipped += left_out
    return passed, failed, skipped


if __name__ == "__main__":
    if sys.argv[1] == "--junit":
        print(*count_junit(sys.argv[2]))
    else:
        print(*count_make_check(sys.argv[1], sys.argv[2]))
