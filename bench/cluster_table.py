"""The table of three brokers: each line of it, where its figure comes from, and what it must reach."""

from table import AT_LEAST, AT_MOST, Line

# The rows of LinkedIn's table: title, row, ending of its keys, most CPU of Kafka's, least records/s of Kafka's.
_LINKEDIN = (
    ("1 producer, no replication", "produce-plain", "", 1 / 4, 1),
    ("1 producer, 3 replicas, acks=1", "produce-acks-1", "", 1 / 4, 1),
    ("1 producer, 3 replicas, acks=all", "produce-acks-all", "", 1 / 4, 1.8),
    ("3 producers, 3 replicas, acks=1", "produce-three", "", 1 / 4, 1),
    ("producer and consumer at once", "mixed", "", 1 / 4, 1),
    ("1 consumer", "consume", "_1", 1 / 3, 1),
    ("3 consumers, everything each", "consume", "_3", 1 / 3, 1),
)

# title, row, most seconds
_GAPS = (
    ("leader gets SIGKILL", "kill", 1),
    ("leader and controller gets SIGKILL", "kill-controller", 1),
    ("leader gets SIGSTOP", "silent", 6),
    ("leader gets SIGTERM", "term", 0.15),
)


def cluster_lines(sizes):
    found = []
    for title, row, ending, cpu, _ in _LINKEDIN:
        found.append(Line(f"CPU per million records: {title}", row, "cpu_s" + ending, "s", ("kafka", AT_MOST, cpu)))
    for title, row, ending, _, rate in _LINKEDIN:
        found.append(Line(f"records/s: {title}", row, "records_per_s" + ending, "/s", ("kafka", AT_LEAST, rate)))
    return found + latency_lines(sizes) + gap_lines() + many_lines(sizes) + rejoin_lines(sizes)


def latency_lines(sizes):
    title = f"producer to consumer, {sizes.latency_rate} records/s, acks=all"
    return [
        Line(f"p50: {title}", "latency", "p50_us", "ms", ("kafka", AT_MOST, 1 / 2), scale=0.001),
        Line(f"p99: {title}", "latency", "p99_us", "ms", ("kafka", AT_MOST, 1 / 3), scale=0.001),
        Line(f"p99.9: {title}", "latency", "p999_us", "ms", scale=0.001),
        Line("acks/s: flush.messages=1 on 3 replicas, acks=all, 64 producers", "flush", "acks_per_s", "/s",
             ("kafka", AT_LEAST, 5)),
    ]  # fmt: skip


def gap_lines():
    return [Line(f"longest gap: {title}", row, "gap_s", "s", ("value", AT_MOST, most)) for title, row, most in _GAPS]


def many_lines(sizes):
    found = []
    for row, topics, takeover_s, target in (
        ("many", sizes.many_topics, 2, ("value", AT_MOST, 3)),
        ("most", sizes.most_topics, 4, None),
    ):
        count = topics * sizes.topic_partitions
        memory = [("value", AT_MOST, 150)] if row == "most" else []
        found += [
            Line(f"{count} partitions, rf 2: created", row, "created_s", "s", *([target] if target else [])),
            Line(f"{count} partitions, rf 2: controller killed until all are led", row, "takeover_s", "s",
                 ("value", AT_MOST, takeover_s)),
            Line(f"{count} partitions, rf 2: most anonymous memory of a broker", row, "anonymous_mb", "MB", *memory),
            Line(f"{count} partitions, rf 2: limit of open files", row, "descriptors", ""),
        ]  # fmt: skip
    return found


def rejoin_lines(sizes):
    title = f"follower with {sizes.rejoin_mb} MB to catch up"
    return [
        Line(f"{title}: in sync again", "rejoin", "rejoin_s", "s", ("kafka", AT_MOST, 1 / 2)),
        Line(f"{title}: p99 of producers meanwhile", "rejoin", "p99_us", "ms", ("kafka", AT_MOST, 1), scale=0.001),
    ]
