"""Configurations that a broker must not start with, and what it says about them."""

import os
import socket
import subprocess

import pytest

from conftest import or_skip
from harness import environment
from harness.ports import free_port


class Config:
    """A file of settings with a broker run on it until it ends."""

    def __init__(self, folder, zookeeper):
        self.path = os.path.join(folder, "server.properties")
        self.lines = [
            "broker.id=0",
            f"zookeeper.connect={zookeeper}",
            "zookeeper.connection.timeout.ms=1000",
            f"log.dirs={folder}/logs",
            f"listeners=PLAINTEXT://127.0.0.1:{free_port()}",
        ]

    def set(self, *lines):
        """Adds lines; those of a name that is there already take its place."""
        for line in lines:
            name = line.split("=")[0] + "="
            self.lines = [old for old in self.lines if not old.startswith(name)] + [line]
        return self

    def run(self, *arguments, deadline_s=30):
        with open(self.path, "w") as out:
            out.write("\n".join(self.lines) + "\n")
        argv = [or_skip(environment.barnabas_server), self.path, *arguments]
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=deadline_s
        )
        return done.returncode, done.stdout.decode()

    def refused(self, *arguments):
        """Runs it and returns what it said; it must have ended with an error of its own making."""
        status, said = self.run(*arguments)
        assert status == 1, f"status {status}:\n{said}"
        assert "not_started" in said, said
        return said


@pytest.fixture(autouse=True)
def ours_only():
    if environment.broker_kind() != "barnabas":
        pytest.skip("the wording is Barnabas's own")


@pytest.fixture
def config(tmp_path):
    """Port 1: no ZooKeeper answers there, and none is asked before the settings are good."""
    return Config(str(tmp_path), "127.0.0.1:1")


def complaint(said, name):
    """The line that complains about a setting."""
    found = [line for line in said.splitlines() if f" {name}: " in line and ("error:" in line or "warning:" in line)]
    assert len(found) == 1, f"{len(found)} lines about {name} in:\n{said}"
    return found[0]


@pytest.mark.parametrize(
    ("line", "allowed"),
    (
        ("num.network.threads=x", "int [1,...]"),
        ("num.network.threads=0", "int [1,...]"),
        ("num.partitions=3000000000", "int [1,...]"),
        ("num.partitions=1.5", "int [1,...]"),
        ("log.segment.bytes=1", "int [14,...]"),
        ("log.flush.interval.messages=0", "long [1,...]"),
        ("compression.type=brotli", "[uncompressed, zstd, lz4, snappy, gzip, producer]"),
        ("delete.topic.enable=maybe", "boolean"),
        ("log.cleanup.policy=burn", "[compact, delete]"),
        ("zookeeper.session.timeout.ms=soon", "int"),
        ("barnabas.network.loops=-1", "int [0,...,1024]"),
        ("barnabas.log.level=LOUD", "[DEBUG, INFO, WARN, ERROR]"),
    ),
)
def test_invalid_value_is_named_with_place_and_what_is_allowed(config, line, allowed):
    said = config.set(line).refused()
    name, value = line.split("=")
    found = complaint(said, name)
    assert f"{config.path}:{len(config.lines)}: error:" in found
    assert value in found and allowed in found


def test_every_problem_is_named_at_once(config):
    said = config.set("num.partitions=0", "compression.type=brotli", "log.roll.hours=x").refused()
    for name in ("num.partitions", "compression.type", "log.roll.hours"):
        complaint(said, name)
    assert f"3 settings of {config.path}" in said


def test_unknown_setting_is_named_with_the_nearest_and_does_not_hinder(config):
    """As in Kafka: clients' and plug-ins' settings stand in the same file."""
    said = config.set("log.retention.hourss=3").refused()
    found = complaint(said, "log.retention.hourss")
    assert f"{config.path}:{len(config.lines)}: warning:" in found
    assert "did you mean log.retention.hours?" in found
    assert "no ZooKeeper server of 127.0.0.1:1 answered" in said, "the settings were no reason to stop"


def test_unknown_setting_of_our_own_hinders(config):
    found = complaint(config.set("barnabas.network.lops=3").refused(), "barnabas.network.lops")
    assert "error:" in found and "did you mean barnabas.network.loops?" in found


def test_an_override_is_checked_like_the_file(config):
    said = config.refused("--override", "num.partitions=none")
    assert "num.partitions" in said and "int [1,...]" in said


@pytest.mark.parametrize(
    "line",
    (
        "authorizer.class.name=kafka.security.authorizer.AclAuthorizer",
        "zookeeper.set.acl=true",
        "zookeeper.ssl.client.enable=true",
        "client.quota.callback.class=org.example.Quota",
        "listeners=SSL://127.0.0.1:19093",
        "listeners=SASL_PLAINTEXT://127.0.0.1:19093",
        "listeners=SASL_SSL://127.0.0.1:19093",
        "security.inter.broker.protocol=SSL",
        "process.roles=broker",
    ),
)
def test_a_protection_that_is_not_built_stops_the_start(config, line):
    said = config.set(line).refused()
    name = line.split("=")[0]
    assert any(name in text and "error:" in text for text in said.splitlines()), said


def test_a_listener_mapped_to_tls_stops_the_start(config):
    config.set("listeners=INSIDE://127.0.0.1:19093", "listener.security.protocol.map=INSIDE:SSL")
    said = config.set("inter.broker.listener.name=INSIDE").refused()
    assert "listener INSIDE asks for SSL" in said


@pytest.mark.parametrize(
    ("listeners", "reason"),
    (
        ("A://127.0.0.1:19093,A://127.0.0.1:19094", "listener"),
        ("A://127.0.0.1:19093,B://127.0.0.1:19093", "different port"),
        ("A://127.0.0.1:99999", "port"),
        ("A:127.0.0.1", "listeners"),
        ("NOSUCH://127.0.0.1:19093", "NOSUCH"),
        ("", "listener"),
    ),
)
def test_bad_listeners_stop_the_start(config, listeners, reason):
    config.set("listener.security.protocol.map=A:PLAINTEXT,B:PLAINTEXT", "inter.broker.listener.name=A")
    said = config.set(f"listeners={listeners}").refused()
    lines = [line for line in said.splitlines() if "listener" in line and "error:" in line]
    assert lines and any(reason in line for line in lines), said


def test_missing_settings_are_named(config):
    config.lines = ["broker.id=0"]
    assert "zookeeper.connect" in config.refused()


def test_a_file_that_is_not_there_is_named(config):
    status, said = config.run("--override")
    assert status == 1 and "--override needs name=value" in said
    config.path += ".none"
    argv = [or_skip(environment.barnabas_server), config.path]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert config.path in done.stderr and "No such file" in done.stderr


def test_binary_rubbish_as_a_config_file_is_no_crash(config):
    config.lines = [bytes(range(1, 128)).decode() * 40]
    status, said = config.run()
    assert status == 1, said


def test_a_port_that_is_taken_is_named(zk, tmp_path):
    config = Config(str(tmp_path), zk.address + zk.make_chroot("/port-taken"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = config.set(f"listeners=PLAINTEXT://127.0.0.1:{port}").refused()
    reason = [line for line in said.splitlines() if "not_started" in line][0]
    assert f"127.0.0.1:{port}" in reason and "in use" in reason, said


def test_an_address_that_is_not_ours_is_named(zk, tmp_path):
    config = Config(str(tmp_path), zk.address + zk.make_chroot("/foreign-address"))
    said = config.set("listeners=PLAINTEXT://192.0.2.1:19092").refused()
    reason = [line for line in said.splitlines() if "not_started" in line][0]
    assert "192.0.2.1" in reason, said
