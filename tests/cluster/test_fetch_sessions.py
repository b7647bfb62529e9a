"""Incremental fetch sessions (KIP-227), by hand on one connection."""

from harness import records, requests

NOT_FOUND = 70
WRONG_EPOCH = 71
WRONG_KIND = 106


def ask(client, topic, session, partitions=None, version=12, **more):
    body = requests.encode_fetch(version, topic, partitions or {}, max_wait_ms=0, session=session, **more)
    return requests.decode_fetch(client.ask(requests.FETCH, version, body), version)


def test_a_session_tells_what_is_new_and_nothing_else(broker, topic):
    with broker.connect() as client:
        first = ask(client, topic, (0, 0), {0: 0})
        assert first["error"] == 0 and first["session"] > 0
        assert list(first["partitions"]) == [0]
        second = ask(client, topic, (first["session"], 1))
        assert (second["error"], second["session"], second["partitions"]) == (0, first["session"], {})
        client.produce(topic, records.batch([(b"k", b"v")]))
        third = ask(client, topic, (first["session"], 2))
        assert [r["value"] for r in records.read(third["partitions"][0]["records"])] == [b"v"]
        fourth = ask(client, topic, (first["session"], 3), {0: 1})
        assert fourth["partitions"] == {}


def test_a_full_fetch_without_partitions_makes_a_session_too(broker, topic):
    with broker.connect() as client:
        made = ask(client, topic, (0, 0))
        assert made["error"] == 0 and made["session"] > 0 and made["partitions"] == {}
        filled = ask(client, topic, (made["session"], 1), {0: 0})
        assert (filled["error"], filled["session"], list(filled["partitions"])) == (0, made["session"], [0])


def test_a_session_that_holds_nothing_ends_with_its_next_use(broker, topic):
    with broker.connect() as client:
        made = ask(client, topic, (0, 0))
        used = ask(client, topic, (made["session"], 1))
        assert (used["error"], used["session"]) == (0, 0)
        assert ask(client, topic, (made["session"], 2))["error"] == NOT_FOUND


def test_forgetting_the_last_partition_ends_the_session(broker, topic):
    with broker.connect() as client:
        made = ask(client, topic, (0, 0), {0: 0})
        used = ask(client, topic, (made["session"], 1), forgotten=[0])
        assert (used["error"], used["session"], used["partitions"]) == (0, 0, {})
        assert ask(client, topic, (made["session"], 2), {0: 0})["error"] == NOT_FOUND


def test_a_partition_that_is_asked_for_and_forgotten_at_once_is_forgotten(broker, topic):
    with broker.connect() as client:
        made = ask(client, topic, (0, 0), {0: 0})
        used = ask(client, topic, (made["session"], 1), {0: 0}, forgotten=[0])
        assert (used["error"], used["session"]) == (0, 0)


def test_another_epoch_than_the_next_is_refused_and_the_session_stays(broker, topic):
    with broker.connect() as client:
        made = ask(client, topic, (0, 0), {0: 0})
        for epoch in (2, 7, 2147483647):
            assert ask(client, topic, (made["session"], epoch))["error"] == WRONG_EPOCH
        assert ask(client, topic, (made["session"], 1))["error"] == 0
        assert ask(client, topic, (made["session"], 1))["error"] == WRONG_EPOCH


def test_a_closed_or_replaced_session_is_not_found(broker, topic):
    with broker.connect() as client:
        made = ask(client, topic, (0, 0), {0: 0})
        closed = ask(client, topic, (made["session"], -1), {0: 0})
        assert (closed["error"], closed["session"], list(closed["partitions"])) == (0, 0, [0])
        assert ask(client, topic, (made["session"], 1))["error"] == NOT_FOUND
        made = ask(client, topic, (0, 0), {0: 0})
        again = ask(client, topic, (made["session"], 0), {0: 0})
        assert again["session"] not in (0, made["session"])
        assert ask(client, topic, (made["session"], 1))["error"] == NOT_FOUND


def test_a_session_of_names_is_not_used_with_ids(broker, topic):
    with broker.connect() as client:
        client.produce(topic, records.batch([(b"k", b"v")]))
        (described,) = client.metadata([topic], version=12)["topics"]
        ids = dict(version=13, topic_id=described["id"])
        made = ask(client, topic, (0, 0), {0: 0})
        assert ask(client, topic, (made["session"], 1), **ids)["error"] == WRONG_KIND
        assert ask(client, topic, (made["session"], 1))["error"] == 0
        made = ask(client, topic, (0, 0), {0: 0}, **ids)
        assert made["session"] > 0
        assert ask(client, topic, (made["session"], 1))["error"] == WRONG_KIND


def test_an_error_is_told_each_time(broker, topic):
    with broker.connect() as client:
        made = ask(client, topic, (0, 0), {0: 0, 77: 0})
        assert made["partitions"][77]["error"] == 3
        used = ask(client, topic, (made["session"], 1))
        assert {number: part["error"] for number, part in used["partitions"].items()} == {77: 3}
