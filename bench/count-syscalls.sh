#!/usr/bin/env bash
# System calls per Produce and per Fetch, counted with `strace -c -f` around some ten thousand requests to a
# running broker, and allocations per request, counted by malloc_count.so. Needs strace, ZooKeeper and a build
# tree in which `make bench` was run (BARNABAS_BUILD, default: build).
exec python3 -B "$(dirname "$0")/count_calls.py" "$@"
