"""The command line tools, ours and Kafka's own, run in the same way."""

import itertools
import os
import pty
import subprocess
import tempfile

from . import environment, sanitizers

_QUIET = """log4j.rootLogger=ERROR, err
log4j.appender.err=org.apache.log4j.varia.NullAppender
"""

_numbers = itertools.count(1)
_jvm = None  # gives the JVM that runs one tool after the other

KAFKA_CLASSES = {
    "topics": "org.apache.kafka.tools.TopicCommand",
    "produce": "kafka.tools.ConsoleProducer",
    "consume": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "dump-log": "kafka.tools.DumpLogSegments",
    "configs": "kafka.admin.ConfigCommand",
    "api-versions": "kafka.admin.BrokerApiVersionsCommand",
    "log-dirs": "org.apache.kafka.tools.LogDirsCommand",
    "get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "reassign": "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    "elect-leaders": "org.apache.kafka.tools.LeaderElectionCommand",
    "groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "acls": "kafka.admin.AclCommand",
    "verifiable-producer": "org.apache.kafka.tools.VerifiableProducer",
    "verifiable-consumer": "org.apache.kafka.tools.VerifiableConsumer",
}


# Written in Java, so that they print where they are told to, and over when they have done what they were asked.
_IN_ONE_JVM = ("topics", "log-dirs", "get-offsets", "delete-records", "reassign", "elect-leaders", "groups")


class Done:
    def __init__(self, argv, status, out, err):
        self.argv, self.status, self.out, self.err = argv, status, out, err

    @property
    def lines(self):
        return self.out.splitlines()

    def __repr__(self):
        return f"{' '.join(self.argv)}: {self.status}\n{self.out}\n{self.err}"


def _run(argv, stdin, deadline_s):
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **sanitizers.settings()}
    done = subprocess.run(argv, input=stdin, capture_output=True, timeout=deadline_s, check=False, env=env)
    return Done(argv, done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


class Running:
    """One of our tools that goes on until it is told to end; its standard output is read from a file."""

    def __init__(self, folder, command, *arguments):
        self.out = folder / f"{command}-{next(_numbers)}.out"
        self.err = self.out.with_suffix(".err")
        self.argv = [environment.barnabas_tool(), command, *map(str, arguments)]
        env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **sanitizers.settings()}
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.popen = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env)

    @property
    def lines(self):
        return self.out.read_text().splitlines()

    def end(self, signal, deadline_s=60):
        """Sends it; the exit status."""
        self.popen.send_signal(signal)
        return self.popen.wait(deadline_s)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


def ours(command, *arguments, stdin=b"", deadline_s=60):
    return _run([environment.barnabas_tool(), command, *map(str, arguments)], stdin, deadline_s)


def at_terminal(command, *arguments, deadline_s=60):
    """What our tool prints when its standard output is a terminal."""
    ours_end, tools_end = pty.openpty()
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **sanitizers.settings()}
    argv = [environment.barnabas_tool(), command, *map(str, arguments)]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=tools_end, stderr=subprocess.DEVNULL, env=env) as popen:
        os.close(tools_end)
        pieces = []
        try:
            while piece := os.read(ours_end, 65536):
                pieces.append(piece)
        except OSError:  # the other end is closed
            pass
        popen.wait(deadline_s)
    os.close(ours_end)
    return b"".join(pieces).decode().replace("\r\n", "\n")


def share_jvm(get):
    """get() gives the client (harness.clients) that runs tools of Kafka: to start a JVM costs more than what most do."""
    global _jvm
    _jvm = get


def kafkas(command, *arguments, stdin=b"", deadline_s=120):
    if command in _IN_ONE_JVM and not stdin:
        words = [str(argument) for argument in arguments]
        told = _jvm().run("tool", deadline_s, **{"class": KAFKA_CLASSES[command], "words": "\n".join(words)})
        err = "".join(line for line in told["err"].splitlines(True) if not line.startswith("log4j:"))
        return Done([KAFKA_CLASSES[command], *words], told["status"], told["out"], err)
    with tempfile.NamedTemporaryFile("w", suffix=".properties") as log4j:
        log4j.write(_QUIET)
        log4j.flush()
        argv = [environment.java(), "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto",
                f"-Dlog4j.configuration=file:{log4j.name}", "-cp", environment.jars("kafka-3.9.1"),
                KAFKA_CLASSES[command], *map(str, arguments)]  # fmt: skip
        return _run(argv, stdin, deadline_s)


def same(command, *arguments, stderr=False, status=0):
    """Runs both, compares what they print line by line, and gives ours. Standard error is compared in any
    order: Kafka's tool tells of its files as they come out of a hash map."""
    wanted, got = kafkas(command, *arguments), ours(command, *arguments)
    assert wanted.status == status, wanted
    assert got.status == status, got
    pairs = [("standard output", wanted.lines, got.lines)]
    if stderr:
        pairs.append(("standard error", sorted(wanted.err.splitlines()), sorted(got.err.splitlines())))
    for name, expected, found in pairs:
        for number, (a, b) in enumerate(zip(expected, found), 1):
            assert a == b, f"{name} of {command} {arguments}, line {number}:\nKafka: {a}\nours:  {b}"
        assert len(expected) == len(found), f"{name} of {command} {arguments}: {len(expected)} lines, ours {len(found)}"
    return got
