"""Reads the message schema (src/wire/schema/*.schema; its format is in schema/README.md)."""

import re
from dataclasses import dataclass, field
from pathlib import Path

OPEN = 32767
# Tags from here on are our own: Kafka's clients and brokers pass over tags that they do not know.
OWN_TAGS = 10000
PRIMITIVES = ("bool", "int8", "int16", "uint16", "int32", "int64", "float64", "uuid", "string", "bytes", "records")
API_FLAGS = ("inter_broker", "cluster_action", "controller_only", "forwardable", "not_served")
MAX_DEPTH = 8


class SchemaError(Exception):
    """A line that does not follow the format."""


@dataclass
class Field:
    name: str
    type: str  # a primitive or the name of a struct
    array: bool
    versions: tuple
    nullable: tuple = None  # versions in which null is allowed
    tag: int = None
    default: str = None  # as written; None = zero, empty, false
    ignorable: bool = False
    classic: bool = False  # keeps its int16 length in flexible versions
    struct: "Struct" = None


@dataclass
class Struct:
    name: str
    versions: tuple
    fields: list = field(default_factory=list)
    shared: bool = False


@dataclass
class Message:
    name: str  # ProduceRequest
    versions: tuple
    flexible: int  # first flexible version, OPEN = never
    about: list
    file: str
    root: Struct = None
    structs: list = field(default_factory=list)  # inner ones first, without the root


@dataclass
class Api:
    name: str
    key: int
    versions: tuple
    flexible: int
    deprecated: tuple
    flags: list
    about: list
    request: Message = None
    response: Message = None


def snake(name):
    """TransactionalId -> transactional_id."""
    name = name.replace("KRaft", "Kraft")
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name).lower()


def parse_range(text):
    """'3+', '0-6', '4' or 'none' as (first, last); None for none."""
    if text == "none":
        return None
    match = re.fullmatch(r"(\d+)(?:(\+)|-(\d+))?", text)
    if not match:
        raise SchemaError(f"not a version range: {text}")
    first = int(match[1])
    return (first, OPEN if match[2] else int(match[3] or first))


def cut(a, b):
    """What two ranges have in common, or None."""
    if a is None or b is None:
        return None
    both = (max(a[0], b[0]), min(a[1], b[1]))
    return both if both[0] <= both[1] else None


FIELD = re.compile(
    r"(?P<name>[a-z][a-z0-9_]*): (?P<open>\[)?(?P<type>[a-z][a-z0-9_]*)(?P<close>\])?"
    r"(?P<null>\?(?P<nullv>\d+(?:\+|-\d+)?)?)?(?: (?P<versions>\d+(?:\+|-\d+)?))?(?: tag (?P<tag>\d+))?"
    r"(?: = (?P<default>\"[^\"]*\"|[-\w.]+))?(?P<ignorable> ignorable)?(?P<classic> classic)?(?P<body> \{)?"
)


class Parser:
    """One file of the schema."""

    def __init__(self, path):
        self.path = path
        self.lines = list(enumerate(path.read_text().splitlines(), 1))
        self.place = 0
        self.comments = []

    def fail(self, number, what):
        raise SchemaError(f"{self.path.name}:{number}: {what}")

    def next(self):
        """The next line with content; comments before it are kept in self.comments."""
        self.comments = []
        while self.place < len(self.lines):
            number, text = self.lines[self.place]
            self.place += 1
            text = text.strip()
            if text.startswith("#"):
                self.comments.append(text[1:].strip())
            elif text:
                return number, text.split(" # ")[0].rstrip()
            else:
                self.comments = []
        return None, None

    def settings(self, number, words):
        out = {}
        for word in words:
            key, sep, value = word.partition("=")
            if not sep:
                self.fail(number, f"expected key=value, not {word}")
            out[key] = value
        return out

    def parse(self):
        apis, messages = [], []
        while True:
            number, text = self.next()
            if text is None:
                return apis, messages
            words = text.split()
            if words[0] == "api":
                api = self.api(number, words)
                apis.append(api)
                messages += [api.request, api.response]
            elif words[0] == "message" and words[-1] == "{":
                given = self.settings(number, words[2:-1])
                messages.append(self.message(words[1], given, self.comments))
            else:
                self.fail(number, f"expected api or message, not {text}")

    def api(self, number, words):
        given = self.settings(number, words[2:])
        flags = [f for f in given.get("flags", "").split(",") if f]
        for flag in flags:
            if flag not in API_FLAGS:
                self.fail(number, f"unknown flag {flag}")
        flexible = parse_range(given["flexible"])
        api = Api(words[1], int(given["key"]), parse_range(given["versions"]), flexible[0] if flexible else OPEN,
                  parse_range(given.get("deprecated", "none")), flags, self.comments)
        for side in ("request", "response"):
            number, text = self.next()
            if text != side + " {":
                self.fail(number, f"expected {side} {{")
            setattr(api, side, self.message(api.name + side.capitalize(), given, []))
        return api

    def message(self, name, given, about):
        versions, flexible = parse_range(given["versions"]), parse_range(given["flexible"])
        message = Message(name, versions, flexible[0] if flexible else OPEN, about, self.path.name)
        message.root = Struct(name, versions)
        self.fields(message, message.root, {}, 1)
        return message

    def fields(self, message, struct, shared, depth):
        """The lines up to the closing brace."""
        if depth > MAX_DEPTH:
            raise SchemaError(f"{self.path.name}: {message.name} is nested too deep")
        while True:
            number, text = self.next()
            if text is None:
                self.fail("end", "missing }")
            if text == "}":
                return
            if text.startswith("struct "):
                inner = Struct(text.split()[1], message.versions, shared=True)
                self.fields(message, inner, shared, depth + 1)
                shared[inner.name] = inner
                message.structs.append(inner)
            else:
                struct.fields.append(self.field(number, text, message, struct, shared, depth))

    def field(self, number, text, message, struct, shared, depth):
        match = FIELD.fullmatch(text)
        if not match or bool(match["open"]) != bool(match["close"]):
            self.fail(number, f"not a field: {text}")
        versions = struct.versions
        if match["versions"]:
            versions = cut(versions, parse_range(match["versions"]))
        if versions is None:
            self.fail(number, "in no version of its struct")
        nullable = None
        if match["null"]:
            nullable = cut(versions, parse_range(match["nullv"])) if match["nullv"] else versions
        out = Field(match["name"], match["type"], bool(match["open"]), versions, nullable,
                    int(match["tag"]) if match["tag"] else None, match["default"], bool(match["ignorable"]),
                    bool(match["classic"]))
        if out.type not in PRIMITIVES:
            if match["body"]:
                out.struct = Struct(out.type, versions)
                self.fields(message, out.struct, shared, depth + 1)
                message.structs.append(out.struct)
            elif out.type in shared:
                out.struct = shared[out.type]
            else:
                self.fail(number, f"unknown type {out.type}")
        self.check(number, out, message)
        return out

    def check(self, number, out, message):
        if out.default == "null" and not out.nullable:
            self.fail(number, "null is not allowed here")
        if out.tag is not None and out.versions[0] < message.flexible:
            self.fail(number, "a tag in a version that is not flexible")


def load(folder):
    """All APIs by key and all messages by name."""
    apis, messages = [], []
    for path in sorted(Path(folder).glob("*.schema")):
        more_apis, more_messages = Parser(path).parse()
        apis += more_apis
        messages += more_messages
    for what, names in (("key", [a.key for a in apis]), ("name", [m.name for m in messages])):
        if len(set(names)) != len(names):
            raise SchemaError(f"a {what} is there twice")
    return sorted(apis, key=lambda a: a.key), sorted(messages, key=lambda m: m.name)
