#!/usr/bin/env bash
# Checks the text of the tree: C files against .clang-format, all text files against what .editorconfig
# promises (spaces, line ends, last line, line length of C). Changes nothing; `--fix` mends the C files.
set -u
cd "$(dirname "$0")/.." || exit 1
if ! git rev-parse --show-toplevel >/dev/null 2>&1; then
    echo "check-format: not a git checkout, nothing to list; skipped"
    exit 77
fi
status=0
complain() {
    echo "$1"
    status=1
}

mapfile -t c_files < <(git ls-files --cached --others --exclude-standard -- '*.c' '*.h' | grep -v '/generated/')
if ! command -v clang-format >/dev/null 2>&1; then
    echo "check-format: there is no clang-format (Debian package clang-format); C files are not checked"
    [ -n "${CI:-}" ] && status=1
elif [ ${#c_files[@]} -gt 0 ]; then
    if [ "${1:-}" = --fix ]; then
        clang-format -i "${c_files[@]}"
    else
        printf '%s\0' "${c_files[@]}" | xargs -0 -n 50 -P "$(nproc)" clang-format --dry-run -Werror ||
            complain "mend with: scripts/check-format.sh --fix"
    fi
fi

bad=$(git ls-files -z --cached --others --exclude-standard -- . ':!*/data/*' ':!*/vectors/*' ':!*/seeds/*' \
    ':!*/corpus/*' ':!*.patch' | python3 scripts/lib/check_text.py)
[ -z "$bad" ] || complain "$bad"
[ $status = 0 ] && echo "check-format: ${#c_files[@]} C files and the rest of the tree are in order"
exit $status
