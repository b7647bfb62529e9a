#!/usr/bin/env bash
# Fetches what the members of consumer groups in tests/clients need beside Java and Python: kafkajs with npm, and the
# Go modules of franz-go and sarama. Versions stand in tests/clients/node/package.json and tests/clients/go/go.mod.
#
#   ${BARNABAS_TEST_CACHE:-~/.cache/barnabas-test}/node/node_modules
#   ${BARNABAS_TEST_CACHE:-~/.cache/barnabas-test}/go/mod
#
#   scripts/fetch-test-clients.sh            both
#   scripts/fetch-test-clients.sh node|go    one of them
#
# What is there already costs nothing. Exit status 1 says that something could not be had; the tests that need it
# then skip and say so.
set -u
clients=$(cd "$(dirname "$0")/../tests/clients" && pwd)
cache=${BARNABAS_TEST_CACHE:-$HOME/.cache/barnabas-test}
seconds=${BARNABAS_FETCH_SECONDS:-300}
status=0

# fetch NAME PROGRAM PACKAGE FILE...: unless the files are those of the last time, into a new folder, which then takes
# its place. get_NAME fills the folder and says what goes wrong.
fetch() {
    local name=$1 program=$2 package=$3 wanted work
    shift 3
    wanted=$(cat "$@")
    [ "$(cat "$cache/$name/complete" 2>/dev/null)" != "$wanted" ] || return 0
    if ! command -v "$program" >/dev/null 2>&1; then
        echo "cannot fetch what tests/clients/$name needs: there is no $program (Debian package $package)" >&2
        return 1
    fi
    echo "fetching what tests/clients/$name needs"
    mkdir -p "$cache" || return 1
    work=$(mktemp -d "$cache/.fetching.XXXXXX") || return 1
    if "get_$name" "$work" "$@" </dev/null >"$work/log" 2>&1; then
        rm -f "$work/log"
        printf '%s' "$wanted" >"$work/complete"
        rm -rf "${cache:?}/$name"
        mv "$work" "$cache/$name" && return 0
    else
        tail -n 3 "$work/log" >&2
    fi
    rm -rf "$work"
    echo "could not fetch what tests/clients/$name needs; the tests that need it will be skipped" >&2
    return 1
}

get_node() { # folder, package.json, package-lock.json
    cp "$2" "$3" "$1" && cd "$1" && timeout "$seconds" npm ci --ignore-scripts --no-audit --no-fund
}

get_go() { # folder
    cd "$clients/go" && GOMODCACHE=$1/mod GOFLAGS=-modcacherw GOTOOLCHAIN=local timeout "$seconds" go mod download
}

[ $# -gt 0 ] || set -- node go
for one in "$@"; do
    case $one in
    node) (fetch node npm npm "$clients/node/package.json" "$clients/node/package-lock.json") || status=1 ;;
    go) (fetch go go golang-go "$clients/go/go.mod" "$clients/go/go.sum") || status=1 ;;
    *)
        echo "there is nothing called $one; there are node and go" >&2
        status=1
        ;;
    esac
done
exit $status
