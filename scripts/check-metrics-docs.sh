#!/bin/sh
# docs/monitoring.md is what the table of metrics says.
# Runs in the build directory. To bring it up to date: make update-metrics-docs
set -eu
top=${top_srcdir:-.}
docs=src/metrics/metrics_docs
[ -x "$docs" ] || { echo "$docs is not built here: run make first"; exit 77; }
fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
"$docs" >"$fresh"
if ! diff -u "$top/docs/monitoring.md" "$fresh"; then
    echo "docs/monitoring.md is not what the table says: run 'make update-metrics-docs' in the build directory"
    exit 1
fi
