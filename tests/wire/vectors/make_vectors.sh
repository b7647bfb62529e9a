#!/bin/sh
# Makes vectors.txt anew: every message of the schema in every version, encoded by Kafka's own classes.
#
#   tests/wire/vectors/make_vectors.sh JARS    JARS: a folder with Kafka 3.9's jars (scripts/fetch-test-jars.sh)
#
# Needs a JDK. The same jars give the same file.
set -eu
jars=${1:?usage: make_vectors.sh JARS}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
javac -cp "$jars/*" -d "$work" "$here/MakeVectors.java"
awk '$1 == "api" { print $2 "Request"; print $2 "Response" } $1 == "message" { print $2 }' \
    "$here"/../../../src/wire/schema/*.schema | LC_ALL=C sort >"$work/names"
java -Dfile.encoding=UTF-8 -cp "$work:$jars/*" MakeVectors <"$work/names" >"$work/vectors"
mv "$work/vectors" "$here/vectors.txt"
