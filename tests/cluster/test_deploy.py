"""What a user starts first does what its files say: docker-compose.yml, the images' scripts, quickstart.sh.

There need be no Docker here: the settings of the compose file are read by the real program, its brokers and its
ZooKeeper servers run as processes with them, only hosts, ports and folders exchanged for such as this machine has.
"""

import os
import re
import shutil
import socket
import subprocess

import pytest
import yaml

from conftest import or_skip
from harness import environment, sanitizers
from harness.ports import free_port
from harness.process import Process
from harness.rawclient import RawClient
from harness.wait import wait_until

pytestmark = pytest.mark.skipif(environment.broker_kind() != "barnabas", reason="it is ours that is deployed")

SOURCE = environment.SOURCE
CLUSTER_CONF = os.path.join(SOURCE, "conf", "cluster.properties")
QUICKSTART = os.path.join(SOURCE, "scripts", "quickstart.sh")
IDS = (1, 2, 3)


# --- what the files say ---------------------------------------------------------------------------


def read(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as text:
        return text.read()


def properties(text):
    lines = (line.strip() for line in text.splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def substituted(text):
    """${NAME:-default} as Compose has it where nothing is set."""
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", text)


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load(substituted(read("docker-compose.yml")))


def without_threads_sanitizer():
    or_skip(environment.barnabas_server)
    if sanitizers.of_threads():
        pytest.skip("a build with ThreadSanitizer is not what is deployed: no jemalloc, no tools")


def services(compose, kind):
    return [compose["services"][f"{kind}{number}"] for number in IDS]


def overrides(service):
    """What a broker is given beyond the file: Compose hands the list to the program as it stands."""
    settings = {}
    for argument in service["command"]:
        assert argument.startswith("--override="), argument
        name, value = argument[len("--override=") :].split("=", 1)
        settings[name] = value
    return settings


def check(path, settings):
    """What the program says of settings without starting."""
    argv = [or_skip(environment.barnabas_server), path, "--check"]
    for name, value in settings.items():
        argv += ["--override", f"{name}={value}"]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def table():
    """The names of all settings, from the table that makes conf/server.properties."""
    program = os.path.join(environment.BUILD, "src", "config", "config_docs")
    if not os.access(program, os.X_OK):
        pytest.skip(f"{program} is not built")
    rows = subprocess.run([program, "table"], capture_output=True, text=True, check=True).stdout.splitlines()
    return {row.split("\t")[1] for row in rows if row.startswith("broker\t")}


def test_settings_of_every_broker_of_the_compose_file_take_effect(compose):
    for service in services(compose, "broker"):
        done = check(CLUSTER_CONF, overrides(service))
        assert done.returncode == 0, done.stderr
        complaints = [line for line in done.stderr.splitlines() if "settings_can_be_used" not in line]
        assert complaints == [], "a setting has no effect, or is unknown"


def test_check_names_the_setting_that_a_broker_would_not_start_with():
    done = check(CLUSTER_CONF, {"min.insync.replicas": "none"})
    assert done.returncode == 1
    assert "min.insync.replicas" in done.stderr and "settings_can_be_used" not in done.stderr
    unknown = check(CLUSTER_CONF, {"min.insync.replica": "2"})
    assert "min.insync.replica" in unknown.stderr


def test_names_in_the_files_are_those_of_the_table_and_of_the_sample(compose):
    sample = {name.lstrip("#") for name in re.findall(r"^#?([a-z][a-z0-9.]+)=", read("conf", "server.properties"), re.M)}
    named = set(properties(read("conf", "cluster.properties")))
    for service in services(compose, "broker"):
        named |= set(overrides(service))
    named |= set(re.findall(r'--override "?([a-z.]+)=', read("scripts", "quickstart.sh")))
    assert named - table() == set()
    assert named - sample == set()


def test_brokers_of_the_compose_file_differ_in_what_is_their_own_and_in_nothing_else(compose):
    own = {"broker.id", "broker.rack", "listeners", "advertised.listeners"}
    settings = [overrides(service) for service in services(compose, "broker")]
    assert [each["broker.id"] for each in settings] == ["1", "2", "3"]
    assert len({each["broker.rack"] for each in settings}) == len(IDS)
    common = [{name: value for name, value in each.items() if name not in own} for each in settings]
    assert common[0] == common[1] == common[2]
    assert set(settings[0]) == own | set(common[0])


def test_what_a_broker_advertises_is_what_it_listens_on_and_what_its_container_publishes(compose):
    for number, service in zip(IDS, services(compose, "broker")):
        settings = overrides(service)
        listeners = dict(re.findall(r"([A-Z]+)://0\.0\.0\.0:(\d+)", settings["listeners"]))
        advertised = {
            name: (host, port) for name, host, port in re.findall(r"([A-Z]+)://(\w+):(\d+)", settings["advertised.listeners"])
        }
        assert {name: port for name, (_, port) in advertised.items()} == listeners
        assert advertised["INTERNAL"][0] == service["hostname"] == f"broker{number}"
        assert advertised["EXTERNAL"][0] == "localhost"
        assert settings["inter.broker.listener.name"] == "INTERNAL"
        assert settings["listener.security.protocol.map"] == "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT"
        port = listeners["EXTERNAL"]
        assert service["ports"] == [f"127.0.0.1:{port}:{port}"], "the host's port must be the advertised one"
        assert settings["zookeeper.connect"].split(",") == [f"{name}:2181" for name in zookeeper_names(compose)]


def zookeeper_names(compose):
    return [service["hostname"] for service in services(compose, "zookeeper")]


def test_data_outlives_the_containers_and_they_are_given_time_to_stop(compose):
    unit = int(re.search(r"^TimeoutStopSec=(\d+)$", read("conf", "barnabas.service.in"), re.M).group(1))
    for service in services(compose, "broker"):
        assert service["stop_grace_period"] == f"{unit // 60}m"
        folder = overrides(service)["log.dirs"]
        assert f"{service['hostname']}:{folder}" in service["volumes"]
        assert "./conf/cluster.properties:/etc/barnabas/server.properties:ro" in service["volumes"]
        assert service["healthcheck"]["test"][1:] == ["barnabas-healthy", "127.0.0.1", "9404"]
        assert overrides(service)["barnabas.metrics.listener"].endswith(":9404")
    for number, service in zip(IDS, services(compose, "zookeeper")):
        assert service["environment"]["ZOOKEEPER_ID"] == str(number)
        assert service["environment"]["ZOOKEEPER_SERVERS"].split() == zookeeper_names(compose)
        assert service["volumes"] == [f"{service['hostname']}:/var/lib/zookeeper"]
    for service in compose["services"].values():
        assert service["restart"] == "unless-stopped"
        assert service["volumes"][0].split(":")[0] in compose["volumes"]


def test_image_has_the_libraries_that_the_programs_are_linked_with():
    if shutil.which("dpkg") is None:
        pytest.skip("only a Debian knows the packages of libraries")
    without_threads_sanitizer()
    stage = read("docker", "Dockerfile").split("AS broker\n")[1].split("FROM ")[0]
    installed = set(re.search(r"--no-install-recommends \\\n((?:.*\\\n)+?)\s+&&", stage).group(1).replace("\\", "").split())
    needed = set()
    for program in (or_skip(environment.barnabas_server), or_skip(environment.barnabas_tool)):
        dynamic = subprocess.run(["objdump", "-p", program], capture_output=True, text=True, check=True).stdout
        direct = set(re.findall(r"NEEDED\s+(\S+)", dynamic))
        linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for name, path in re.findall(r"(\S+) => (/\S+)", linked):
            if name in direct:
                needed.add(owner(path))
    # The base image has the C library; a build under a sanitizer has more than an image's.
    needed -= {"libc6", "libgcc-s1"}
    if any(re.match(r"lib[a-z]+san\d", name) for name in needed):
        installed -= {"libjemalloc2"}  # a sanitizer brings an allocator of its own
    assert installed == {name for name in needed if not re.match(r"lib[a-z]+san\d", name)}


def owner(path):
    """The package that a library is of; the list of files may know it without /usr."""
    for name in (os.path.realpath(path), path, os.path.realpath(path).replace("/usr", "", 1)):
        done = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.split(":")[0]
    raise AssertionError(f"{path} is of no package")


# --- the cluster of the compose file --------------------------------------------------------------


class Ensemble:
    """The ZooKeeper servers as docker/zookeeper.sh runs them."""

    def __init__(self, folder, count):
        self.ports = [free_port() for _ in range(count)]
        names = " ".join(f"127.0.0.1:{free_port()}:{free_port()}" for _ in range(count))
        self.servers = []
        for number, port in enumerate(self.ports, 1):
            data = os.path.join(folder, f"zookeeper{number}")
            os.makedirs(data)
            env = {
                **os.environ,
                "ZOOKEEPER_ID": str(number),
                "ZOOKEEPER_SERVERS": names if count > 1 else "",
                "ZOOKEEPER_DATA": data,
                "ZOOKEEPER_PORT": str(port),
                "ZOOKEEPER_LIB": os.path.join(SOURCE, "scripts", "lib", "zookeeper.sh"),
            }
            self.servers.append(
                Process(f"zookeeper {number}", [self.script, "serve"], os.path.join(data, "log"), env=env)
            )

    script = os.path.join(SOURCE, "docker", "zookeeper.sh")

    def healthy(self, number):
        server = self.servers[number - 1]
        return subprocess.run([self.script, "healthy"], env=server.env, capture_output=True, check=False).returncode == 0

    @property
    def connect(self):
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def stop(self):
        for server in self.servers:
            server.kill()


class Deployed:
    """The brokers of the compose file: broker N is 127.0.0.N, inside and outside have a port each."""

    def __init__(self, folder, compose, connect):
        self.inside = {number: free_port() for number in IDS}
        self.outside = {number: free_port() for number in IDS}
        self.metrics = {number: free_port() for number in IDS}
        self.brokers = {}
        for number, service in zip(IDS, services(compose, "broker")):
            settings = overrides(service)
            settings["zookeeper.connect"] = connect
            settings["log.dirs"] = os.path.join(folder, f"broker{number}")
            settings["barnabas.metrics.listener"] = f"127.0.0.{number}:{self.metrics[number]}"
            for name in ("listeners", "advertised.listeners"):
                text = settings[name].replace("0.0.0.0", f"127.0.0.{number}")
                text = text.replace(f"broker{number}:", f"127.0.0.{number}:").replace("localhost", f"127.0.0.{number}")
                text = re.sub(r"(INTERNAL://[^:]+):\d+", rf"\1:{self.inside[number]}", text)
                settings[name] = re.sub(r"(EXTERNAL://[^:]+):\d+", rf"\1:{self.outside[number]}", text)
            os.makedirs(settings["log.dirs"])
            argv = [or_skip(environment.barnabas_server), CLUSTER_CONF]
            argv += [f"--override={name}={value}" for name, value in settings.items()]
            self.brokers[number] = Process(f"broker {number}", argv, os.path.join(folder, f"broker{number}.log"))

    def ask(self, number, ports, topics=()):
        with RawClient(f"127.0.0.{number}", ports[number], timeout_s=10) as client:
            return client.metadata(list(topics))

    def addresses(self, ports):
        return {number: (f"127.0.0.{number}", ports[number]) for number in IDS}

    def healthy(self, number, path="/healthz"):
        argv = [os.path.join(SOURCE, "docker", "healthy.sh"), f"127.0.0.{number}", str(self.metrics[number]), path]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    def stop(self):
        for broker in self.brokers.values():
            broker.kill()


@pytest.fixture
def deployed(workspace, compose):
    without_threads_sanitizer()
    or_skip(environment.java)
    or_skip(environment.zookeeper_classpath)
    folder = str(workspace / "deployed")
    os.makedirs(folder)
    ensemble = Ensemble(folder, len(IDS))
    for server in ensemble.servers:
        server.start()
    brokers = Deployed(folder, compose, ensemble.connect)
    brokers.ensemble = ensemble
    try:
        for number in IDS:
            wait_until(lambda: ensemble.healthy(number), 60, f"ZooKeeper {number} is healthy")
        for broker in brokers.brokers.values():
            broker.start()
        yield brokers
    finally:
        brokers.stop()
        ensemble.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_cluster_of_the_compose_file_serves_inside_and_outside_and_outlives_one_of_each(deployed):
    def members(ports):
        return {
            number: {b["id"]: (b["host"], b["port"]) for b in deployed.ask(number, ports)["brokers"]}
            for number in IDS
            if deployed.brokers[number].running
        }

    for ports in (deployed.inside, deployed.outside):
        wait_until(
            lambda: members(ports) == dict.fromkeys(IDS, deployed.addresses(ports)), 60, "each listener names its own"
        )
    for number in IDS:
        assert deployed.healthy(number).returncode == 0
        wait_until(lambda: deployed.healthy(number, "/readyz").returncode == 0, 30, f"broker {number} is ready")

    tool = or_skip(environment.barnabas_tool)
    outside = ",".join(f"127.0.0.{n}:{deployed.outside[n]}" for n in IDS)
    subprocess.run([tool, "topics", "--bootstrap-server", outside, "--create", "--topic", "t"], check=True, timeout=60)

    def partitions():
        (found,) = deployed.ask(1, deployed.outside, ["t"])["topics"]
        return found["partitions"]

    wait_until(lambda: [sorted(p["replicas"]) for p in partitions()] == [list(IDS)] * 3, 30, "a topic by the defaults")

    # One of each is gone: what is acknowledged is on two, ZooKeeper has a majority.
    deployed.brokers[2].kill()
    deployed.ensemble.servers[1].kill()
    assert deployed.healthy(2).returncode == 1
    wait_until(lambda: not deployed.ensemble.healthy(2), 30, "ZooKeeper 2 is not healthy")

    def led_by_others():
        return [sorted(p["isr"]) for p in partitions() if p["leader"] in (1, 3)] == [[1, 3]] * 3

    wait_until(led_by_others, 60, "the others lead what broker 2 led")
    text = "".join(f"message {n}\n" for n in range(30))
    subprocess.run(
        [tool, "produce", "--bootstrap-server", outside, "--topic", "t"], input=text, text=True, check=True, timeout=60
    )
    deployed.brokers[2].start()

    wait_until(lambda: [sorted(p["isr"]) for p in partitions()] == [list(IDS)] * 3, 60, "broker 2 is in sync again")
    read_back = subprocess.run(
        [tool, "consume", "--bootstrap-server", outside, "--topic", "t", "--from-beginning", "--max-messages", "30"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert sorted(read_back.stdout.splitlines()) == sorted(text.splitlines())
    assert deployed.brokers[1].stop(60) == 0


def test_a_zookeeper_server_without_a_majority_is_not_healthy(workspace):
    or_skip(environment.java)
    or_skip(environment.zookeeper_classpath)
    folder = str(workspace / "minority")
    os.makedirs(folder)
    ensemble = Ensemble(folder, 3)
    try:
        ensemble.servers[0].start()
        wait_until(lambda: answers(ensemble.ports[0]), 60, "it has opened its port")
        assert not ensemble.healthy(1)
        ensemble.servers[1].start()
        wait_until(lambda: ensemble.healthy(1), 60, "two of three serve")
    finally:
        ensemble.stop()


def answers(port):
    with socket.create_connection(("127.0.0.1", port), timeout=2) as sock:
        sock.sendall(b"ruok")
        return sock.recv(10) == b"imok"


# --- scripts/quickstart.sh ------------------------------------------------------------------------


class Quickstart:
    def __init__(self, folder):
        self.folder = str(folder)
        self.port = next(port for port in iter(free_port, None) if all(is_free(port + n) for n in (1, 2)))
        self.env = {
            **os.environ,
            "BARNABAS_QUICKSTART_DIR": self.folder,
            "BARNABAS_ZOOKEEPER_PORT": str(free_port()),
            "BARNABAS_PORT": str(self.port),
            "BARNABAS_BUILD": environment.BUILD,
        }

    def run(self, *arguments, status=0, **env):
        done = subprocess.run(
            [QUICKSTART, *arguments], env={**self.env, **env}, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def describe(self):
        """Leader and members of the ISR of each partition, as broker 1 or, if it is away, another says."""
        servers = ",".join(f"127.0.0.1:{self.port + n}" for n in range(3))
        argv = [environment.barnabas_tool(), "topics", "--bootstrap-server", servers, "--describe",
                "--topic", "quickstart"]  # fmt: skip
        out = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout
        found = re.findall(r"\tPartition: \d+\tLeader: (\w+)\tReplicas: \S+\tIsr: (\S+)", out)
        return [(int(leader), sorted(map(int, isr.split(",")))) for leader, isr in found if leader != "none"]


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def start_as_before(quickstart):
    """What the quickstart of one broker left running: its processes, its files, a topic of one replica."""
    folder, zookeeper, server = quickstart.folder, quickstart.env["BARNABAS_ZOOKEEPER_PORT"], f"127.0.0.1:{quickstart.port}"
    os.makedirs(os.path.join(folder, "zookeeper"))
    with open(os.path.join(folder, "zoo.cfg"), "w", encoding="utf-8") as out:
        out.write(f"tickTime=2000\ndataDir={folder}/zookeeper\nclientPort={zookeeper}\nadmin.enableServer=false\n"
                  "4lw.commands.whitelist=*\n")  # fmt: skip

    def launch(name, port, *argv):
        script = 'setsid "$@" >"$0.log" 2>&1 </dev/null & echo $! >"$0.pid"'
        subprocess.run(["bash", "-c", script, os.path.join(folder, name), *argv], check=True)
        with open(os.path.join(folder, f"{name}.port"), "w", encoding="utf-8") as out:
            out.write(f"{port}\n")

    launch("zookeeper", zookeeper, environment.java(), "-cp", environment.zookeeper_classpath(),
           "org.apache.zookeeper.server.quorum.QuorumPeerMain", f"{folder}/zoo.cfg")  # fmt: skip
    wait_until(lambda: answers(int(zookeeper)), 60, "ZooKeeper answers")
    overrides_of_before = ["broker.id=1", f"listeners=PLAINTEXT://{server}", f"log.dirs={folder}/logs",
                           f"zookeeper.connect=127.0.0.1:{zookeeper}"]  # fmt: skip
    launch("broker", quickstart.port, environment.barnabas_server(), os.path.join(SOURCE, "conf", "server.properties"),
           *(word for setting in overrides_of_before for word in ("--override", setting)))  # fmt: skip
    tool = [environment.barnabas_tool()]
    create = ["topics", "--bootstrap-server", server, "--create", "--topic", "quickstart", "--partitions", "3",
              "--replication-factor", "1"]  # fmt: skip
    wait_until(lambda: subprocess.run(tool + create, check=False).returncode == 0, 60, "the topic of before")
    send = ["produce", "--bootstrap-server", server, "--topic", "quickstart"]
    subprocess.run(tool + send, input=b"kept since before\n", check=True, timeout=60)


@pytest.fixture
def quickstart(workspace, request):
    without_threads_sanitizer()
    or_skip(environment.java)
    or_skip(environment.zookeeper_classpath)
    if not os.path.isfile(os.path.join(environment.BUILD, "Makefile")):
        pytest.skip(f"{environment.BUILD} was not made by configure")
    made = Quickstart(workspace / request.node.name)
    yield made
    made.run("clean")


@pytest.mark.slow
def test_quickstart_starts_three_brokers_and_survives_what_it_invites_to(quickstart):
    out = quickstart.run()
    assert re.search(r"^from barnabas$", out, re.M), out
    assert "ReplicationFactor: 3" in out and "min.insync.replicas=2" in out
    assert "[1, 2, 3]" in out, "zkCli's list of brokers"
    assert '"leader":' in out and '"isr":[' in out, "zkCli's partition state"
    assert [isr for _, isr in quickstart.describe()] == [[1, 2, 3]] * 3

    again = quickstart.run()
    assert again.count("is running already") == 4
    assert again.count("from barnabas") == 3, "sent now, and read: of this time and the time before"

    assert "scripts/quickstart.sh start" in quickstart.run("kill", "2")
    assert "broker-2 is not running" in quickstart.run("status")

    def led_by_others():
        found = quickstart.describe()
        return len(found) == 3 and all(leader != 2 and isr == [1, 3] for leader, isr in found)

    wait_until(led_by_others, 60, "others lead what broker 2 led")
    back = quickstart.run("start")
    assert back.count("is running already") == 3
    assert [isr for _, isr in quickstart.describe()] == [[1, 2, 3]] * 3

    stopped = quickstart.run("stop")
    assert stopped.count("stopped") == 4
    assert back.count("from barnabas") + 1 == quickstart.run().count("from barnabas"), "nothing was lost"
    quickstart.run("clean")
    assert not os.path.exists(quickstart.folder)


@pytest.mark.slow
def test_quickstart_of_before_with_one_broker_becomes_broker_one_of_three(quickstart):
    os.makedirs(quickstart.folder)
    start_as_before(quickstart)
    out = quickstart.run()
    assert "becomes broker 1 of three" in out
    assert re.search(r"^kept since before$", out, re.M), "its messages"
    assert [isr for _, isr in quickstart.describe()] == [[1, 2, 3]] * 3, "its topic has three replicas now"
    assert not os.path.exists(os.path.join(quickstart.folder, "logs"))


def test_quickstart_says_which_port_is_taken_and_what_to_do(quickstart):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", quickstart.port + 2))
        taken.listen()
        out = quickstart.run(status=1)
    assert f"port {quickstart.port + 2}, which broker-3 would use, is taken by another program" in out
    assert "BARNABAS_PORT=" in out
    assert "is no port" in quickstart.run(status=1, BARNABAS_ZOOKEEPER_PORT="many")
    between = quickstart.run(status=1, BARNABAS_ZOOKEEPER_PORT=str(quickstart.port + 1))
    assert "meant for ZooKeeper and for a broker" in between
