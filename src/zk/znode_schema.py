"""Reads the description of the znodes (zk-schema/*.znodes; its format is in zk-schema/README.md)."""

import re
from dataclasses import dataclass, field

OPEN = 32767
BASES = ("int", "number_text", "one_of", "text", "uuid", "topic", "topic_partition", "sequence", "endpoint", "entity",
         "acl_change")  # fmt: skip
KINDS = ("persistent", "ephemeral", "sequential", "ephemeral or persistent")
SETTINGS = ("kind", "data", "writer", "reader", "end", "start", "remedy", "barnabas")
# From the cluster to what is seldom there: the order of the page and of the table.
FILES = ("types", "cluster", "brokers", "topics", "admin", "notifications", "config", "acls", "tokens", "consumers", "barnabas")


class SchemaError(Exception):
    """A line that does not follow the format."""


@dataclass
class Type:
    name: str
    about: str
    base: str
    limits: tuple = (0, 0)
    values: list = field(default_factory=list)


@dataclass
class Field:
    name: str
    type: Type  # None = a struct
    key: Type = None  # of a map
    array: bool = False
    nullable: bool = False
    optional: bool = False
    versions: tuple = (0, OPEN)
    refers: str = ""
    fields: list = field(default_factory=list)


@dataclass
class Znode:
    path: str
    about: str
    file: str
    settings: dict = field(default_factory=dict)
    segments: list = field(default_factory=list)  # (literal, Type or None)
    data: str = "null"  # null, any, text, json
    text_type: Type = None
    versions: tuple = (0, 0)
    exact: bool = False
    strict: bool = False
    or_null: bool = False
    fields: list = field(default_factory=list)
    implied: bool = False


def parse_range(text):
    match = re.fullmatch(r"(\d+)(?:(\+)|-(\d+))?", text)
    if not match:
        raise SchemaError(f"not a version range: {text}")
    return (int(match[1]), OPEN if match[2] else int(match[3] or match[1]))


FIELD = re.compile(
    r"(?P<name>\w+): (?:map (?P<key>\w+) )?(?P<open>\[)?(?P<type>\w+)(?P<close>\])?(?P<null>\?)?"
    r"(?: (?P<versions>\d+(?:\+|-\d+)?))?(?P<optional> optional)?(?: -> (?P<refers>[^{]+?))?(?P<body> \{)?"
)
DATA = re.compile(
    r"(?:(?P<plain>null|any)|text (?P<text>\w+)|json (?P<json>\d+(?:-\d+)?))(?P<exact> exact)?(?P<strict> strict)?"
    r"(?P<null> or null)?"
)


class Parser:
    """One file; the types of the files before it are known."""

    def __init__(self, path, types):
        self.name = path.name
        self.lines = list(enumerate(path.read_text().splitlines(), 1))
        self.place = 0
        self.types = types
        self.comments = []
        self.heading = self.lines[0][1].removeprefix("# ")

    def fail(self, number, what):
        raise SchemaError(f"{self.name}:{number}: {what}")

    def next(self):
        """The next line with content; the comments right before it are kept."""
        self.comments = []
        while self.place < len(self.lines):
            number, text = self.lines[self.place]
            self.place += 1
            text = text.strip()
            if text.startswith("#"):
                self.comments.append(text[1:].strip())
            elif text:
                return number, text
            else:
                self.comments = []
        return "end", None

    def type(self, number, name):
        if name not in self.types:
            self.fail(number, f"there is no type {name}")
        return self.types[name]

    def parse(self):
        znodes = []
        while True:
            number, text = self.next()
            if text is None:
                return znodes
            if text.startswith("type "):
                self.type_line(number, text)
            elif match := re.fullmatch(r"znode (/\S+) \{", text):
                znodes.append(self.znode(number, match[1]))
            else:
                self.fail(number, f"expected type or znode, not {text}")

    def type_line(self, number, text):
        match = re.fullmatch(r"type (\w+) = (\w+)((?: \S+)*)", text)
        if not match or match[2] not in BASES:
            self.fail(number, f"not a type: {text}")
        made = Type(match[1], " ".join(self.comments), match[2])
        words = match[3].split()
        if made.base in ("int", "number_text"):
            limits = re.fullmatch(r"(-?\d+)\.\.(-?\d+)", " ".join(words))
            if not limits:
                self.fail(number, "expected limits, as in 0..10")
            made.limits = (int(limits[1]), int(limits[2]))
        elif made.base == "one_of" and words:
            made.values = words
        elif words or made.base == "one_of":
            self.fail(number, f"not a type: {text}")
        self.types[made.name] = made

    def znode(self, start, path):
        made = Znode(path, " ".join(self.comments), self.name)
        made.segments = [self.segment(start, part) for part in path[1:].split("/")]
        while True:
            number, text = self.next()
            if text == "}":
                break
            if text is None:
                self.fail(number, "missing }")
            if text == "fields {":
                made.fields = self.fields()
                continue
            name, sep, value = text.partition(": ")
            if not sep or name not in SETTINGS:
                self.fail(number, f"expected a setting of the znode, not {text}")
            made.settings[name] = value
        for name in ("kind", "data", "writer", "reader", "end", "barnabas"):
            if name not in made.settings:
                self.fail(start, f"{path} lacks {name}")
        if made.settings["kind"] not in KINDS:
            self.fail(start, f"not a kind: {made.settings['kind']}")
        self.data(start, made)
        return made

    def segment(self, number, part):
        match = re.fullmatch(r"([^{}]*)(?:\{(\w+)\})?", part)
        if not match:
            self.fail(number, f"not a part of a path: {part}")
        return (match[1], self.type(number, match[2]) if match[2] else None)

    def data(self, number, made):
        match = DATA.fullmatch(made.settings["data"])
        if not match:
            self.fail(number, f"not a kind of data: {made.settings['data']}")
        made.exact, made.strict, made.or_null = bool(match["exact"]), bool(match["strict"]), bool(match["null"])
        if match["plain"]:
            made.data = match["plain"]
        elif match["text"]:
            made.data, made.text_type = "text", self.type(number, match["text"])
        else:
            made.data, made.versions = "json", parse_range(match["json"])
        if (made.data == "json") != bool(made.fields):
            self.fail(number, f"{made.path}: fields belong to json")
        if made.data in ("json", "text") and "remedy" not in made.settings and made.data == "json":
            self.fail(number, f"{made.path} lacks a remedy")

    def fields(self):
        out = []
        while True:
            number, text = self.next()
            if text == "}":
                return out
            match = FIELD.fullmatch(text or "")
            if not match or bool(match["open"]) != bool(match["close"]):
                self.fail(number, f"not a field: {text}")
            made = Field(match["name"], None, array=bool(match["open"]), nullable=bool(match["null"]),
                         optional=bool(match["optional"]), refers=match["refers"] or "")
            if match["key"]:
                made.key = self.type(number, match["key"])
            if match["versions"]:
                made.versions = parse_range(match["versions"])
            if match["type"] != "struct":
                made.type = self.type(number, match["type"])
            if (made.type is None) != bool(match["body"]):
                self.fail(number, "a struct, and nothing else, has fields")
            if match["body"]:
                made.fields = self.fields()
            out.append(made)


def add_parents(znodes):
    """The parents that are not described: persistent, without data."""
    known = {znode.path for znode in znodes}
    out = []
    for znode in znodes:
        parts = znode.path[1:].split("/")
        for count in range(1, len(parts)):
            path = "/" + "/".join(parts[:count])
            if path not in known:
                known.add(path)
                out.append(Znode(path, "", znode.file, {"kind": "persistent"}, znode.segments[:count], implied=True))
        out.append(znode)
    return out


def load(folder):
    """Gives the types by name and (heading, znodes) of each file."""
    present = {path.stem for path in folder.glob("*.znodes")}
    if present != set(FILES):
        raise SchemaError(f"the files of {folder} are not those of FILES: {sorted(present ^ set(FILES))}")
    types, families = {}, []
    for name in FILES:
        parser = Parser(folder / f"{name}.znodes", types)
        families.append((name, parser.heading, parser.parse()))
    return types, families
