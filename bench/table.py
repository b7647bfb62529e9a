"""The table: each line of it, where its figure comes from, and what it must reach."""

import rows

# A target is (what is compared, relation, limit): of `floor` and `kafka` the ratio of ours to theirs, of
# `value` ours itself.
AT_MOST, AT_LEAST = "at most", "at least"


class Line:
    def __init__(self, title, row, key, unit, *targets, scale=1.0):
        self.title = title
        self.row = row
        self.key = key
        self.unit = unit
        self.targets = targets
        self.scale = scale


def lines(sizes):
    title = {name: spec[0] for name, spec in rows.loads(sizes).items()}
    found = []
    for name, key, unit, limit in (
        ("produce-1", "cpu_us", "us", 1.8),
        ("produce-16", "cpu_us", "us", 1.8),
        ("produce-80", "cpu_us", "us", 1.5),
        ("produce-40", "cpu_us", "us", 1.5),
        ("produce-big", "cpu_s_per_gb", "s/GB", 1.3),
        ("fetch", "cpu_s_per_gb", "s/GB", 1.2),
    ):
        found.append(Line(f"CPU: {title[name]}", name, key, unit, ("floor", AT_MOST, limit)))
    for name, limit in (
        ("produce-1", 4),
        ("produce-16", 4),
        ("produce-80", 1),
        ("produce-40", 1),
        ("produce-big", 1),
        ("fetch", 1),
    ):
        found.append(Line(f"requests/s: {title[name]}", name, "requests_per_s", "/s", ("kafka", AT_LEAST, limit)))
    for name in ("paced-2000", "paced-5000"):
        found.append(Line(f"CPU: {title[name]}", name, "cpu_us", "us"))
        for key, percent in (("p50_us", "p50"), ("p99_us", "p99"), ("p999_us", "p99.9")):
            target = [("kafka", AT_MOST, 0.5)] if name == "paced-5000" and percent != "p50" else []
            found.append(Line(f"{percent}: {title[name]}", name, key, "ms", *target, scale=0.001))
    found.append(Line(f"acks/s: {title['flush']}", "flush", "requests_per_s", "/s", ("kafka", AT_LEAST, 5)))
    return found + life_lines(sizes) + special_lines(sizes)


def life_lines(sizes):
    count = sizes.life_partitions
    anon = "anonymous memory"
    return [
        Line("start to first answer, empty", "life", "start_s", "s", ("value", AT_MOST, 0.1)),
        Line(f"start to first answer, {count} partitions", "life", "restart_s", "s", ("value", AT_MOST, 0.3)),
        Line(f"start until it leads all, {count} partitions", "life", "leads_s", "s"),
        Line(f"create a topic of {count} partitions: answered", "life", "create_s", "s", ("value", AT_MOST, 0.5)),
        Line(f"create a topic of {count} partitions: all led", "life", "created_s", "s"),
        Line(f"clean stop with {count} partitions", "life", "stop_s", "s"),
        Line(f"{anon}: idle", "life", "idle_anonymous_mb", "MB", ("value", AT_MOST, 15)),
        Line(f"{anon}: {count} partitions", "life", "thousand_anonymous_mb", "MB", ("value", AT_MOST, 40)),
        Line(f"{anon}: after the load above", "loaded", "anonymous_mb", "MB", ("value", AT_MOST, 60)),
        Line("resident memory: idle", "life", "idle_resident_mb", "MB"),
        Line("resident memory: after the load above", "loaded", "resident_mb", "MB"),
    ]


def special_lines(sizes):
    many = sizes.many_partitions
    ids = sizes.producer_ids
    return [
        Line("find by offset in 1 GB: CPU", "lookup", "small_offset_us", "us"),
        Line("find by offset in 100 GB: CPU", "lookup", "large_offset_us", "us"),
        Line("find by offset: 100 GB to 1 GB", "lookup", "offset_ratio", "", ("value", AT_MOST, 1.25)),
        Line("find by time in 1 GB: CPU", "lookup", "small_time_us", "us"),
        Line("find by time in 100 GB: CPU", "lookup", "large_time_us", "us"),
        Line("find by time: 100 GB to 1 GB", "lookup", "time_ratio", "", ("value", AT_MOST, 1.25)),
        Line(f"requests/s to 1 of {many} partitions", "many", "one_per_s", "/s"),
        Line(f"requests/s to {many} partitions in turn", "many", "turn_per_s", "/s"),
        Line("loss of requests/s by that", "many", "loss", "", ("kafka", AT_MOST, 0.5)),
        Line("CPU: 1 partition", "many", "one_cpu_us", "us"),
        Line(f"CPU: {many} partitions in turn", "many", "turn_cpu_us", "us"),
        Line(
            f"idle, {many} partitions, {sizes.idle_connections} connections: share of a core",
            "many",
            "idle_cpu",
            "%",
            ("value", AT_MOST, 0.5),
            scale=100,
        ),
        Line(f"anonymous memory with {ids} producer ids", "producer-ids", "anonymous_mb", "MB", ("kafka", AT_MOST, 1 / 3)),
        Line(f"anonymous memory grown by {ids} producer ids", "producer-ids", "grown_mb", "MB"),
        Line("p99 of paced producers, alone", "cold", "alone_p99_us", "ms", scale=0.001),
        Line("p99 of paced producers, beside a cold reader", "cold", "beside_p99_us", "ms", scale=0.001),
        Line("p99 of paced producers, an outside reader beside", "cold", "outside_p99_us", "ms", scale=0.001),
        Line("p99 raised by a cold reader: times", "cold", "raised", "", ("value", AT_MOST, 1.5)),
        Line("p99 raised by an outside reader: times", "cold", "machine_raised", ""),
        Line("p99 raised by a cold reader, beyond what the machine does: times", "cold", "raised_by_us", "",
             ("value", AT_MOST, 1.5)),
        Line(f"compact {sizes.compact_records * 1024 / 1e6:.0f} MB, 90 % superseded", "compact", "seconds", "s",
             ("kafka", AT_MOST, 1 / 3)),
        Line("CPU of that", "compact", "cpu_s", "s"),
        Line("peak anonymous memory meanwhile", "compact", "peak_anonymous_mb", "MB"),
    ]


def number(value):
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def ratio(ours, theirs):
    return ours / theirs if ours is not None and theirs else None


def judge(line, ours, kafka, floor):
    """(target in words, met or not in words)"""
    words, verdicts = [], []
    for against, relation, limit in line.targets:
        got = {"floor": ratio(ours, floor), "kafka": ratio(ours, kafka), "value": ours}[against]
        shown = f"{limit:.2g}" if against != "value" else f"{number(limit)} {line.unit}".strip()
        words.append(f"{relation} {shown}" + (f" x {against}" if against != "value" else ""))
        if got is None:
            verdicts.append("not measured")
        elif (got <= limit) if relation == AT_MOST else (got >= limit):
            verdicts.append("met")
        else:
            verdicts.append("**NOT MET**")
    return ", ".join(words), ", ".join(verdicts)


NAMES = {"ours": "ours", "kafka": "Kafka", "floor": "floor"}


def build_table(table_lines, medians, kinds):
    """The head of the table and its rows; kinds: the systems that are compared, ours first."""
    others = kinds[1:]
    head = ["row", *(NAMES[kind] for kind in (*others[:1], kinds[0], *others[1:]))]
    head += [f"ours / {NAMES[kind]}" for kind in others] + ["target", ""]
    table = []
    for line in table_lines:
        values = {}
        for kind in kinds:
            value = medians.get((line.row, kind), {}).get(line.key)
            values[kind] = value * line.scale if value is not None else None
        if all(value is None for value in values.values()):
            continue
        ours = values["ours"]
        target, met = judge(line, ours, values.get("kafka"), values.get("floor"))
        cells = [f"{line.title} ({line.unit})" if line.unit not in ("", "/s") else line.title]
        cells += [number(values[kind]) for kind in (*others[:1], kinds[0], *others[1:])]
        cells += [number(ratio(ours, values[kind])) for kind in others]
        table.append([*cells, target, met])
    return head, table


def format_table(head, table):
    widths = [max(len(row[i]) for row in [head, *table]) for i in range(len(head))]

    def one(cells):
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths)) + " |\n"

    return one(head) + "|" + "|".join("-" * (width + 2) for width in widths) + "|\n" + "".join(map(one, table))
