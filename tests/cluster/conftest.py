"""Fixtures. A test takes `broker` when it may share one with the other tests of its module, and
`new_broker` when it wants one of its own to stop and kill."""

import itertools
import os
import shutil

import pytest

from harness import environment, sanitizers, tools, zkcheck
from harness.broker import Broker
from harness.clients import Clients
from harness.cluster import Cluster
from harness.failover import patient_zookeeper
from harness.makes import Programs
from harness.zookeeper import ZooKeeper

_numbers = itertools.count(1)

# The files that take longest (twenty seconds and more), longest first: where files run side by side, none of these
# must be the last to begin.
LONGEST_FIRST = (
    "test_cli", "test_clients", "test_faults_disk", "test_cluster", "test_cli_groups_offsets", "test_replication",
    "test_bad_brokers", "test_failover", "test_group_makes", "test_log_dir_moves", "test_silence", "test_power",
    "test_faults_zookeeper", "test_cli_reassign", "test_rolling", "test_group_mixed", "test_reassignment",
    "test_compaction", "test_isr", "test_takeover", "test_cli_consume_group", "test_group_faults", "test_deploy",
    "test_cli_verifiable", "test_cluster_view", "test_replication_throttle", "test_crash", "test_trust", "test_groups",
    "test_cluster_rounds", "test_group_rounds", "test_group_admin", "test_clients_cluster", "test_admin_apis",
)  # fmt: skip


def pytest_addoption(parser):
    parser.addoption("--broker", choices=("barnabas", "kafka"), help="make of the broker under test")
    parser.addoption("--crash-rounds", type=int, default=None, help="rounds of each crash test")
    parser.addoption("--seed", type=int, default=None, help="seed of the tests that draw")


def pytest_configure(config):
    if config.getoption("--broker"):
        os.environ["BARNABAS_TEST_BROKER"] = config.getoption("--broker")


def pytest_collection_modifyitems(items):
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


def pytest_report_header():
    return f"broker under test: {environment.broker_kind()}, build: {environment.BUILD}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the ends of the logs of every process that a failed test used."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    for value in list(getattr(item, "funcargs", {}).values()):
        for process in _processes_of(value):
            report.sections.append((f"log of {process.name} ({process.log_path})", process.log_tail()))


def _processes_of(value):
    if isinstance(value, (Broker, ZooKeeper)):
        return [value.process]
    if isinstance(value, Cluster):
        return [broker.process for broker in value.brokers]
    if isinstance(value, Maker):
        return [broker.process for broker in value.made]
    if isinstance(getattr(value, "cluster", None), Cluster):
        return _processes_of(value.cluster)
    return []


def _brokers_of(value):
    if isinstance(value, Broker):
        return [value]
    if isinstance(value, Cluster):
        return value.brokers
    return value.made if isinstance(value, Maker) else []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """What the brokers of a test that passed hold in ZooKeeper must be sound."""
    result = yield
    if item.get_closest_marker("spoils_zookeeper") is None:
        brokers = [broker for value in item.funcargs.values() for broker in _brokers_of(value)]
        for connect in sorted({broker.config["zookeeper.connect"] for broker in brokers}):
            errors = zkcheck.errors(connect)
            assert not errors, f"unsound in ZooKeeper at {connect}:\n" + "\n".join(errors)
    return result


def or_skip(make):
    """Runs make(); what this machine lacks becomes a skip with its reason."""
    try:
        return make()
    except environment.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def workspace(tmp_path_factory):
    """One folder for the files of a run. Kept when something failed or BARNABAS_KEEP is set."""
    folder = tmp_path_factory.mktemp("cluster")
    yield folder
    if not os.environ.get("BARNABAS_KEEP"):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def sanitizer_reports(workspace):
    """Where the sanitizers of everything that runs here report to; what came after the last test fails too."""
    sanitizers.report_to(workspace / "sanitizers")
    yield
    fail_on_reports()


@pytest.fixture(autouse=True)
def no_sanitizer_report(sanitizer_reports):
    """Fails the test during which a sanitizer said something, after everything of the test has ended."""
    yield
    fail_on_reports()


def fail_on_reports():
    found = sanitizers.fresh()
    if found:
        pytest.fail("a sanitizer reported\n" + "\n".join(found), pytrace=False)


@pytest.fixture(scope="session")
def zk(workspace):
    server = or_skip(lambda: ZooKeeper(workspace / "zookeeper"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def patient_zk(workspace):
    """Keeps sessions for as long as Kafka does by default, and a module its own."""
    server = or_skip(lambda: patient_zookeeper(workspace))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def mounts():
    """Mounts file systems (harness.mounts); skips where this machine does not allow it."""
    made = []

    def mount(kind, *arguments, **more):
        made.append(or_skip(lambda: kind(*arguments, **more)))
        or_skip(made[-1].mount)
        return made[-1]

    yield mount
    for one in made:
        one.unmount()


@pytest.fixture
def chroot(zk):
    """A fresh chroot, made."""
    return zk.make_chroot(f"/test-{next(_numbers)}")


class Maker:
    """Makes brokers, each on a chroot of its own unless told otherwise, and clears up behind them."""

    def __init__(self, zk, folder):
        self.zk = zk
        self.folder = folder
        self.made = []

    def __call__(self, kind=None, config=None, chroot=None, start=True, **more):
        number = next(_numbers)
        chroot = chroot or self.zk.make_chroot(f"/broker-{number}")
        broker = or_skip(
            lambda: Broker(
                self.folder / f"broker-{number}", self.zk.address + chroot, kind=kind, config=config, **more
            )
        )
        broker.chroot, broker.zk = chroot, self.zk
        self.made.append(broker)
        if start:
            broker.start()
        return broker

    def like(self, broker, kind=None, config=None, start=True):
        """Another make over the stopped broker's log dirs, chroot, id and port."""
        assert not broker.running
        number = next(_numbers)
        other = or_skip(
            lambda: Broker(
                self.folder / f"broker-{number}", broker.config["zookeeper.connect"], kind=kind, broker_id=broker.id
            )
        )
        other.config.update(broker.config)
        other.config.update(config or {})
        other.port = broker.port
        other.log_dirs = broker.log_dirs
        other.chroot = broker.chroot
        self.made.append(other)
        if start:
            other.start()
        return other

    def finish(self):
        complaints = [complaint for broker in self.made for complaint in broker.complaints()]
        for broker in self.made:
            if broker.running:
                broker.kill()
            for folder in broker.log_dirs:
                shutil.rmtree(folder, ignore_errors=True)
        if complaints:
            logs = "\n".join(f"{b.process.name}:\n{b.process.log_tail()}" for b in self.made if b.complaints())
            pytest.fail("; ".join(complaints) + "\n" + logs)


@pytest.fixture
def new_broker(zk, workspace):
    maker = Maker(zk, workspace)
    yield maker
    maker.finish()


@pytest.fixture(scope="module")
def module_broker(zk, workspace):
    maker = Maker(zk, workspace)
    yield maker
    maker.finish()


@pytest.fixture(scope="module")
def broker(module_broker):
    """The broker under test, shared by the tests of a module, which use topics of their own."""
    return module_broker()


@pytest.fixture
def kafka_broker(new_broker):
    """A real Kafka, whatever the make under test."""
    return new_broker(kind="kafka")


@pytest.fixture
def topic(broker, request):
    """A fresh topic of one partition on the shared broker."""
    return make_topic(broker)


def make_topic(broker, partitions=1, configs=None, name=None):
    name = name or f"topic-{next(_numbers)}"
    with broker.connect() as client:
        answer = client.create_topics([{"name": name, "partitions": partitions, "configs": configs or {}}])
        assert answer[name]["error"] == 0, f"cannot create {name}: {answer[name]}"
        wait_leaders(client, name, partitions)
    return name


def wait_leaders(client, name, partitions):
    from harness.wait import wait_until

    def led():
        (found,) = client.metadata([name])["topics"]
        return found["error"] == 0 and [p["leader"] >= 0 for p in found["partitions"]] == [True] * partitions

    wait_until(led, 20, f"leaders of the {partitions} partitions of {name}")


# Quick to notice that a broker is gone, quick to take it back.
CLUSTER_CONFIG = {
    "zookeeper.session.timeout.ms": "3000",
    "replica.lag.time.max.ms": "3000",
    "replica.fetch.wait.max.ms": "200",
    "replica.fetch.backoff.ms": "100",
    "replica.socket.timeout.ms": "3000",
    "default.replication.factor": "3",
    "offsets.topic.replication.factor": "3",
    "group.min.session.timeout.ms": "1000",
    "min.insync.replicas": "2",
    "log.segment.bytes": "1048576",
    "leader.imbalance.check.interval.seconds": "1",
    "leader.imbalance.per.broker.percentage": "0",
    "log.segment.delete.delay.ms": "500",
}


@pytest.fixture(scope="module")
def module_cluster(workspace):
    """Three brokers of the make under test on a ZooKeeper server of their own. __consumer_offsets is on all of them."""
    number = next(_numbers)
    zk = or_skip(lambda: ZooKeeper(workspace / f"zookeeper-{number}"))
    zk.start()
    cluster = or_skip(
        lambda: Cluster(workspace / f"cluster-{number}", zk, zk.make_chroot("/cluster"), [None] * 3, CLUSTER_CONFIG)
    )
    cluster.start()
    yield cluster
    complaints = cluster.complaints()
    cluster.stop()
    zk.kill()
    for broker in cluster.brokers:
        for folder in broker.log_dirs:
            shutil.rmtree(folder, ignore_errors=True)
    assert not complaints, "; ".join(complaints)


@pytest.fixture
def cluster(module_cluster):
    """The module's cluster, whatever the test before did to it, and no error in its brokers' logs afterwards."""
    module_cluster.heal()
    module_cluster.mark_logs()
    yield module_cluster
    errors = module_cluster.logged_errors()
    assert not errors, "brokers logged errors:\n" + "\n".join(errors[:10])


@pytest.fixture(scope="session")
def clients(workspace):
    """The real clients by name; get() skips nothing, wrap it in or_skip()."""
    made = Clients(workspace / "clients")
    yield made
    made.close()


@pytest.fixture(scope="session", autouse=True)
def one_jvm_for_kafkas_tools(clients):
    tools.share_jvm(lambda: clients.get("kafka-tools"))


@pytest.fixture(scope="session")
def programs(workspace):
    """The programs that are members of groups, by make of client; wrap have() in or_skip()."""
    return Programs(workspace / "programs")
