#!/bin/sh
# conf/server.properties and docs/configuration.md are what the tables of settings say.
# Runs in the build directory. To bring them up to date: make update-config-docs
set -eu
top=${top_srcdir:-.}
docs=src/config/config_docs
[ -x "$docs" ] || { echo "$docs is not built here: run make first"; exit 77; }
fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
status=0
compare() {
    "$docs" "$1" >"$fresh"
    if ! diff -u "$top/$2" "$fresh"; then
        echo "$2 is not what the tables say: run 'make update-config-docs' in the build directory"
        status=1
    fi
}
compare sample conf/server.properties
compare markdown docs/configuration.md
exit $status
