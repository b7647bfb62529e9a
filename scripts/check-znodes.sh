#!/bin/sh
# The committed table of the znodes and docs/zookeeper.md are those of zk-schema/.
test "${PYTHON:-:}" != : || exit 77
exec "$PYTHON" -B "${top_srcdir:-.}/src/zk/gen_znodes.py" --check
