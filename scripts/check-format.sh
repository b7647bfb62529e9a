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
        clang-format --dry-run -Werror "${c_files[@]}" || complain "mend with: scripts/check-format.sh --fix"
    fi
    long=$(awk 'length($0) > 110 { printf "%s:%d: %d characters, the limit is 110\n", FILENAME, FNR, length($0) }' \
        "${c_files[@]}")
    [ -z "$long" ] || complain "$long"
fi

while IFS= read -r -d '' file; do
    [ -f "$file" ] || continue
    grep -Iq . "$file" || continue # binary or empty
    [ -z "$(tail -c 1 "$file")" ] || complain "$file: no newline at its end"
    bad=$(grep -nE $'[ \t]+$' "$file" | head -n 3 | cut -d: -f1 | tr '\n' ' ')
    [ -z "$bad" ] || complain "$file: blanks at the end of line $bad"
    ! grep -q $'\r' "$file" || complain "$file: carriage returns"
    case $file in
    *.c | *.h | *.def | *.py | *.sh | *.java)
        bad=$(grep -n $'\t' "$file" | head -n 3 | cut -d: -f1 | tr '\n' ' ')
        [ -z "$bad" ] || complain "$file: tabs in line $bad"
        ;;
    esac
done < <(git ls-files -z --cached --others --exclude-standard -- . ':!*/data/*' ':!*/vectors/*' ':!*/seeds/*' \
    ':!*/corpus/*' ':!*.patch')
[ $status = 0 ] && echo "check-format: ${#c_files[@]} C files and the rest of the tree are in order"
exit $status
