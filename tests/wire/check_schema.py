#!/usr/bin/env python3
"""Holds our message schema, field by field, against the message definitions inside Kafka 3.9's own jars.

They are read from BARNABAS_KAFKA_MESSAGES (a folder of jars, or of their .json files), else from the jars that
scripts/fetch-test-jars.sh brings. Without them the check is skipped (status 77).
"""

import json
import os
import re
import sys
import zipfile
from pathlib import Path

TOP = Path(os.environ.get("top_srcdir") or Path(__file__).resolve().parents[2])
sys.dont_write_bytecode = True
sys.path.insert(0, str(TOP / "src/wire"))

from wire_schema import OPEN, OWN_TAGS, PRIMITIVES, cut, load, parse_range, snake  # noqa: E402

CACHE = Path(os.environ.get("BARNABAS_TEST_CACHE") or Path.home() / ".cache/barnabas-test")
PLACE = Path(os.environ.get("BARNABAS_KAFKA_MESSAGES") or CACHE / "jars/kafka-3.9.1")
# Kafka's flags that decide what a ZooKeeper-mode broker serves
LISTENER = "zkBroker"


def strip_comments(text):
    return json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.M))


def kafka_definitions():
    """Message name -> definition."""
    out = {}
    for path in sorted(PLACE.glob("*.json")):
        out[path.stem] = strip_comments(path.read_text())
    for path in sorted(PLACE.glob("kafka-*.jar")):
        with zipfile.ZipFile(path) as jar:
            for name in jar.namelist():
                if re.fullmatch(r"common/message/\w+\.json", name):
                    out[Path(name).stem] = strip_comments(jar.read(name).decode())
    return {d["name"]: d for d in out.values()}


def normal_default(kind, is_struct_or_array, default):
    """A default as both sides can be compared by; None = zero, empty, false."""
    if default is None or is_struct_or_array and default != "null":
        return None
    text = str(default).strip('"')
    if kind == "bool":
        return "true" if text.lower() == "true" else None
    if kind in ("string", "bytes", "records") or is_struct_or_array:
        return text or None
    return str(int(text, 0)) if int(text, 0) else None


class Comparison:
    def __init__(self):
        self.wrong = []
        self.fields = 0

    def differ(self, path, what, ours, theirs):
        if ours != theirs:
            self.wrong.append(f"{path}: {what}: ours {ours}, Kafka's {theirs}")

    def compare_field(self, path, field, theirs, within, shared):
        self.fields += 1
        versions = cut(parse_range(theirs["versions"]), within)
        array = theirs["type"].startswith("[]")
        kind = theirs["type"][2:] if array else theirs["type"]
        struct = kind not in PRIMITIVES
        self.differ(path, "versions", cut(field.versions, within), versions)
        self.differ(path, "array", field.array, array)
        self.differ(path, "type", field.type, snake(kind) if struct else kind)
        nullable = cut(parse_range(theirs.get("nullableVersions", "none")), versions)
        self.differ(path, "nullable", cut(field.nullable, within), nullable)  # None = never
        self.differ(path, "tag", field.tag, theirs.get("tag"))
        if "tag" in theirs:
            self.differ(path, "tagged versions", versions, cut(parse_range(theirs["taggedVersions"]), within))
        self.differ(path, "ignorable", field.ignorable, bool(theirs.get("ignorable")))
        self.differ(path, "classic", field.classic, theirs.get("flexibleVersions") == "none")
        self.differ(path, "default", normal_default(field.type, field.array or bool(field.struct), field.default),
                    normal_default(kind, array or struct, theirs.get("default")))
        if struct and field.struct:
            inner = theirs.get("fields") or shared[kind]["fields"]
            self.compare_fields(path, field.struct.fields, inner, versions, shared)

    def compare_fields(self, path, ours, theirs, within, shared):
        ours = [f for f in ours if cut(f.versions, within) and (f.tag is None or f.tag < OWN_TAGS)]
        theirs = [t for t in theirs if cut(parse_range(t["versions"]), within)]
        self.differ(path, "fields", [f.name for f in ours], [snake(t["name"]) for t in theirs])
        for field, other in zip(ours, theirs):
            self.compare_field(f"{path}.{field.name}", field, other, within, shared)

    def compare_message(self, message, theirs):
        self.differ(message.name, "versions", message.versions, parse_range(theirs["validVersions"]))
        flexible = parse_range(theirs["flexibleVersions"])
        self.differ(message.name, "flexible", message.flexible, flexible[0] if flexible else OPEN)
        shared = {c["name"]: c for c in theirs.get("commonStructs", [])}
        self.compare_fields(message.name, message.root.fields, theirs["fields"], message.versions, shared)

    def compare_api(self, api, request):
        self.differ(api.name, "key", api.key, request["apiKey"])
        # Deprecation is not compared: it changes nothing, and differs between 3.9's patch releases.
        self.differ(api.name, "served", "not_served" not in api.flags, LISTENER in request["listeners"])


def main():
    kafka = kafka_definitions()
    if not kafka:
        print(f"no definitions of Kafka's messages in {PLACE}; skipped")
        sys.exit(77)
    apis, messages = load(TOP / "src/wire/schema")
    comparison = Comparison()
    for message in messages:
        if message.name in kafka:
            comparison.compare_message(message, kafka[message.name])
        else:
            comparison.wrong.append(f"{message.name} is not in Kafka")
    for api in apis:
        comparison.compare_api(api, kafka[api.request.name])
    served = {n for n, d in kafka.items() if d["type"] == "request" and LISTENER in d["listeners"]}
    comparison.differ("requests", "served", sorted(a.request.name for a in apis if "not_served" not in a.flags),
                      sorted(served))
    print("\n".join(comparison.wrong))
    print(f"{len(messages)} messages, {comparison.fields} fields, {len(comparison.wrong)} differences")
    sys.exit(1 if comparison.wrong else 0)


if __name__ == "__main__":
    main()
