#!/usr/bin/env python3
"""Makes the table of the znodes and docs/zookeeper.md of their description.

usage: gen_znodes.py [--check] [--out DIR]

Reads zk-schema/*.znodes at the top of the tree, writes src/zk/generated/znode_table.c and docs/zookeeper.md
(below DIR with --out), touching only what differs. --check writes nothing and fails when something would differ.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from znode_schema import OPEN, add_parents, load  # noqa: E402

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
KINDS = {"persistent": "PERSISTENT", "ephemeral": "EPHEMERAL", "sequential": "PERSISTENT",
         "ephemeral or persistent": "EITHER"}  # fmt: skip


def number(value):
    """A constant of int64_t."""
    return "INT64_MIN" if value == -(2**63) else f"{value}"


def flag(value):
    return "true" if value else "false"


class Tables:
    """Writes the C constants, each before its use."""

    def __init__(self):
        self.out = []
        self.count = 0

    def named(self, kind, lines):
        self.count += 1
        name = f"{kind}_{self.count}"
        types = {"fields": "struct znode_field", "segments": "struct znode_segment"}
        self.out += [f"static const {types[kind]} {name}[] = {{", *[f"    {line}," for line in lines], "};"]
        return name

    def type(self, made):
        if made.values:
            values = ", ".join(json.dumps(value) for value in made.values)
            self.out.append(f"static const char *const values_{made.name}[] = {{{values}, NULL}};")
        low, high = map(number, made.limits)
        values = f"values_{made.name}" if made.values else "NULL"
        self.out.append(f"static const struct znode_type type_{made.name} = {{{json.dumps(made.name)}, "
                        f"{json.dumps(made.about)}, ZNODE_{made.base.upper()}, {low}, {high}, {values}}};")

    def fields(self, fields):
        lines = []
        for field in fields:
            inner = self.fields(field.fields) if field.fields else "NULL"
            kind = f"&type_{field.type.name}" if field.type else "NULL"
            key = f"&type_{field.key.name}" if field.key else "NULL"
            lines.append(f"{{{json.dumps(field.name)}, {kind}, {key}, {inner}, {len(field.fields)}, "
                         f"{field.versions[0]}, {field.versions[1]}, {flag(field.array)}, {flag(field.nullable)}, "
                         f"{flag(field.optional)}}}")
        return self.named("fields", lines)

    def row(self, znode):
        segments = self.named("segments", [
            f"{{{json.dumps(literal)}, {len(literal)}, {'&type_' + var.name if var else 'NULL'}}}"
            for literal, var in znode.segments])
        fields = self.fields(znode.fields) if znode.fields else "NULL"
        text = f"&type_{znode.text_type.name}" if znode.text_type else "NULL"
        remedy = json.dumps(znode.settings["remedy"]) if "remedy" in znode.settings else "NULL"
        return (f"{{{json.dumps(znode.path)}, {segments}, {len(znode.segments)}, "
                f"ZNODE_KIND_{KINDS[znode.settings['kind']]}, ZNODE_DATA_{znode.data.upper()}, "
                f"{flag(znode.or_null)}, {flag(znode.exact)}, {flag(znode.strict)}, "
                f"{flag(znode.settings.get('start') == 'yes')}, {znode.versions[0]}, {znode.versions[1]}, "
                f"{text}, {fields}, {len(znode.fields)}, {remedy}}}")


def emit_table(types, znodes, note):
    tables = Tables()
    for made in types.values():
        tables.type(made)
    rows = [tables.row(znode) for znode in znodes]
    used = "\n".join(tables.out + rows)
    lines = [line for line in tables.out if not is_unused(line, used)]
    return "\n".join([f"/* {note} */", '#include "zk/znode_schema.h"', "", "#include <stddef.h>", "",
                      "/* clang-format off */", *lines, "const struct znode_row znode_rows[] = {",
                      *[f"    {row}," for row in rows], "};", f"const int znode_row_count = {len(rows)};"]) + "\n"


def is_unused(line, text):
    """A type that the description names nowhere."""
    words = line.split()
    return words[2:4] == ["struct", "znode_type"] and f"&{words[4]}," not in text and f"&{words[4]}}}" not in text


# --- the page ---------------------------------------------------------------------------------------


def field_text(field):
    kind = field.type.name if field.type else "struct"
    if field.array:
        kind = f"[{kind}]"
    if field.key:
        kind = f"map {field.key.name} {kind}"
    return f"{field.name}: {kind}{'?' if field.nullable else ''}"


def field_lines(fields, indent, out):
    for field in fields:
        first, last = field.versions
        versions = "" if (first, last) == (0, OPEN) else f"{first}+" if last == OPEN else f"{first}-{last}"
        notes = (["optional"] if field.optional else []) + ([field.refers] if field.refers else [])
        line = f"{'  ' * indent}{field_text(field)}"
        out.append(f"{line:<48} {versions:<4} {'; '.join(notes)}".rstrip())
        field_lines(field.fields, indent + 1, out)


def data_text(znode):
    text = {"null": "none", "any": "anything"}.get(znode.data)
    if znode.data == "text":
        text = f"text, {znode.text_type.about}" if znode.text_type.about else "text"
    elif znode.data == "json":
        first, last = znode.versions
        text = f"JSON version {first}" if first == last else f"JSON versions {first} to {last}"
        text += ", others are refused" if znode.exact else ""
        text += ", unknown fields are refused" if znode.strict else ""
    return text + (", or none" if znode.or_null else "")


def znode_part(znode):
    out = [f"### `{znode.path}`", "", znode.about, ""]
    out += [f"- kind: {znode.settings['kind'].replace('sequential', 'persistent, sequential')}",
            f"- data: {data_text(znode)}"]
    names = (("writer", "written by"), ("reader", "read by"), ("end", "deleted"), ("remedy", "when it is wrong"))
    out += [f"- {title}: {znode.settings[name].removeprefix('deleted ')}"
            for name, title in names if name in znode.settings]
    if znode.settings.get("start") == "yes":
        out.append("- must be there as soon as a broker was started")
    if znode.settings["barnabas"] == "no":
        out.append("- of a feature that Barnabas does not have: it leaves the znode alone")
    out.append("")
    if znode.fields:
        out.append("```")
        field_lines(znode.fields, 0, out)
        out += ["```", ""]
    return out


def emit_doc(types, families, note):
    out = [f"<!-- {note} -->", "# ZooKeeper", "",
           "Every znode of a cluster, below the chroot of `zookeeper.connect`. Brokers of Kafka 3.9 in ZooKeeper mode and",
           "Barnabas share them; Barnabas has none of its own. `barnabas zk check` holds a living tree against this page.",
           "", "In the field lists: name, type (`[x]` is an array, `map k x` an object with names of type k, `?` may be null),",
           "versions of the JSON that have it, whether readers do without it, what it refers to. Readers pass over fields that",
           "they do not know, unless told. Parents that are not described are persistent and have no data.", ""]
    for name, heading, znodes in families:
        if znodes:
            out += [f"## {name.capitalize()}", "", heading, ""]
        for znode in znodes:
            out += znode_part(znode)
    out += ["## Types", "", "| type | meaning | limits |", "|---|---|---|"]
    for made in types.values():
        limits = ", ".join(made.values)
        if made.base in ("int", "number_text"):
            limits = f"{made.limits[0]} to {made.limits[1]}"
        out.append(f"| {made.name} | {made.about} | {limits} |")
    return "\n".join(out) + "\n"


# --- files ------------------------------------------------------------------------------------------


def source_hash():
    """Of everything that the output depends on."""
    digest = hashlib.sha256()
    for path in sorted((TOP / "zk-schema").glob("*.znodes")) + [HERE / "gen_znodes.py", HERE / "znode_schema.py"]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def outputs():
    types, families = load(TOP / "zk-schema")
    znodes = add_parents([znode for _, _, family in families for znode in family])
    note = f"Generated by src/zk/gen_znodes.py from zk-schema, source hash {source_hash()}. Do not edit."
    return {"src/zk/generated/znode_table.c": emit_table(types, znodes, note),
            "docs/zookeeper.md": emit_doc(types, families, note)}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail when something differs")
    parser.add_argument("--out", type=Path, default=TOP, help="top of the tree to write into")
    args = parser.parse_args()
    stale = []
    for name, text in outputs().items():
        path = args.out / name
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if not args.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if args.check and stale:
        sys.exit(f"stale, run src/zk/gen_znodes.py: {' '.join(stale)}")


if __name__ == "__main__":
    main()
