"""Bodies of the requests that tests send by hand, and what the answers mean, version by version.

An encoder returns the request's body for one version; a decoder takes the answer's body.
"""

from .wire import Reader, Writer

PRODUCE, FETCH, LIST_OFFSETS, METADATA = 0, 1, 2, 3
API_VERSIONS, CREATE_TOPICS, DELETE_TOPICS, INIT_PRODUCER_ID = 18, 19, 20, 22

# First flexible version of each request; None: never.
FIRST_FLEXIBLE = {
    PRODUCE: 9,
    FETCH: 12,
    LIST_OFFSETS: 6,
    METADATA: 9,
    API_VERSIONS: 3,
    CREATE_TOPICS: 5,
    DELETE_TOPICS: 4,
    INIT_PRODUCER_ID: 2,
}

# What Kafka 3.9 in ZooKeeper mode advertises: key -> highest version (the lowest is 0 everywhere).
KAFKA_3_9_VERSIONS = {
    0: 11, 1: 17, 2: 9, 3: 12, 4: 7, 5: 4, 6: 8, 7: 3, 8: 9, 9: 9, 10: 6, 11: 9, 12: 4, 13: 5, 14: 5, 15: 5,
    16: 5, 17: 1, 18: 4, 19: 7, 20: 6, 21: 2, 22: 5, 23: 4, 24: 5, 25: 4, 26: 4, 27: 1, 28: 4, 29: 3, 30: 3,
    31: 3, 32: 4, 33: 2, 34: 2, 35: 4, 36: 2, 37: 3, 38: 3, 39: 2, 40: 2, 41: 3, 42: 2, 43: 2, 44: 1, 45: 0,
    46: 0, 47: 0, 48: 1, 49: 1, 50: 0, 51: 0, 56: 3, 57: 1, 58: 0, 60: 1, 61: 0, 65: 0, 66: 1, 67: 0, 68: 0,
    69: 0,
}  # fmt: skip

ZERO_UUID = bytes(16)


def flexible(key, version):
    first = FIRST_FLEXIBLE.get(key)
    return first is not None and version >= first


# --- ApiVersions ----------------------------------------------------------------------------------


def encode_api_versions(version, software=("barnabas-tests", "1.0")):
    out = Writer(flexible(API_VERSIONS, version))
    if version >= 3:
        out.string(software[0]).string(software[1]).tags()
    return out.done()


def decode_api_versions(body, version):
    read = Reader(body, flexible(API_VERSIONS, version))

    def element(r):
        entry = (r.int16(), r.int16(), r.int16())
        r.tags()
        return entry

    answer = {"error": read.int16(), "apis": read.array(element)}
    if version >= 1:
        answer["throttle_ms"] = read.int32()
    answer["tags"] = read.tags()
    answer["left"] = read.left
    return answer


# --- Metadata -------------------------------------------------------------------------------------


def encode_metadata(version, topics, auto_create=False):
    """topics: list of names, or None for all."""
    out = Writer(flexible(METADATA, version))
    if topics is None and version == 0:
        topics = []

    def element(w, name):
        if version >= 10:
            w.raw(ZERO_UUID)
        w.string(name).tags()

    out.array(topics, element)
    if version >= 4:
        out.bool(auto_create)
    if 8 <= version <= 10:
        out.bool(False)
    if version >= 8:
        out.bool(False)
    return out.tags().done()


def decode_metadata(body, version):
    read = Reader(body, flexible(METADATA, version))
    answer = {"controller_id": None, "cluster_id": None}
    if version >= 3:
        answer["throttle_ms"] = read.int32()

    def broker(r):
        entry = {"id": r.int32(), "host": r.string(), "port": r.int32()}
        entry["rack"] = r.string() if version >= 1 else None
        r.tags()
        return entry

    def partition(r):
        entry = {"error": r.int16(), "partition": r.int32(), "leader": r.int32()}
        entry["epoch"] = r.int32() if version >= 7 else -1
        entry["replicas"] = r.array(Reader.int32)
        entry["isr"] = r.array(Reader.int32)
        entry["offline"] = r.array(Reader.int32) if version >= 5 else []
        r.tags()
        return entry

    def topic(r):
        entry = {"error": r.int16(), "name": r.string()}
        entry["id"] = r.raw(16) if version >= 10 else None
        entry["internal"] = r.bool() if version >= 1 else None
        entry["partitions"] = sorted(r.array(partition), key=lambda p: p["partition"])
        if version >= 8:
            entry["operations"] = r.int32()
        r.tags()
        return entry

    answer["brokers"] = read.array(broker)
    if version >= 2:
        answer["cluster_id"] = read.string()
    if version >= 1:
        answer["controller_id"] = read.int32()
    answer["topics"] = read.array(topic)
    if 8 <= version <= 10:
        read.int32()
    read.tags()
    answer["left"] = read.left
    return answer


# --- Produce --------------------------------------------------------------------------------------


def encode_produce(version, topic, partitions, acks=-1, timeout_ms=30000, transactional_id=None):
    """partitions: {partition: record set as bytes or None}."""
    out = Writer(flexible(PRODUCE, version))
    if version >= 3:
        out.string(transactional_id)
    out.int16(acks).int32(timeout_ms)

    def partition(w, item):
        w.int32(item[0]).bytes(item[1]).tags()

    def topic_data(w, name):
        w.string(name).array(list(partitions.items()), partition).tags()

    return out.array([topic], topic_data).tags().done()


def decode_produce(body, version):
    """{(topic, partition): {...}}"""
    read = Reader(body, flexible(PRODUCE, version))
    found = {}

    def record_error(r):
        entry = (r.int32(), r.string())
        r.tags()
        return entry

    def topic(r):
        name = r.string()

        def partition(p):
            number = p.int32()
            entry = {"error": p.int16(), "base_offset": p.int64()}
            entry["append_time"] = p.int64() if version >= 2 else None
            entry["log_start"] = p.int64() if version >= 5 else None
            if version >= 8:
                entry["record_errors"] = p.array(record_error)
                entry["message"] = p.string()
            p.tags()
            found[(name, number)] = entry

        r.array(partition)
        r.tags()

    read.array(topic)
    if version >= 1:
        read.int32()
    read.tags()
    found["left"] = read.left
    return found


# --- Fetch ----------------------------------------------------------------------------------------


def encode_fetch(
    version,
    topic,
    partitions,
    max_wait_ms=500,
    min_bytes=1,
    max_bytes=50 << 20,
    partition_max_bytes=1 << 20,
    isolation=0,
    session=(0, -1),
    topic_id=None,
    forgotten=(),
    rack="",
    leader_epoch=-1,
):
    """partitions: {partition: fetch offset}; forgotten: partitions of the same topic."""
    out = Writer(flexible(FETCH, version))
    if version <= 14:
        out.int32(-1)
    out.int32(max_wait_ms).int32(min_bytes)
    if version >= 3:
        out.int32(max_bytes)
    if version >= 4:
        out.int8(isolation)
    if version >= 7:
        out.int32(session[0]).int32(session[1])

    def partition(w, item):
        w.int32(item[0])
        if version >= 9:
            w.int32(leader_epoch)
        w.int64(item[1])
        if version >= 12:
            w.int32(-1)
        if version >= 5:
            w.int64(-1)
        w.int32(partition_max_bytes).tags()

    def name_or_id(w, name):
        if version >= 13:
            w.raw(topic_id)
        else:
            w.string(name)

    def topic_data(w, name):
        name_or_id(w, name)
        w.array(list(partitions.items()), partition).tags()

    def forgotten_data(w, name):
        name_or_id(w, name)
        w.array(list(forgotten), lambda item, number: item.int32(number)).tags()

    out.array([topic] if partitions else [], topic_data)
    if version >= 7:
        out.array([topic] if forgotten else [], forgotten_data)
    if version >= 11:
        out.string(rack)
    return out.tags().done()


def decode_fetch(body, version):
    """{"error", "session", "partitions": {partition: {...}}} of the one topic that encode_fetch asks for."""
    read = Reader(body, flexible(FETCH, version))
    answer = {"error": 0, "session": 0, "partitions": {}}
    if version >= 1:
        answer["throttle_ms"] = read.int32()
    if version >= 7:
        answer["error"] = read.int16()
        answer["session"] = read.int32()

    def aborted(r):
        entry = (r.int64(), r.int64())
        r.tags()
        return entry

    def partition(r):
        number = r.int32()
        entry = {"error": r.int16(), "high_watermark": r.int64()}
        if version >= 4:
            entry["last_stable"] = r.int64()
        if version >= 5:
            entry["log_start"] = r.int64()
        if version >= 4:
            entry["aborted"] = r.array(aborted)
        if version >= 11:
            entry["preferred"] = r.int32()
        entry["records"] = r.bytes() or b""
        r.tags()
        answer["partitions"][number] = entry

    def topic(r):
        if version >= 13:
            r.raw(16)
        else:
            r.string()
        r.array(partition)
        r.tags()

    read.array(topic)
    read.tags()
    answer["left"] = read.left
    return answer


# --- ListOffsets ----------------------------------------------------------------------------------


def encode_list_offsets(version, topic, partitions):
    """partitions: {partition: timestamp}; -1 latest, -2 earliest, -3 of the largest timestamp (v7+)."""
    out = Writer(flexible(LIST_OFFSETS, version))
    out.int32(-1)
    if version >= 2:
        out.int8(0)

    def partition(w, item):
        w.int32(item[0])
        if version >= 4:
            w.int32(-1)
        w.int64(item[1])
        if version == 0:
            w.int32(1)
        w.tags()

    def topic_data(w, name):
        w.string(name).array(list(partitions.items()), partition).tags()

    return out.array([topic], topic_data).tags().done()


def decode_list_offsets(body, version):
    """{partition: {...}} of the one topic."""
    read = Reader(body, flexible(LIST_OFFSETS, version))
    found = {}
    if version >= 2:
        read.int32()

    def partition(r):
        number = r.int32()
        entry = {"error": r.int16()}
        if version == 0:
            entry["offsets"] = r.array(Reader.int64)
        else:
            entry["timestamp"] = r.int64()
            entry["offset"] = r.int64()
        if version >= 4:
            entry["epoch"] = r.int32()
        r.tags()
        found[number] = entry

    def topic(r):
        r.string()
        r.array(partition)
        r.tags()

    read.array(topic)
    read.tags()
    return found


# --- CreateTopics, DeleteTopics -------------------------------------------------------------------


def encode_create_topics(version, topics, timeout_ms=30000, validate_only=False):
    """topics: list of {"name", "partitions", "replication", "assignment": {p: [ids]}, "configs": {}}."""
    out = Writer(flexible(CREATE_TOPICS, version))

    def assignment(w, item):
        w.int32(item[0]).array(item[1], Writer.int32).tags()

    def config(w, item):
        w.string(item[0]).string(item[1]).tags()

    def topic(w, item):
        w.string(item["name"]).int32(item.get("partitions", 1)).int16(item.get("replication", 1))
        w.array(list(item.get("assignment", {}).items()), assignment)
        w.array(list(item.get("configs", {}).items()), config).tags()

    out.array(topics, topic).int32(timeout_ms)
    if version >= 1:
        out.bool(validate_only)
    return out.tags().done()


def decode_create_topics(body, version):
    read = Reader(body, flexible(CREATE_TOPICS, version))
    found = {}
    if version >= 2:
        read.int32()

    def config(r):
        entry = {"name": r.string(), "value": r.string(), "read_only": r.bool(), "source": r.int8()}
        entry["sensitive"] = r.bool()
        r.tags()
        return entry

    def topic(r):
        name = r.string()
        entry = {"id": r.raw(16) if version >= 7 else None, "error": r.int16()}
        entry["message"] = r.string() if version >= 1 else None
        if version >= 5:
            entry["partitions"] = r.int32()
            entry["replication"] = r.int16()
            entry["configs"] = r.array(config)
        r.tags()
        found[name] = entry

    read.array(topic)
    read.tags()
    return found


def encode_delete_topics(version, names, timeout_ms=30000):
    out = Writer(flexible(DELETE_TOPICS, version))
    if version >= 6:
        out.array(names, lambda w, name: w.string(name).raw(ZERO_UUID).tags())
    else:
        out.array(names, Writer.string)
    return out.int32(timeout_ms).tags().done()


def decode_delete_topics(body, version):
    """{name: error}"""
    read = Reader(body, flexible(DELETE_TOPICS, version))
    found = {}
    if version >= 1:
        read.int32()

    def topic(r):
        name = r.string()
        if version >= 6:
            r.raw(16)
        found[name] = r.int16()
        if version >= 5:
            r.string()
        r.tags()

    read.array(topic)
    read.tags()
    return found


# --- InitProducerId -------------------------------------------------------------------------------


def encode_init_producer_id(version, transactional_id=None, timeout_ms=60000):
    out = Writer(flexible(INIT_PRODUCER_ID, version))
    out.string(transactional_id).int32(timeout_ms)
    if version >= 3:
        out.int64(-1).int16(-1)
    return out.tags().done()


def decode_init_producer_id(body, version):
    read = Reader(body, flexible(INIT_PRODUCER_ID, version))
    read.int32()
    return {"error": read.int16(), "id": read.int64(), "epoch": read.int16()}
