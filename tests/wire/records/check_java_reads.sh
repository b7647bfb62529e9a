#!/bin/sh
# Kafka's own classes read the record sets that we build. Skipped without a JDK or Kafka's jars
# (KAFKA_JARS, default /opt/kafka-jars).
set -eu
here=${top_srcdir:-.}/tests/wire/records
jars=${KAFKA_JARS:-/opt/kafka-jars}
writer=tests/wire/records/write_records
if ! command -v javac >/dev/null || ! ls "$jars"/kafka-clients-*.jar >/dev/null 2>&1; then
  echo "no JDK, or no kafka-clients jar in $jars"
  exit 77
fi
classes=$(mktemp -d)
trap 'rm -rf "$classes"' EXIT
"./$writer" "$classes/sets.txt"
javac -d "$classes" -cp "$jars/*" "$here/ReadRecords.java"
java -cp "$classes:$jars/*" ReadRecords <"$classes/sets.txt"
