#!/usr/bin/env bash
# Fuzzes every target for the given time each. What a target finds is kept in its
# package's testdata/fuzz; commit it, and it is a test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sort | while IFS=: read -r file func; do
	target=${func#func }
	printf '\n== %s %s\n' "$(dirname "$file")" "$target"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "${1:-20s}" "$(dirname "$file")"
done
