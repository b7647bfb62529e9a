"""The makes of client that can be members of a group: how the program of each is made ready and called, and what
it can do. The programs are in tests/clients, whose README.md says what they are told and tell."""

import fcntl
import os
import subprocess
import sys
from dataclasses import dataclass, field

from . import environment

ALL_ASSIGNORS = frozenset(("range", "roundrobin", "sticky", "cooperative-sticky"))
EAGER_ASSIGNORS = ALL_ASSIGNORS - {"cooperative-sticky"}


@dataclass
class Make:
    """prepare(make, folder) gives the words that call the program, or raises environment.Missing."""

    name: str
    prepare: object
    assignors: frozenset = ALL_ASSIGNORS
    static: bool = True
    tells_commits: bool = True
    comes_back_as_another: bool = False  # when it loses its coordinator; what it was before must expire
    needs: dict = field(default_factory=dict)  # what prepare() goes by


def _ran(argv, what, **more):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, f"{what}:\n{done.stdout}\n{done.stderr}"


# --- Java -----------------------------------------------------------------------------------------

_JAVA_SOURCES = ("Driver", "Messages", "Messenger", "MemberLines")


def _java(make, folder):
    jars, main = environment.jars(make.needs["jars"]), make.needs["main"]
    folder = os.path.join(folder, make.name)
    sources = [os.path.join(environment.CLIENTS, "java", name + ".java") for name in (*_JAVA_SOURCES, main)]
    _ran(
        [environment.program("javac"), "-nowarn", "-Xlint:none", "-d", folder, "-cp", jars, *sources],
        f"{main} for {make.name} does not compile",
    )
    return [environment.java(), "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
            "-Dlog4j.configuration=none", "-cp", f"{jars}:{folder}", main]  # fmt: skip


# --- Python ---------------------------------------------------------------------------------------


def _python(make, _folder):
    return [sys.executable, os.path.join(environment.CLIENTS, "python", make.needs["script"])]


# --- kcat -----------------------------------------------------------------------------------------


def _kcat(_make, _folder):
    try:
        return [environment.program("kcat")]
    except environment.Missing:
        return [environment.program("kafkacat")]


# --- Node -----------------------------------------------------------------------------------------


def _node(make, _folder):
    modules = os.path.join(environment.CACHE, "node", "node_modules")
    if not os.path.isdir(os.path.join(modules, "kafkajs")):
        raise environment.Missing(f"kafkajs is not in {modules}; run scripts/fetch-test-clients.sh node")
    node = environment.program("node")
    return ["env", f"NODE_PATH={modules}", node, os.path.join(environment.CLIENTS, "node", make.needs["script"])]


# --- Go -------------------------------------------------------------------------------------------


def _go(make, folder):
    """Test workers that run side by side build one after the other: the second finds all of it in Go's cache."""
    go, modules = environment.program("go"), os.path.join(environment.CACHE, "go")
    if not os.path.isfile(os.path.join(modules, "complete")):
        raise environment.Missing(f"the Go modules are not in {modules}; run scripts/fetch-test-clients.sh go")
    program = os.path.join(folder, make.name)
    found = {"GOMODCACHE": os.path.join(modules, "mod"), "GOPROXY": "off", "GOTOOLCHAIN": "local"}
    env = {**os.environ, **found, "GOFLAGS": "-buildvcs=false"}
    with open(os.path.join(modules, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _ran(
            [go, "build", "-o", program, "./" + make.needs["package"]],
            f"{make.name} does not build",
            cwd=os.path.join(environment.CLIENTS, "go"),
            env=env,
        )
    return [program]


# --- all of them ----------------------------------------------------------------------------------


def _java_make(name, jars, main="GroupMember", **more):
    return Make(name, _java, needs={"jars": jars, "main": main}, **more)


_OLD = {"assignors": frozenset(("range", "roundrobin")), "static": False}

MAKES = {
    make.name: make
    for make in (
        _java_make("java-0.11", "clients-0.11", **_OLD),
        _java_make("java-2.8", "clients-2.8"),
        _java_make("java-3.9", "clients-3.9"),
        _java_make("java-4", "clients-4"),
        _java_make("spring-2.2.7", "spring-2.2.7", "SpringMember", **{**_OLD, "assignors": EAGER_ASSIGNORS}),
        Make("confluent", _python, ALL_ASSIGNORS - {"sticky"}, needs={"script": "confluent_member.py"}),
        Make("kafka-python", _python, EAGER_ASSIGNORS, needs={"script": "kafka_python_member.py"}),
        Make("kcat", _kcat, ALL_ASSIGNORS - {"sticky"}, tells_commits=False),
        Make(
            "kafkajs",
            _node,
            frozenset(),
            static=False,
            comes_back_as_another=True,
            needs={"script": "kafkajs_member.js"},
        ),
        Make("franz-go", _go, needs={"package": "franz"}),
        Make("sarama", _go, EAGER_ASSIGNORS, needs={"package": "sarama"}),
    )
}
NAMES = tuple(MAKES)


class Programs:
    """The programs of a run, made ready on first use. A make that cannot be had raises environment.Missing each time."""

    def __init__(self, folder):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.ready = {}

    def call(self, name):
        """The words that call the program of a make."""
        if name not in self.ready:
            self.ready[name] = MAKES[name].prepare(MAKES[name], self.folder)
        return self.ready[name]

    def have(self, *names):
        """All of these, or environment.Missing."""
        for name in names:
            self.call(name)

    def there(self, names):
        """Those of these that can be had."""
        return [name for name in names if self._has(name)]

    def _has(self, name):
        try:
            self.call(name)
        except environment.Missing:
            return False
        return True
