#!/usr/bin/env bash
# Runs all tests, and at the end lists those that were skipped, with the reason.
#
#   build/test.sh            everything: under the race detector what is concurrent,
#                            then all packages at full speed
#   build/test.sh race       only the former
#
# Nothing is taken from Go's test cache: whether a test runs depends on what this
# machine has, which the cache does not know.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source build/lib.sh
source build/engine.sh
source build/clients.sh

# timeout is for one package; on two busy cores the slowest takes a tenth of it.
timeout=20m

# concurrent are the packages where goroutines or processes share something. The
# others only decide.
concurrent=(./api ./compute/... ./control/... ./engine/... ./internal/cli/... ./internal/home ./internal/laptop
	./internal/wire ./lifecycle/... ./logs/... ./store/...)

race_pass() {
	say "tests under the race detector"
	if [ "$(go env CGO_ENABLED)" != 1 ]; then
		echo "skipped: the race detector needs a C compiler"
		return
	fi
	echo "(only what is not long; all of it runs in the full pass, which lists what was skipped)"
	"$runner" --format pkgname --format-hide-empty-pkg --hide-summary skipped -- -race -short -count=1 -timeout $timeout "${concurrent[@]}"
}

full_pass() {
	say "all tests"
	"$runner" --format pkgname --format-hide-empty-pkg -- -count=1 -timeout $timeout ./...
}

trap engine_stop EXIT
trap 'exit 130' INT TERM

say "what the tests need"
go version
runner=$(tool "$gotestsum")
engine_prepare
clients_prepare
localstack/install.sh || echo "skipped: tests with DynamoDB Local and moto; localstack/install.sh failed"

status=0
race_pass || status=$?
[ "${1:-}" = race ] || full_pass || status=$?
exit $status
