#!/bin/sh
# Kafka's own classes read the record sets that we build. Skipped without a JDK or Kafka's jars
# (the set kafka-3.9.1 of scripts/fetch-test-jars.sh, or the folder $KAFKA_JARS).
set -eu
here=${top_srcdir:-.}/tests/wire/records
jars=${KAFKA_JARS:-${BARNABAS_TEST_CACHE:-$HOME/.cache/barnabas-test}/jars/kafka-3.9.1}
writer=tests/wire/records/write_records
if ! command -v javac >/dev/null || ! ls "$jars"/kafka-clients-*.jar >/dev/null 2>&1; then
  echo "no JDK, or no kafka-clients jar in $jars; see scripts/fetch-test-jars.sh"
  exit 77
fi
classes=$(mktemp -d)
trap 'rm -rf "$classes"' EXIT
"./$writer" "$classes/sets.txt"
javac -d "$classes" -cp "$jars/*" "$here/ReadRecords.java"
java -cp "$classes:$jars/*" ReadRecords <"$classes/sets.txt"
