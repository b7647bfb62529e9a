"""Kafka's DumpLogSegments and ours over the same files."""

import glob
import os
import subprocess

from . import environment, sanitizers

_KINDS = (".log", ".index", ".timeindex", ".txnindex", ".snapshot")


def segment_files(broker):
    """All files of all partitions that a dump tool reads, in order."""
    found = []
    for folder in broker.log_dirs:
        for partition in sorted(glob.glob(os.path.join(folder, "*-*/"))):
            names = [name for name in sorted(os.listdir(partition)) if name.endswith(_KINDS)]
            found += [os.path.join(partition, name) for name in names]
    return found


def _run(argv, deadline_s=120):
    done = subprocess.run(argv, capture_output=True, timeout=deadline_s, check=False,
                          env={**os.environ, **sanitizers.settings()})  # fmt: skip
    out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    assert done.returncode == 0, f"{argv[0]} ended with {done.returncode}: {err[-2000:]}"
    return out.splitlines(), [line for line in err.splitlines() if "log4j" not in line and "SLF4J" not in line]


def kafkas(files, *flags):
    """Lines of standard output and of standard error."""
    return _run(
        [environment.java(), "-XX:TieredStopAtLevel=1", "-cp", environment.jars("kafka-3.9.1"),
         "kafka.tools.DumpLogSegments", *flags, "--files", ",".join(files)]
    )  # fmt: skip


def ours(files, *flags):
    return _run([environment.barnabas_tool(), "dump-log", *flags, "--files", ",".join(files)])
