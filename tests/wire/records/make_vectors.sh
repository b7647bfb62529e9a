#!/bin/sh
# Makes vectors.txt.gz anew with Kafka's classes (needs a JDK 11 or later and Kafka 3.9's jars).
#   tests/wire/records/make_vectors.sh JARS [OUTPUT]    JARS: see scripts/fetch-test-jars.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
jars=${1:?usage: make_vectors.sh JARS [OUTPUT]}
output=${2:-$here/vectors.txt.gz}
classes=$(mktemp -d)
trap 'rm -rf "$classes"' EXIT
javac -d "$classes" -cp "$jars/*" "$here/RecordVectors.java"
java -cp "$classes:$jars/*" RecordVectors "$output"
