"""Writes docs/protocol.md from the schema."""

from wire_schema import OPEN, OWN_TAGS, snake


def versions_text(versions, last):
    first, end = versions[0], min(versions[1], last)
    return str(first) if first == end else f"{first}-{end}"


def field_text(field, last):
    kind = f"[{field.type}]" if field.array else field.type
    if field.nullable:
        kind += "?"
        if field.nullable != field.versions:
            kind += f" (null in {versions_text(field.nullable, last)})"
    notes = []
    if field.tag is not None:
        notes.append(f"tag {field.tag}" + (" (Barnabas's own)" if field.tag >= OWN_TAGS else ""))
    if field.default is not None:
        notes.append(f"default {field.default}")
    if field.ignorable:
        notes.append("ignorable")
    if field.classic:
        notes.append("int16 length in every version")
    return f"{field.name}: {kind}", ", ".join(notes)


def tree(struct, last, indent, out, seen):
    for field in struct.fields:
        head, notes = field_text(field, last)
        versions = versions_text(field.versions, last)
        line = f"{'  ' * indent}{head}"
        out.append(f"{line:<56} {versions:<6} {notes}".rstrip())
        if field.struct:
            if field.struct.shared and field.struct.name in seen:
                out.append(f"{'  ' * (indent + 1)}as above")
                continue
            seen.add(field.struct.name)
            tree(field.struct, last, indent + 1, out, seen)


def changes(message, version, struct=None, path=""):
    """Names of the fields that come and go at a version."""
    come, go = [], []
    for field in (struct or message.root).fields:
        name = path + field.name
        if field.versions[0] == version:
            come.append(name)
        elif field.versions[1] == version - 1:
            go.append(name)
        elif field.struct:
            more_come, more_go = changes(message, version, field.struct, name + ".")
            come += more_come
            go += more_go
    return come, go


def message_part(message, title):
    first, last = message.versions
    out = [f"**{title}**", ""]
    if message.root.fields:
        out += ["```"]
        tree(message.root, last, 0, out, set())
        out += ["```", ""]
    else:
        out += ["No fields.", ""]
    for version in range(first + 1, last + 1):
        come, go = changes(message, version)
        text = []
        if version == message.flexible:
            text.append("flexible")
        if come:
            text.append("adds " + ", ".join(come))
        if go:
            text.append("drops " + ", ".join(go))
        if text:
            out.append(f"- v{version}: {'; '.join(text)}")
    return out if out[-1] == "" else out + [""]


def api_row(api):
    flexible = "—" if api.flexible == OPEN else str(api.flexible)
    old = "—" if not api.deprecated else versions_text(api.deprecated, api.versions[1])
    link = f"[{api.name}](#{api.name.lower()})"
    flags = ", ".join(f.replace("_", " ") for f in api.flags if f != "not_served") or "—"
    return f"| {api.key} | {link} | {versions_text(api.versions, OPEN)} | {flexible} | {old} | {flags} |"


TABLE = ["| Key | Request | Versions | Flexible from | Deprecated | Flags |", "|---|---|---|---|---|---|"]


def emit_doc(apis, messages, first_line):
    served = [a for a in apis if "not_served" not in a.flags]
    others = [a for a in apis if "not_served" in a.flags]
    sides = {a.request.name for a in apis} | {a.response.name for a in apis}
    out = [first_line, "# Protocol", "",
           "Every request that a Barnabas broker serves, and everything else that is encoded by the same rules.",
           "In the field lists: name, type (`[x]` is an array, `?` may be null), versions that carry the field, tag and",
           "default (zero, empty or false unless told). An ignorable field is dropped in versions that lack it; any other",
           "one must then be at its default. A version that is not mentioned below the fields has the same layout as the one",
           "before it.", "",
           f"## Served requests ({len(served)})", "", *TABLE, *[api_row(a) for a in served], "",
           "Deprecated versions are served like the others.", "",
           "## Requests that are only sent", "", *TABLE, *[api_row(a) for a in others], "",
           "## Messages", ""]
    for api in apis:
        out += [f"### {api.name}", "", " ".join(api.about), ""]
        out += message_part(api.request, "Request") + message_part(api.response, "Response")
    out += ["## Headers, stored records, embedded data", ""]
    for message in messages:
        if message.name not in sides:
            out += [f"### {message.name}", "", " ".join(message.about), "",
                    f"C struct `wire_{snake(message.name)}`.", ""]
            out += message_part(message, f"Version {versions_text(message.versions, OPEN)}")
    while out[-1] == "":
        out.pop()
    return "\n".join(out) + "\n"
