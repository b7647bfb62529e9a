#!/usr/bin/env python3
"""Checks that every file under src/ includes only headers of its own room and of the rooms below it, and
outside libraries only where they belong. The table is that of the architecture page, section 2.

Usage: check-layers.py [SOURCE_TREE]
"""

import os
import re
import sys

BELOW_SERVICE = ["base", "config", "metrics", "port", "wire", "storage", "core", "loop", "disk", "net", "zk"]
BELOW_API = BELOW_SERVICE + ["service"]
BELOW_SERVER = BELOW_API + ["api"]

# room: rooms whose headers it may include besides its own
MAY_INCLUDE = {
    "base": [],
    "config": ["base"],
    "metrics": ["base"],
    "port": ["base"],
    "wire": ["base"],
    "storage": ["base", "config", "metrics", "port", "wire"],
    "core": ["base", "config", "wire"],
    "loop": ["base", "port"],
    "disk": ["base", "port"],
    "net": ["base", "port", "loop"],
    "zk": ["base", "port", "loop"],
    "service": BELOW_SERVICE,
    "api": BELOW_API,
    "server": BELOW_SERVER,
    "cli": ["base", "config", "port", "wire", "loop", "disk", "net", "zk", "core", "storage"],
}

# Where cli may look into a room only in part: room -> pattern of the cli files that may.
CLI_ONLY = {"storage": r"dump|log"}

# Single headers that a room may include beyond its rooms: vocabulary, without code behind it.
ALSO = {"core": ["port/znodes.h"]}

# Headers of outside libraries: pattern -> rooms that may include them.
OUTSIDE = {
    r"zstd\.h|snappy-c\.h|zlib\.h|lz4\w*\.h": ["wire"],
    r"xxhash\.h": ["base"],
    r"isa-l\.h|isa-l/.*": ["base"],
    r"event2/(http|http_struct|keyvalq_struct)\.h": ["server"],
    r"event2/.*|event\.h": ["loop", "net", "server"],
    r"openssl/.*": ["net", "service"],
    r"zookeeper/.*": ["zk"],
    r"jansson\.h": ["zk", "cli"],
    r"jemalloc/.*": ["server"],
    r"librdkafka/.*": ["cli"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def breaches_of(path, room):
    allowed = set(MAY_INCLUDE[room]) | {room}
    with open(path, encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            form, name = match.groups()
            if form == '"':
                target = name.split("/")[0]
                if name == "config.h":
                    continue
                if "/" not in name or target not in MAY_INCLUDE:
                    yield number, f'"{name}" is not of the form "room/file.h"'
                elif name in ALSO.get(room, []):
                    continue
                elif target not in allowed:
                    yield number, f"{room}/ may not include {target}/ ({name})"
                elif room == "cli" and target in CLI_ONLY and not re.search(CLI_ONLY[target], os.path.basename(path)):
                    yield number, f"only the files of cli/ that read log files may include {target}/ ({name})"
                continue
            for pattern, rooms in OUTSIDE.items():
                if re.fullmatch(pattern, name):
                    if room not in rooms:
                        yield number, f"<{name}> belongs in {' or '.join(f'{r}/' for r in rooms)}, not in {room}/"
                    break


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("top_srcdir") or os.path.join(os.path.dirname(__file__), "..")
    source = os.path.join(top, "src")
    files = breaches = 0
    for folder, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            if not name.endswith((".c", ".h", ".def")):
                continue
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, source)
            room = relative.split(os.sep)[0]
            if os.sep not in relative or room not in MAY_INCLUDE:
                print(f"src/{relative}: not in a room of the table in scripts/check-layers.py")
                breaches += 1
                continue
            files += 1
            for number, text in breaches_of(path, room):
                print(f"src/{relative}:{number}: {text}")
                breaches += 1
    print(f"check-layers: {files} files, {breaches} breaches")
    if files == 0:
        print("check-layers: found no files; is this the source tree?")
    return 1 if breaches or files == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
