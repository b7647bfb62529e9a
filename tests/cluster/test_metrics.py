"""What a broker says of itself over HTTP: the numbers are those of what a client did, the names those that
dashboards made for Kafka read, the syntax what Prometheus takes."""

import os
import re
import select
import socket
import time

import http.client
import pytest
from prometheus_client.parser import text_string_to_metric_families

from conftest import make_topic
from harness import environment, records, requests, schema
from harness.ports import free_port
from harness.wait import wait_until

pytestmark = pytest.mark.skipif(
    environment.broker_kind() != "barnabas", reason="Kafka has no HTTP endpoint of its own"
)

# Series that the well-known dashboards and alert rules for Kafka read (Strimzi's and Confluent's), as far as they
# are counted here. With the labels that they select or group by.
DASHBOARDS = {
    "kafka_cluster_partition_atminisr": {"topic", "partition"},
    "kafka_cluster_partition_insyncreplicascount": {"topic", "partition"},
    "kafka_cluster_partition_replicascount": {"topic", "partition"},
    "kafka_cluster_partition_underminisr": {"topic", "partition"},
    "kafka_cluster_partition_underreplicated": {"topic", "partition"},
    "kafka_controller_kafkacontroller_activebrokercount": set(),
    "kafka_controller_kafkacontroller_activecontrollercount": set(),
    "kafka_controller_kafkacontroller_globalpartitioncount": set(),
    "kafka_controller_kafkacontroller_globaltopiccount": set(),
    "kafka_controller_kafkacontroller_offlinepartitionscount": set(),
    "kafka_controller_kafkacontroller_preferredreplicaimbalancecount": set(),
    "kafka_log_log_logendoffset": {"topic", "partition"},
    "kafka_log_log_logstartoffset": {"topic", "partition"},
    "kafka_log_log_numlogsegments": {"topic", "partition"},
    "kafka_log_log_size": {"topic", "partition"},
    "kafka_log_logflushstats_logflushrateandtimems": {"quantile"},
    "kafka_log_logflushstats_logflushrateandtimems_count": set(),
    "kafka_log_logmanager_offlinelogdirectorycount": set(),
    "kafka_log_logmanager_remaininglogstorecover": {"dir"},
    "kafka_network_requestmetrics_errors_total": {"request", "error"},
    "kafka_network_requestmetrics_localtimems": {"request", "quantile"},
    "kafka_network_requestmetrics_remotetimems": {"request", "quantile"},
    "kafka_network_requestmetrics_requests_total": {"request", "version"},
    "kafka_network_requestmetrics_responsesendtimems": {"request", "quantile"},
    "kafka_network_requestmetrics_totaltimems": {"request", "quantile"},
    "kafka_network_requestmetrics_totaltimems_count": {"request"},
    "kafka_network_socketserver_memorypoolused": set(),
    "kafka_network_socketserver_networkprocessoravgidlepercent": set(),
    "kafka_server_brokertopicmetrics_bytesin_total": {"topic"},
    "kafka_server_brokertopicmetrics_bytesout_total": {"topic"},
    "kafka_server_brokertopicmetrics_bytesrejected_total": {"topic"},
    "kafka_server_brokertopicmetrics_failedfetchrequests_total": {"topic"},
    "kafka_server_brokertopicmetrics_failedproducerequests_total": {"topic"},
    "kafka_server_brokertopicmetrics_fetchmessageconversions_total": {"topic"},
    "kafka_server_brokertopicmetrics_messagesin_total": {"topic"},
    "kafka_server_brokertopicmetrics_producemessageconversions_total": {"topic"},
    "kafka_server_brokertopicmetrics_totalfetchrequests_total": {"topic"},
    "kafka_server_brokertopicmetrics_totalproducerequests_total": {"topic"},
    "kafka_server_delayedoperationpurgatory_purgatorysize": {"delayedOperation"},
    "kafka_server_fetchsessioncache_numincrementalfetchpartitionscached": set(),
    "kafka_server_fetchsessioncache_numincrementalfetchsessions": set(),
    "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent": set(),
    "kafka_server_kafkaserver_brokerstate": set(),
    "kafka_server_kafkaserver_linux_disk_read_bytes": set(),
    "kafka_server_kafkaserver_linux_disk_write_bytes": set(),
    "kafka_server_replicamanager_atminisrpartitioncount": set(),
    "kafka_server_replicamanager_leadercount": set(),
    "kafka_server_replicamanager_offlinereplicacount": set(),
    "kafka_server_replicamanager_partitioncount": set(),
    "kafka_server_replicamanager_produceridcount": set(),
    "kafka_server_replicamanager_underminisrpartitioncount": set(),
    "kafka_server_replicamanager_underreplicatedpartitions": set(),
    "kafka_server_sessionexpirelistener_zookeeperdisconnects_total": set(),
    "kafka_server_sessionexpirelistener_zookeeperexpires_total": set(),
    "kafka_server_socket_server_metrics_connection_count": set(),
    "kafka_server_zookeeperclientmetrics_zookeeperrequestlatencyms": {"quantile"},
    "process_cpu_seconds_total": set(),
    "process_max_fds": set(),
    "process_open_fds": set(),
    "process_resident_memory_bytes": set(),
    "process_start_time_seconds": set(),
}


def get(port, path, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


class Scrape:
    def __init__(self, port, path="/metrics"):
        status, self.text = get(port, path)
        assert status == 200, self.text
        self.families = list(text_string_to_metric_families(self.text))
        self.samples = [s for family in self.families for s in family.samples]

    def value(self, name, **labels):
        """The one series with just these labels."""
        found = [s.value for s in self.samples if s.name == name and s.labels == labels]
        assert len(found) == 1, f"{len(found)} series of {name} {labels}"
        return found[0]

    def sum(self, name, **labels):
        return sum(s.value for s in self.samples if s.name == name and labels.items() <= s.labels.items())


@pytest.fixture(scope="module")
def broker(module_broker):
    port = free_port()
    broker = module_broker(config={"barnabas.metrics.listener": f"127.0.0.1:{port}"})
    broker.metrics_port = port
    return broker


@pytest.fixture
def scrape(broker):
    return lambda path="/metrics": Scrape(broker.metrics_port, path)


def test_series_that_dashboards_read_are_there_with_their_labels(broker, topic, scrape):
    with broker.connect() as client:
        client.produce(topic, records.batch([(b"k", b"v")]))
        client.fetch(topic)
    seen = {}
    for sample in scrape().samples:
        seen.setdefault(sample.name, set()).update(sample.labels)
    missing = {name: labels for name, labels in DASHBOARDS.items() if not labels <= seen.get(name, {None})}
    missing |= {name: set() for name in DASHBOARDS if name not in seen}
    assert missing == {}


def test_every_row_of_the_documentation_is_answered_and_nothing_else(broker, topic, scrape):
    with open(os.path.join(environment.SOURCE, "docs", "monitoring.md")) as text:
        documented = set(re.findall(r"^\| `([a-z_]+)` \| (?:counter|gauge|quantiles)", text.read(), re.M))
    text = scrape().text
    answered = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    assert answered == documented


def test_text_is_what_prometheus_takes(broker, topic, scrape):
    text = scrape().text
    heads = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M)
    assert len({name for name, _ in heads}) == len(heads), "a family was begun twice"
    types = dict(heads)
    assert set(re.findall(r"^# HELP (\S+) \S", text, re.M)) == set(types)
    current, seen = None, set()
    for line in text.splitlines():
        if line.startswith("#"):
            current = line.split()[2]
            continue
        series, value = line.rsplit(" ", 1)
        float(value)
        assert series not in seen, "a series stands twice"
        seen.add(series)
        name = re.match(r"[a-zA-Z_:][a-zA-Z0-9_:]*", series).group(0)
        allowed = {current} | ({current + "_count"} if types[current] == "summary" else set())
        assert name in allowed, line
    assert text.endswith("\n")


def test_produced_and_fetched_is_what_is_counted(broker, topic, scrape):
    batch = records.batch([(b"k", b"v%d" % n) for n in range(7)])
    before = scrape()
    with broker.connect() as client:
        for _ in range(3):
            assert client.produce(topic, batch)["error"] == 0
        answer = client.fetch(topic)
    after = scrape()
    prefix = "kafka_server_brokertopicmetrics_"
    for name, expected in {
        "messagesin": 21,
        "bytesin": 3 * len(batch),
        "bytesout": len(answer["records"]),
        "totalproducerequests": 3,
        "totalfetchrequests": 1,
        "failedproducerequests": 0,
        "failedfetchrequests": 0,
        "bytesrejected": 0,
    }.items():
        assert after.value(f"{prefix}{name}_total", topic=topic) == expected, name
        assert after.value(f"{prefix}{name}_total") - before.value(f"{prefix}{name}_total") == expected, name
    assert after.value("kafka_log_log_logendoffset", topic=topic, partition="0") == 21
    assert after.value("kafka_log_log_logstartoffset", topic=topic, partition="0") == 0
    assert after.value("kafka_log_log_size", topic=topic, partition="0") == 3 * len(batch)
    assert after.value("kafka_log_log_numlogsegments", topic=topic, partition="0") == 1


def test_requests_errors_and_times_are_counted_by_kind(broker, topic, scrape):
    before = scrape()
    with broker.connect() as client:
        for _ in range(5):
            client.produce(topic, records.batch([(b"k", b"v")]), version=9)
        assert client.produce("no-such-topic", records.batch([(b"k", b"v")]), version=9)["error"] == 3
        client.fetch(topic, version=11)
    after = scrape()

    def more(name, **labels):
        return after.sum(name, **labels) - before.sum(name, **labels)

    asked, errors = "kafka_network_requestmetrics_requests_total", "kafka_network_requestmetrics_errors_total"
    assert more(asked, request="Produce", version="9") == 6
    assert more(asked, request="Fetch", version="11") == 1
    assert more(asked, request="FetchConsumer", version="11") == 1
    assert more(asked, request="FetchFollower") == 0
    assert more(errors, request="Produce", error="NONE") == 5
    assert more(errors, request="Produce", error="UNKNOWN_TOPIC_OR_PARTITION") == 1
    for time_name in ("totaltimems", "localtimems", "remotetimems", "responsesendtimems"):
        assert more(f"kafka_network_requestmetrics_{time_name}_count", request="Produce") == 6
    total = {
        s.labels["quantile"]: s.value
        for s in after.samples
        if s.name == "kafka_network_requestmetrics_totaltimems" and s.labels["request"] == "Produce"
    }
    assert list(total) == ["0.50", "0.75", "0.95", "0.98", "0.99", "0.999"]
    assert 0 < total["0.50"] <= total["0.99"] < 20000


@pytest.mark.parametrize("name", ("LeaderAndIsr", "StopReplica", "UpdateMetadata"))
def test_requests_of_a_controller_that_was_replaced_are_counted_as_refused(broker, scrape, name):
    before = scrape()
    with broker.connect() as client:
        for version in schema.versions(name):
            answer = schema.ask(client, name, version, controller_id=0, controller_epoch=-1)
            assert answer["error_code"] == 11, answer
    after = scrape()
    for error, count in (("STALE_CONTROLLER_EPOCH", len(schema.versions(name))), ("NONE", 0)):
        labels = {"request": name, "error": error}
        counter = "kafka_network_requestmetrics_errors_total"
        assert after.sum(counter, **labels) - before.sum(counter, **labels) == count


def test_acks_0_is_counted_too(broker, topic, scrape):
    with broker.connect() as client:
        client.produce(topic, records.batch([(b"k", b"v")]), version=7, acks=1)
        before = scrape()
        body = requests.encode_produce(7, topic, {0: records.batch([(b"k", b"v")])}, acks=0)
        client.send(requests.PRODUCE, 7, body)
        client.api_versions()
    after = scrape()
    name = "kafka_network_requestmetrics_requests_total"
    assert after.sum(name, request="Produce") - before.sum(name, request="Produce") == 1
    assert after.value("kafka_server_brokertopicmetrics_messagesin_total", topic=topic) == 2


def test_what_is_refused_is_counted_as_such(broker, scrape):
    small = make_topic(broker, configs={"max.message.bytes": "200"})
    compacted = make_topic(broker, configs={"cleanup.policy": "compact"})
    before = scrape()
    large = records.batch([(b"k", b"x" * 500)])
    broken = bytearray(records.batch([(b"k", b"v")]))
    broken[-1] ^= 1
    with broker.connect() as client:
        assert client.produce(small, large)["error"] == 10
        assert client.produce(compacted, records.batch([(None, b"v")]))["error"] == 87
        assert client.produce(compacted, bytes(broken))["error"] == 2
    after = scrape()
    assert after.value("kafka_server_brokertopicmetrics_bytesrejected_total", topic=small) == len(large)

    def more(name):
        name = f"kafka_server_brokertopicmetrics_{name}_total"
        return after.value(name) - before.value(name)

    assert more("nokeycompactedtopicrecords") == 1
    assert more("invalidmessagecrcrecords") == 1
    # A record that breaks its topic's rule is a failure worth a look; a large or a broken one is not.
    assert after.value("kafka_server_brokertopicmetrics_failedproducerequests_total", topic=compacted) == 1
    assert after.value("kafka_server_brokertopicmetrics_failedproducerequests_total", topic=small) == 0


def test_long_poll_waits_and_expires(broker, topic, scrape):
    waiting = "kafka_server_delayedoperationpurgatory_purgatorysize"
    expired = "kafka_server_delayedfetchmetrics_expires_total"
    before, asked = scrape(), 0

    def seen_waiting(max_wait_ms):
        """Whether a scrape came while it waited: a machine that stands still may miss it."""
        fetch = requests.encode_fetch(11, topic, {0: 0}, max_wait_ms=max_wait_ms, min_bytes=1)
        with broker.connect(timeout_s=120) as client:
            client.send(requests.FETCH, 11, fetch)
            seen = False
            while not seen and not select.select([client.sock], [], [], 0.02)[0]:
                seen = scrape().value(waiting, delayedOperation="Fetch") == 1
            client.receive_frame()
        return seen

    for max_wait_ms in (1500, 10000, 60000):
        asked += 1
        if seen_waiting(max_wait_ms):
            break
    else:
        pytest.fail("a fetch that waits is not counted")
    wait_until(lambda: scrape().value(waiting, delayedOperation="Fetch") == 0, 20, "it waits no more")
    after = scrape()
    assert after.value(expired, fetcherType="consumer") - before.value(expired, fetcherType="consumer") == asked
    remote = [
        s.value
        for s in after.samples
        if s.name == "kafka_network_requestmetrics_remotetimems"
        and s.labels == {"request": "FetchConsumer", "quantile": "0.999"}
    ]
    assert remote[0] > 1000


def test_conversions_are_counted(broker, topic, scrape):
    sent = [(b"k%d" % n, b"v%d" % n) for n in range(5)]
    with broker.connect() as client:
        assert client.produce(topic, records.message_set(sent, 1, records.NONE), version=2)["error"] == 0
        client.fetch(topic, version=2)
    after = scrape()
    prefix = "kafka_server_brokertopicmetrics_"
    assert after.value(f"{prefix}producemessageconversions_total", topic=topic) == 5
    assert after.value(f"{prefix}fetchmessageconversions_total", topic=topic) == 5


def test_replicas_and_cluster_are_counted(broker, scrape):
    before = scrape()
    make_topic(broker, partitions=4)
    wait_until(
        lambda: scrape().value("kafka_controller_kafkacontroller_globaltopiccount")
        == before.value("kafka_controller_kafkacontroller_globaltopiccount") + 1,
        10,
        "the controller counts the topic",
    )
    after = scrape()
    for name in (
        "kafka_server_replicamanager_leadercount",
        "kafka_server_replicamanager_partitioncount",
        "kafka_server_replicamanager_atminisrpartitioncount",
        "kafka_controller_kafkacontroller_globalpartitioncount",
    ):
        assert after.value(name) - before.value(name) == 4, name
    assert after.value("kafka_controller_kafkacontroller_activecontrollercount") == 1
    assert after.value("kafka_controller_kafkacontroller_activebrokercount") == 1
    assert after.value("kafka_server_kafkaserver_brokerstate") == 3
    for name in (
        "kafka_controller_kafkacontroller_offlinepartitionscount",
        "kafka_server_replicamanager_underreplicatedpartitions",
        "kafka_server_replicamanager_underminisrpartitioncount",
        "kafka_server_replicamanager_offlinereplicacount",
        "kafka_log_logmanager_offlinelogdirectorycount",
        "kafka_server_sessionexpirelistener_zookeeperexpires_total",
        "barnabas_scrape_missing_partitions",
    ):
        assert after.value(name) == 0, name
    assert after.value("barnabas_zookeeper_connected") == 1
    assert after.value("kafka_server_zookeeperclientmetrics_zookeeperrequestlatencyms_count") > 0


def test_series_of_a_topic_end_with_it_and_the_sum_stays(broker, topic, scrape):
    name = "kafka_server_brokertopicmetrics_messagesin_total"
    with broker.connect() as client:
        client.produce(topic, records.batch([(b"k", b"v")]))
        before = scrape()
        assert before.value(name, topic=topic) == 1
        client.delete_topics([topic])
    wait_until(lambda: f'topic="{topic}"' not in scrape().text, 20, "the topic's series end")
    assert scrape().value(name) == before.value(name)


def test_rows_of_partitions_can_be_left_out(broker, topic, scrape):
    short, long = scrape("/metrics?partitions=no"), scrape("/metrics")
    assert "partition=" in long.text and "partition=" not in short.text
    assert short.value("kafka_server_replicamanager_partitioncount") > 0


def test_connections_are_counted(broker, scrape):
    name = "kafka_server_socket_server_metrics_connection_count"
    before = scrape().value(name)
    clients = [broker.connect() for _ in range(10)]
    for client in clients:
        client.api_versions()
    assert scrape().value(name) == before + 10
    for client in clients:
        client.close()
    wait_until(lambda: scrape().value(name) == before, 10, "closed connections are not counted")


def test_process_numbers_are_those_of_the_kernel(broker, scrape):
    seen = scrape()
    pid = broker.process.pid
    assert abs(seen.value("process_open_fds") - len(os.listdir(f"/proc/{pid}/fd"))) <= 5
    with open(f"/proc/{pid}/statm") as statm:
        resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    assert seen.value("process_resident_memory_bytes") == pytest.approx(resident, rel=0.2)
    assert time.time() - 600 < seen.value("process_start_time_seconds") < time.time()
    assert 0 < seen.value("process_cpu_seconds_total") < 600


def test_a_running_broker_is_well_and_ready(broker):
    assert get(broker.metrics_port, "/healthz") == (200, "ok\n")
    assert get(broker.metrics_port, "/readyz") == (200, "ok\n")
    assert get(broker.metrics_port, "/elsewhere")[0] == 404
    assert get(broker.metrics_port, "/healthz", "POST")[0] in (405, 501)


def test_hostile_clients_do_not_keep_others_out(broker, scrape):
    idle = []
    for _ in range(100):
        connection = socket.create_connection(("127.0.0.1", broker.metrics_port))
        connection.sendall(b"GET /met")
        idle.append(connection)
    with broker.connect() as client:
        assert client.api_versions()["error"] == 0
    assert int(re.search(r"process_open_fds (\d+)", fds_text(broker)).group(1)) < 150
    for connection in idle:
        connection.close()
    wait_until(lambda: get(broker.metrics_port, "/healthz")[0] == 200, 30, "the endpoint answers again")


def fds_text(broker):
    return f"process_open_fds {len(os.listdir(f'/proc/{broker.process.pid}/fd'))}"


@pytest.mark.parametrize(
    "bytes_sent",
    (
        b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 100000 + b"\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"\x00\x01\x02\x03" * 5000,
        b"GET " + b"/" * 50000,
    ),
    ids=("large header", "large body", "no HTTP", "long path"),
)
def test_nonsense_is_refused(broker, bytes_sent):
    with socket.create_connection(("127.0.0.1", broker.metrics_port), timeout=30) as connection:
        try:
            connection.sendall(bytes_sent)
            answer = b""
            while True:
                piece = connection.recv(65536)
                if not piece:
                    break
                answer += piece
        except ConnectionError:
            answer = b""
    assert b" 200 " not in answer.split(b"\r\n")[0]
    assert get(broker.metrics_port, "/healthz")[0] == 200


def test_peer_that_goes_while_its_answer_is_made_harms_nobody(broker, scrape):
    for _ in range(50):
        connection = socket.create_connection(("127.0.0.1", broker.metrics_port))
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.close()
    wait_until(lambda: get(broker.metrics_port, "/healthz")[0] == 200, 30, "the endpoint answers")
    assert scrape().value("kafka_server_kafkaserver_brokerstate") == 3


def test_nothing_listens_unless_it_is_asked_for(new_broker):
    broker = new_broker()
    assert "monitor listening" not in broker.process.log_tail(200)


def test_address_in_use_ends_the_start_with_its_name(new_broker):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        broker = new_broker(config={"barnabas.metrics.listener": address}, start=False)
        broker.launch()
        assert broker.process.wait_ended(20) == 1
    log = broker.process.log_tail()
    assert "barnabas.metrics.listener" in log and address in log and "in use" in log


def test_without_zookeeper_the_broker_lives_and_is_not_ready(new_broker, workspace):
    from harness.zookeeper import ZooKeeper

    server = ZooKeeper(workspace / "zookeeper-of-metrics")
    server.start()
    port = free_port()
    broker = new_broker(
        config={
            "barnabas.metrics.listener": f"127.0.0.1:{port}",
            "zookeeper.connect": server.address,
            "zookeeper.session.timeout.ms": "2000",
        }
    )
    assert get(port, "/readyz")[0] == 200
    server.stop()
    wait_until(lambda: Scrape(port).value("barnabas_zookeeper_connected") == 0, 30, "the loss is seen")
    assert get(port, "/healthz")[0] == 200
    assert Scrape(port).value("kafka_server_sessionexpirelistener_zookeeperdisconnects_total") >= 1
    server.start()
    wait_until(lambda: Scrape(port).value("barnabas_zookeeper_connected") == 1, 30, "it is connected again")
    wait_until(lambda: get(port, "/readyz")[0] == 200, 30, "it is ready again")
    server.stop()


def test_groups_are_counted_by_state(broker, topic, scrape):
    prefix = "kafka_coordinator_group_groupmetadatamanager_"

    def committed():
        partition = {"partition_index": 0, "committed_offset": 1, "committed_metadata": ""}
        with broker.connect() as client:
            schema.ask(client, "FindCoordinator", 3, key="counted")
            topics = [{"name": topic, "partitions": [partition]}]
            answer = schema.ask(client, "OffsetCommit", 7, group_id="counted", topics=topics)
        return answer["topics"][0]["partitions"][0]["error_code"] == 0

    wait_until(committed, 30, "a commit")

    def counted():
        now = scrape()
        return [now.value(prefix + name) for name in ("numgroups", "numgroupsempty", "numgroupsstable", "numoffsets")]

    wait_until(lambda: counted() == [1, 1, 0, 1], 10, "one empty group with one offset")
    assert scrape().value("kafka_server_group_coordinator_metrics_offset_commit_total") == 1
