#!/usr/bin/env python3
"""Our tables of settings against the list that Kafka 3.9's own ConfigDef printed.

The list is tests/config/kafka-broker-settings.tsv and kafka-topic-settings.tsv. Runs in the build directory.
"""
import os
import subprocess
import sys

TOP = os.environ.get("top_srcdir", ".")
REFERENCE = os.path.join(TOP, "tests", "config")
DOCS = os.path.join("src", "config", "config_docs")
COLUMNS = "name type default valid_values update_mode scope importance internal synonym".split()


def skip(why):
    print("SKIP: " + why)
    sys.exit(77)


def ours():
    rows = {"broker": {}, "topic": {}}
    for line in subprocess.run([DOCS, "table"], check=True, capture_output=True, text=True).stdout.splitlines():
        kind, *cells = line.split("\t")
        rows[kind][cells[0]] = dict(zip(COLUMNS, cells))
    return rows


def theirs(name):
    """The rows of a list as dictionaries, and its comment lines."""
    rows, comments, head = [], [], None
    with open(os.path.join(REFERENCE, name), encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if line.startswith("#"):
                comments.append(line)
            elif head is None:
                head = line.split("\t")
            else:
                cells = line.split("\t")
                rows.append(dict(zip(head, cells + [""] * (len(head) - len(cells)))))
    return rows, comments


class Complaints:
    def __init__(self):
        self.count = 0

    def expect(self, name, what, want, got):
        if want != got:
            self.count += 1
            print(f"{name}: {what}: Kafka has {want!r}, our table {got!r}")


def plain_default(text, known):
    if text == '""':
        return ""
    return "null" if text in known else text  # "zookeeper.connect": the default is another setting


def plain_valid(text):
    # Lists of KRaft addresses may be empty, whatever their validator prints.
    return "" if text == "non-empty list" else text


def compare_broker(table, complaints):
    rows, comments = theirs("kafka-broker-settings.tsv")
    known = {row["name"] for row in rows}
    scopes = {"not-in-ConfigDef": "plugin"}
    for row in rows:
        name, mine = row["name"], table.get(row["name"])
        if mine is None:
            complaints.expect(name, "row", "one", "none")
            continue
        dynamic_only = "dynamic-only" in row["update_mode"]
        scope = "dynamic-only" if dynamic_only else scopes.get(row["scope"], row["scope"])
        complaints.expect(name, "type", row["type"], mine["type"])
        complaints.expect(name, "default", plain_default(row["default"], known), mine["default"])
        complaints.expect(name, "valid values", plain_valid(row["valid_values"]), mine["valid_values"])
        complaints.expect(name, "update", row["update_mode"].split(" ")[0], mine["update_mode"])
        complaints.expect(name, "scope", scope, mine["scope"])
        complaints.expect(name, "importance", row["importance"] or "low", mine["importance"])
        complaints.expect(name, "internal", row["internal"] or "false", mine["internal"])
        complaints.expect(name, "topic synonym", row["topic_synonym"], mine["synonym"])
    kraft = next(line for line in comments if "KRaft-only, left out" in line).split("): ", 1)[1].split()
    for name in kraft:
        complaints.expect(name, "scope", "kraft-only", table.get(name, {}).get("scope"))
    extra = set(table) - known - set(kraft)
    for name in extra:
        complaints.expect(name, "scope", "ours", table[name]["scope"])
    return len(rows) + len(kraft)


def compare_topic(table, complaints):
    rows, _ = theirs("kafka-topic-settings.tsv")
    for row in rows:
        name, mine = row["name"], table.get(row["name"])
        if mine is None:
            complaints.expect(name, "row", "one", "none")
            continue
        valid = row["valid_values"]
        synonyms = ",".join(cell for cell in (row["server_default_property"], row["other_server_properties"]) if cell)
        complaints.expect(name, "type", row["type"], mine["type"])
        complaints.expect(name, "default", plain_default(row["default"], ()), mine["default"])
        complaints.expect(name, "valid values", valid, mine["valid_values"])
        complaints.expect(name, "importance", row["importance"], mine["importance"])
        complaints.expect(name, "broker's settings", synonyms, mine["synonym"])
    complaints.expect("topic table", "rows", len(rows), len(table))
    return len(rows)


def main():
    if not os.access(DOCS, os.X_OK):
        skip(f"{DOCS} is not built here")
    tables = ours()
    complaints = Complaints()
    compared = compare_broker(tables["broker"], complaints) + compare_topic(tables["topic"], complaints)
    print(f"{compared} settings compared, {complaints.count} differences")
    return 1 if complaints.count else 0


if __name__ == "__main__":
    sys.exit(main())
