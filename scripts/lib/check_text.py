#!/usr/bin/env python3
"""Says what is wrong with the text of the files named on standard input (each name ends with a zero byte):
last line without a newline, blanks at the end of a line, carriage returns, tabs, C lines that are too long.
"""

import os
import re
import sys

LINE_LIMIT = 110
WITHOUT_TABS = (".c", ".h", ".def", ".py", ".sh", ".java")
BLANKS = re.compile(rb"[ \t]+$")


def numbers(lines, is_bad):
    bad = [str(number) for number, line in enumerate(lines, 1) if is_bad(line)]
    return " ".join(bad[:3])


def complaints(path, text):
    if not text.endswith(b"\n"):
        yield "no newline at its end"
    if b"\r" in text:
        yield "carriage returns"
    lines = text.split(b"\n")
    bad = numbers(lines, BLANKS.search)
    if bad:
        yield f"blanks at the end of line {bad}"
    if path.endswith(WITHOUT_TABS):
        bad = numbers(lines, lambda line: b"\t" in line)
        if bad:
            yield f"tabs in line {bad}"
    if path.endswith((".c", ".h")) and "/generated/" not in path:
        bad = numbers(lines, lambda line: len(line.decode("utf-8", "replace")) > LINE_LIMIT)
        if bad:
            yield f"more than {LINE_LIMIT} characters in line {bad}"


def main():
    for name in sys.stdin.buffer.read().split(b"\0"):
        path = os.fsdecode(name)
        if not os.path.isfile(path):
            continue
        with open(path, "rb") as file:
            text = file.read()
        if text and b"\0" not in text:
            for complaint in complaints(path, text):
                print(f"{path}: {complaint}")


if __name__ == "__main__":
    main()
