#!/usr/bin/env python3
"""Reports functions that are longer than the house wants, and files that hold more than one idea.

Usage: check-functions.py [--limit LINES] [SOURCE_TREE]

Prints and changes nothing; exit status 1 when a function is over the limit (default 100 lines) or a file
over 900. Functions are found by the house format: an opening brace alone in the first column.
"""

import argparse
import os
import re
import sys

FILE_LIMIT = 900


def functions_of(lines):
    start = name = None
    for number, line in enumerate(lines, 1):
        if line.startswith("{") and start is None:
            start = number
            for back in range(number - 2, max(number - 8, -1), -1):
                match = re.match(r"^[A-Za-z_].*?\b(\w+)\(", lines[back])
                if match:
                    name = match.group(1)
                    break
        elif line.startswith("}") and start is not None:
            yield name or "?", start, number - start + 1
            start = name = None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("tree", nargs="?", default=os.path.join(os.path.dirname(__file__), ".."))
    args = parser.parse_args()
    found = 0
    for folder, _, names in os.walk(os.path.join(args.tree, "src")):
        for file_name in sorted(names):
            if not file_name.endswith((".c", ".h")) or "generated" in folder:
                continue
            path = os.path.join(folder, file_name)
            with open(path, encoding="utf-8") as source:
                lines = source.read().splitlines()
            shown = os.path.relpath(path, args.tree)
            if len(lines) > FILE_LIMIT:
                print(f"{shown}: {len(lines)} lines, over {FILE_LIMIT}")
                found += 1
            for name, line, length in functions_of(lines):
                if length > args.limit:
                    print(f"{shown}:{line}: {name} has {length} lines, over {args.limit}")
                    found += 1
    print(f"check-functions: {found} over the limits")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
