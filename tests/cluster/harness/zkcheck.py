"""Holds what brokers left in ZooKeeper against the description of all znodes, with `barnabas zk check`. One process
a tree, some milliseconds; what looks wrong is read again by it until two readings agree."""

import json
import socket

from . import environment
from .tools import ours

_NO_CLUSTER = "no broker was ever started there"


class Report:
    def __init__(self, found):
        self.znodes = found["znodes"]
        self.findings = found["findings"]

    def of(self, severity):
        return [finding for finding in self.findings if finding["severity"] == severity]

    @property
    def errors(self):
        return [f"{finding['path']}: {finding['what']}" for finding in self.of("error")]

    def rules(self):
        """Pairs of rule and path."""
        return {(finding["rule"], finding["path"]) for finding in self.findings}


def report(connect):
    """What is found below zookeeper.connect, or None where no broker was ever started."""
    done = ours("zk", "check", "--zookeeper", connect, "--format", "json")
    if done.status == 2 and _NO_CLUSTER in done.err:
        return None
    assert done.status in (0, 1), done
    found = Report(json.loads(done.out))
    assert bool(found.errors) == (done.status == 1), done
    return found


def _is_up(connect):
    host, port = connect.split("/")[0].split(",")[0].rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
    except OSError:
        return False
    return True


def errors(connect):
    """The errors of a tree; none where there is no server, no tree or no program to check it with."""
    try:
        environment.barnabas_tool()
    except environment.Missing:
        return []
    if not _is_up(connect):
        return []
    found = report(connect)
    return found.errors if found else []
