#!/usr/bin/env bash
# Whether a broker says that it is well: 0 if http://HOST:PORT/healthz answers 200, else 1 and the reason.
# For health checks in an image that has no curl. The broker needs barnabas.metrics.listener.
#
#   barnabas-healthy HOST PORT [PATH]     PATH: /healthz (default) or /readyz
set -u
[ $# -ge 2 ] || { echo "usage: barnabas-healthy HOST PORT [PATH]" >&2; exit 2; }

answer=$(exec 3<>"/dev/tcp/$1/$2" && printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "${3:-/healthz}" "$1" >&3 &&
    timeout 5 cat <&3) || { echo "nobody answers at $1:$2"; exit 1; }
status=${answer%%$'\r\n'*}
printf '%s\n' "${answer##*$'\r\n\r\n'}"
case $status in "HTTP/1."?" 200 "*) exit 0 ;; *) exit 1 ;; esac
