#!/usr/bin/env python3
"""Makes the message structs, their tables and docs/protocol.md of the schema.

usage: gen_wire.py [--check] [--out DIR]

Reads schema/*.schema beside this file, writes generated/wire_messages.h, generated/wire_tables.c and
../../docs/protocol.md (below DIR with --out), touching only what differs. --check writes nothing and fails
when something would differ.
"""

import argparse
import hashlib
import itertools
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from wire_protocol_doc import emit_doc  # noqa: E402
from wire_schema import API_FLAGS, OPEN, cut, load, snake  # noqa: E402

HERE = Path(__file__).resolve().parent

# primitive: C type, enum wire_type, bytes on the wire (0 = a length and content)
TYPES = {
    "bool": ("bool", "WIRE_BOOL", 1),
    "int8": ("int8_t", "WIRE_INT8", 1),
    "int16": ("int16_t", "WIRE_INT16", 2),
    "uint16": ("uint16_t", "WIRE_UINT16", 2),
    "int32": ("int32_t", "WIRE_INT32", 4),
    "int64": ("int64_t", "WIRE_INT64", 8),
    "float64": ("double", "WIRE_FLOAT64", 8),
    "uuid": ("struct uuid", "WIRE_UUID", 16),
    "string": ("struct view", "WIRE_STRING", 0),
    "bytes": ("struct view", "WIRE_BYTES", 0),
    "records": ("struct view", "WIRE_BYTES", 0),
}


def c_name(message, struct):
    base = "wire_" + snake(message.name)
    return base if struct is message.root else f"{base}_{struct.name}"


def c_type(message, field):
    return "struct " + c_name(message, field.struct) if field.struct else TYPES[field.type][0]


def c_fields(message, struct):
    """The members of a struct, one declaration a line."""
    out = []
    for field in struct.fields:
        kind = c_type(message, field)
        if field.array:
            out.append(f"{kind} *{field.name};")
            out.append(f"int32_t {field.name}_count;")
        elif field.struct and field.nullable:
            out.append(f"{kind} *{field.name};")
        else:
            out.append(f"{kind} {field.name};")
    return out or ["uint8_t no_fields;"]


def emit_header(messages, first_line):
    out = [first_line,
           "#ifndef BARNABAS_WIRE_GENERATED_WIRE_MESSAGES_H",
           "#define BARNABAS_WIRE_GENERATED_WIRE_MESSAGES_H", "",
           "#include <stdbool.h>", "#include <stdint.h>", "",
           '#include "base/uuid.h"', '#include "base/view.h"', '#include "wire/table.h"', ""]
    for message in messages:
        first, last = message.versions
        versions = str(first) if first == last else f"{first}-{last}"
        out.append(f"/* {message.name}, version{'s' if first != last else ''} {versions} */")
        for struct in message.structs + [message.root]:
            name = c_name(message, struct)
            out += [f"struct {name} {{"] + ["    " + line for line in c_fields(message, struct)] + ["};"]
        for struct in message.structs + [message.root]:
            out.append(f"extern const struct wire_message {c_name(message, struct)}_desc;")
        out.append("")
    out.append("#endif")
    return "\n".join(out) + "\n"


def default_value(field, names):
    """A C initialiser, or None for zero. `names` has the defaults of the structs that are inside."""
    if field.array:
        return f".{field.name}_count = -1" if field.default == "null" else None
    if field.struct:
        if field.nullable:  # shared, and constant: a decoded message that lacks the field points at it
            return None if field.default == "null" else f".{field.name} = (void *)&{names[field.struct.name]}"
        inner = defaults_of(field.struct, names)
        return f".{field.name} = {{{', '.join(inner)}}}" if inner else None
    if field.type == "records":
        return None  # null unless set, as in Kafka
    if field.type in ("string", "bytes"):
        if field.default == "null":
            return None
        return f".{field.name} = EMPTY"
    if field.default is None:
        return None
    if field.type == "int32" and field.default == "-2147483648":
        return f".{field.name} = INT32_MIN"
    return f".{field.name} = {field.default}"


def defaults_of(struct, names):
    return [v for v in (default_value(f, names) for f in struct.fields) if v]


def wrap(items, indent, limit=110):
    """Comma-separated items on as few lines as fit."""
    lines, line = [], indent
    for item in items:
        piece = item + ","
        if len(line) + len(piece) + 1 > limit and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += (" " if line.strip() else "") + piece
    if line.strip():
        lines.append(line.rstrip())
    return lines


# Short forms that keep the tables readable; T is the struct that is being described.
MACROS = """\
#define EMPTY    WIRE_EMPTY
#define ARRAY    WIRE_OP_ARRAY
#define COMPACT  WIRE_OP_COMPACT
#define NULLABLE WIRE_OP_NULLABLE
/* One field: name, type, first and last version, first and last version with null, tag, then what is special. */
#define FIELD(name_, type_, first, last, null_first, null_last, tag_, ...)                                   \\
    {.name = #name_, .type = WIRE_##type_, .min_version = (first), .max_version = (last),                    \\
     .null_min = (null_first), .null_max = (null_last), .tag = (tag_), .offset = offsetof(T, name_), __VA_ARGS__}
#define ITEMS(name_) .array = true, .count_offset = offsetof(T, name_##_count)
/* One field at one version: type, flags, its place among the fields, name, plan of its struct. */
#define OP(type, flags, place, name, plan)  {WIRE_##type, (flags), (place), offsetof(T, name), 0, (plan)}
#define OPS(type, flags, place, name, plan)                                                                  \\
    {WIRE_##type, (flags) | ARRAY, (place), offsetof(T, name), offsetof(T, name##_count), (plan)}

/* For plans without fields: an address to which one may add. */
static const struct wire_op no_ops[1];
"""


class Tables:
    """Emits the descriptors of one message: fields, plans, the message itself."""

    def __init__(self, message, serial):
        self.message = message
        self.serial = serial  # of static arrays, over the whole file
        self.out = []
        self.default_names = {}  # struct name -> its defaults
        self.plan_names = {}  # struct name -> {version: plan}
        self.arrays = {}  # content -> name

    def is_flexible(self, version):
        return version >= self.message.flexible

    def field_line(self, field):
        last = self.message.versions[1]
        null = (field.nullable[0], min(field.nullable[1], last)) if field.nullable else ("WIRE_NEVER", -1)
        parts = [field.name, "STRUCT" if field.struct else TYPES[field.type][1][5:], str(field.versions[0]),
                 str(min(field.versions[1], last)), str(null[0]), str(null[1]),
                 str(-1 if field.tag is None else field.tag)]
        if field.struct:
            parts.append(f".of = &{c_name(self.message, field.struct)}_desc")
        if field.array:
            parts.append(f"ITEMS({field.name})")
        elif field.struct and field.nullable:
            parts.append(".pointer = true")
        if field.ignorable:
            parts.append(".ignorable = true")
        if field.type == "records":
            parts.append(".records = true")
        if len(parts) == 7:
            parts.append(".ignorable = false")
        return "    FIELD(" + ", ".join(parts) + "),"

    def array(self, kind, stem, struct, lines):
        """A static array, shared with an equal one that is there already."""
        if not lines:
            return "no_ops" if kind == "struct wire_op" else "NULL"
        key = (kind, struct.name, tuple(lines))
        if key not in self.arrays:
            self.arrays[key] = f"{stem}_{next(self.serial)}"
            self.out += [f"static const {kind} {self.arrays[key]}[] = {{"] + lines + ["};"]
        return self.arrays[key]

    def op_line(self, struct, field, version):
        flags = []
        has_length = field.array or (not field.struct and not TYPES[field.type][2])
        if has_length and self.is_flexible(version) and not field.classic:
            flags.append("COMPACT")
        if cut(field.nullable, (version, version)):
            flags.append("NULLABLE")
        parts = ["STRUCT" if field.struct else TYPES[field.type][1][5:], " | ".join(flags) or "0",
                 str(struct.fields.index(field)), field.name,
                 f"&{self.plan_names[field.struct.name][version]}" if field.struct else "NULL"]
        return f"    {'OPS' if field.array else 'OP'}({', '.join(parts)}),"

    def min_size(self, struct, version):
        """Fewest bytes of a struct on the wire."""
        size = 1 if self.is_flexible(version) else 0
        for field in struct.fields:
            if not cut(field.versions, (version, version)) or field.tag is not None:
                continue
            compact = self.is_flexible(version) and not field.classic
            if field.array:
                size += 1 if compact else 4
            elif field.struct:
                size += 1 if field.nullable else self.min_size(field.struct, version)
            elif TYPES[field.type][2]:
                size += TYPES[field.type][2]
            else:
                size += 1 if compact else (2 if field.type == "string" else 4)
        return size

    def plan(self, struct, version):
        """The name of the plan of a struct at a version."""
        here = [f for f in struct.fields if cut(f.versions, (version, version))]
        absent = [f for f in struct.fields if f not in here and not f.ignorable]
        ops = [self.op_line(struct, f, version) for f in here if f.tag is None]
        tagged = [self.op_line(struct, f, version)
                  for f in sorted((f for f in here if f.tag is not None), key=lambda f: f.tag)]
        absent_lines = wrap([str(struct.fields.index(f)) for f in absent], "    ")
        lines = wrap([f".of = &{c_name(self.message, struct)}_desc",
                      f".ops = {self.array('struct wire_op', 'ops', struct, ops)}",
                      f".tagged = {self.array('struct wire_op', 'tagged', struct, tagged)}",
                      f".absent = {self.array('uint16_t', 'absent', struct, absent_lines)}",
                      f".op_count = {len(ops)}", f".tagged_count = {len(tagged)}",
                      f".absent_count = {len(absent)}", f".min_size = {self.min_size(struct, version)}",
                      f".flexible = {'true' if self.is_flexible(version) else 'false'}"], "    ")
        key = ("plan", struct.name, tuple(lines))
        if key not in self.arrays:
            self.arrays[key] = f"plan_{next(self.serial)}"
            self.out += [f"static const struct wire_plan {self.arrays[key]} = {{"] + lines + ["};"]
        return self.arrays[key]

    def struct(self, struct):
        name = c_name(self.message, struct)
        first, last = self.message.versions
        self.out.append(f"#define T struct {name}")
        fields = self.array("struct wire_field", "fields", struct, [self.field_line(f) for f in struct.fields])
        defaults = self.default_names[struct.name] = f"defaults_{next(self.serial)}"
        self.out += [f"static const T {defaults} = {{"]
        self.out += wrap(defaults_of(struct, self.default_names) or ["0"], "    ") + ["};"]
        self.plan_names[struct.name] = {
            v: self.plan(struct, v) for v in range(first, last + 1) if cut(struct.versions, (v, v))}
        plans = f"plans_{next(self.serial)}"
        names = [f"&{self.plan_names[struct.name][v]}" if v in self.plan_names[struct.name] else "NULL"
                 for v in range(first, last + 1)]
        self.out += [f"static const struct wire_plan *const {plans}[] = {{"] + wrap(names, "    ") + ["};"]
        flexible = "WIRE_NEVER" if self.message.flexible == OPEN else self.message.flexible
        self.out += [f"const struct wire_message {name}_desc = {{"]
        self.out += wrap([f'.name = "{struct.name}"', f".fields = {fields}", f".plans = {plans}",
                          f".defaults = &{defaults}", ".size = sizeof(T)",
                          f".field_count = {len(struct.fields)}", f".min_version = {first}",
                          f".max_version = {last}", f".first_flexible = {flexible}"], "    ")
        self.out += ["};", "#undef T", ""]

    def emit(self):
        for struct in self.message.structs + [self.message.root]:
            self.struct(struct)
        return self.out


def api_lines(api):
    throttle = [f for f in api.response.root.fields if f.name == "throttle_time_ms"]
    response = "wire_" + snake(api.response.name)
    parts = [f'.name = "{api.name}"', f".request = &wire_{snake(api.request.name)}_desc",
             f".response = &{response}_desc", f".key = {api.key}", f".min_version = {api.versions[0]}",
             f".max_version = {api.versions[1]}",
             f".first_flexible = {'WIRE_NEVER' if api.flexible == OPEN else api.flexible}",
             f".deprecated_max = {api.deprecated[1] if api.deprecated else -1}",
             f".throttle_offset = offsetof(struct {response}, throttle_time_ms)" if throttle else "",
             f".throttle_version = {throttle[0].versions[0] if throttle else 'WIRE_NEVER'}",
             *[f".{flag} = true" for flag in API_FLAGS if flag in api.flags and flag != "not_served"],
             f".served = {'false' if 'not_served' in api.flags else 'true'}"]
    return ["    {"] + wrap([p for p in parts if p], "     ") + ["    },"]


def emit_tables(apis, messages, first_line):
    out = [first_line, '#include "wire/generated/wire_messages.h"', "", "#include <stddef.h>", "",
           '#include "wire/api.h"', '#include "wire/table.h"', "", MACROS]
    serial = itertools.count(1)
    for message in messages:
        out += Tables(message, serial).emit()
    out += ["const struct wire_message *const wire_messages[] = {"]
    out += [f"    &wire_{snake(m.name)}_desc," for m in messages]
    out += ["};", f"const uint32_t wire_message_count = {len(messages)};", "", "const struct wire_api wire_apis[] = {"]
    for api in apis:
        out += api_lines(api)
    out += ["};", f"const uint32_t wire_api_count = {len(apis)};"]
    return "\n".join(out) + "\n"


def source_hash():
    """Of everything that the output depends on."""
    digest = hashlib.sha256()
    sources = sorted((HERE / "schema").glob("*.schema"))
    for path in sources + [HERE / name for name in ("gen_wire.py", "wire_schema.py", "wire_protocol_doc.py")]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def outputs():
    apis, messages = load(HERE / "schema")
    note = f"Generated by src/wire/gen_wire.py from src/wire/schema, source hash {source_hash()}. Do not edit."
    return {
        "src/wire/generated/wire_messages.h": emit_header(messages, f"/* {note} */"),
        "src/wire/generated/wire_tables.c": emit_tables(apis, messages, f"/* {note} */"),
        "docs/protocol.md": emit_doc(apis, messages, f"<!-- {note} -->"),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail when something differs")
    parser.add_argument("--out", type=Path, default=HERE.parent.parent, help="top of the tree to write into")
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
        sys.exit(f"stale, run src/wire/gen_wire.py: {' '.join(stale)}")


if __name__ == "__main__":
    main()
