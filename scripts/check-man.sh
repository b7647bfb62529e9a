#!/bin/sh
# The man page of barnabas lists the commands that the program has, and `make install` their names as Kafka's
# tools. Runs in the build directory.
set -eu
top=${top_srcdir:-.}
[ -x ./barnabas ] || { echo "barnabas is not built here: run make first"; exit 77; }
status=0
commands=$(./barnabas help | sed -n 's/^  \([a-z][a-z-]*\)  *[^ (][^(]*\((\(kafka-[a-z-]*\))\)*$/\1 \3/p')
[ -n "$commands" ] || { echo "barnabas help lists no commands"; exit 1; }
while read -r command tool; do
    escaped=$(printf %s "$command" | sed 's/-/\\\\-/g')
    grep -q "^\.B $escaped\$" "$top/man/barnabas.1.in" || {
        echo "man/barnabas.1.in does not tell of the command $command"
        status=1
    }
    [ -z "$tool" ] || tr -s ' \\' '\n' <"$top/src/cli/local.mk" | grep -qx "$tool" || {
        echo "kafka_tools in src/cli/local.mk lacks $tool"
        status=1
    }
done <<END
$commands
END
exit $status
