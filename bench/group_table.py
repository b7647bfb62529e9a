"""The table of consumer groups: each line of it, where its figure comes from, and what it must reach."""

from table import AT_LEAST, AT_MOST, Line

# title, row, least requests/s of Kafka's
_REQUESTS = (
    ("OffsetCommit, 1 client", "commit-1", None),
    ("OffsetCommit, 16 clients", "commit-16", 3),
    ("Heartbeat, 1 client", "heartbeat-1", None),
    ("Heartbeat, 16 clients", "heartbeat-16", None),
)

_CONSUME = (
    ("a group of 1 consumer", "_1"),
    ("a group of 3 consumers", "_3"),
)


def group_lines(sizes):
    found = [Line(f"CPU: {title}", row, "cpu_us", "us", ("kafka", AT_MOST, 1 / 4)) for title, row, _ in _REQUESTS]
    for title, row, least in _REQUESTS:
        target = [("kafka", AT_LEAST, least)] if least else []
        found.append(Line(f"requests/s: {title}", row, "requests_per_s", "/s", *target))
    return found + many_lines(sizes) + load_lines(sizes) + consume_lines()


def many_lines(sizes):
    title = f"{sizes.members} members of a stable group join again"
    return [
        Line(f"{title}: median of {sizes.rebalances}", "rebalance", "median_ms", "ms", ("kafka", AT_MOST, 1 / 2)),
        Line(f"{title}: worst", "rebalance", "worst_ms", "ms"),
        Line(f"{title}: CPU", "rebalance", "cpu_ms", "ms"),
        Line(f"anonymous memory grown by {sizes.groups} groups of one member", "groups", "grown_mb", "MB",
             ("value", AT_MOST, 40)),
        Line(f"anonymous memory with {sizes.groups} groups of one member", "groups", "anonymous_mb", "MB"),
    ]  # fmt: skip


def load_lines(sizes):
    title = f"{sizes.loaded_groups} groups, {sizes.loaded_offsets} offsets"
    rate = ("value", AT_LEAST, 1_000_000)
    return [
        Line(f"{title}: coordinator killed until they are served", "load-failover", "serves_s", "s",
             ("value", AT_MOST, 1)),
        Line(f"{title}: records/s loaded by the next coordinator", "load-failover", "load_per_s", "/s", rate),
        Line(f"{title}: started until they are served", "load-restart", "serves_s", "s"),
        Line(f"{title}: records/s loaded by a broker that starts", "load-restart", "load_per_s", "/s", rate),
        Line(f"{title}: anonymous memory", "load-restart", "anonymous_mb", "MB"),
    ]  # fmt: skip


def consume_lines():
    found = []
    for title, ending in _CONSUME:
        limit = ("kafka", AT_MOST, 1 / 3)
        found.append(Line(f"CPU per million records: {title}", "consume-groups", "cpu_s" + ending, "s", limit))
    for title, ending in _CONSUME:
        limit = ("kafka", AT_LEAST, 1)
        found.append(Line(f"records/s: {title}", "consume-groups", "records_per_s" + ending, "/s", limit))
    return found
