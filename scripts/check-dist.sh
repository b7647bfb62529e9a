#!/usr/bin/env bash
# Every file under version control is in a release, but for those that serve only the repository itself.
#
#   scripts/check-dist.sh BUILD    BUILD: a configured build folder
set -u
cd "$(dirname "$0")/.." || exit 1
build=$(cd "$OLDPWD" && cd "${1:?usage: check-dist.sh BUILD}" && pwd) || exit 1
if ! git rev-parse --show-toplevel >/dev/null 2>&1; then
    echo "check-dist: not a git checkout, nothing to compare with; skipped"
    exit 77
fi
log=$(mktemp)
release=$(mktemp -d)
trap 'chmod -R u+w "$release"; rm -rf "$release" "$log"' EXIT
if ! make -C "$build" distdir distdir="$release/tree" >"$log" 2>&1; then
    tail -n 20 "$log"
    exit 1
fi
lacking=$(comm -23 <(git ls-files | grep -vE '^(\.ci/|\.gitignore$)' | LC_ALL=C sort) \
    <(cd "$release/tree" && find . -type f | sed 's,^\./,,' | LC_ALL=C sort))
if [ -n "$lacking" ]; then
    echo "a release would lack these (name them in EXTRA_DIST or a SOURCES of a local.mk):"
    printf '    %s\n' $lacking
    exit 1
fi
echo "check-dist: a release has every file"
