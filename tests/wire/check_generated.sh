#!/bin/sh
# The committed tables, structs and protocol page are those of the schema.
test "${PYTHON:-:}" != : || exit 77
exec "$PYTHON" -B "${top_srcdir:-.}/src/wire/gen_wire.py" --check
