#!/usr/bin/env bash
# Looks for mistakes without running the program. Every check runs, whatever the
# others found; the end lists how each went.
#
#   build/check.sh                 all checks
#   build/check.sh lint [ARGS]     only golangci-lint, with ARGS instead of ./...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source build/lib.sh

failed=0
results=()

# check runs a function and notes how it went: 0 is fine, 77 means that it was
# skipped for the reason in $reason.
check() {
	local name=$1 status=0
	shift
	say "$name"
	reason=""
	"$@" || status=$?
	case $status in
	0) results+=("ok       $name") ;;
	77) results+=("skipped  $name: $reason") ;;
	*)
		results+=("FAILED   $name")
		failed=1
		;;
	esac
}

formatted() {
	local files
	files=$(gofmt -l .) || return
	[ -z "$files" ] || { echo "$files"; echo "format them: make fmt"; return 1; }
}

vetted() { go vet ./...; }

linted() {
	local program
	program=$(tool "$golangci_lint") || return 1
	"$program" run "${@:-./...}"
}

# directed holds the directions of imports over everything that a package links.
directed() { go test -count=1 ./internal/archtest; }

# elsewhere compiles for a laptop of another kind than the one this runs on.
elsewhere() { GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 go build -o /dev/null ./cmd/packhorse; }

# free_of_holes looks for known vulnerabilities in what is called. Their list is
# fetched from the internet; without it there is nothing to compare with.
free_of_holes() {
	local program out status=0
	program=$(tool "$govulncheck") || return 1
	out=$(bounded 300 "$program" ./... 2>&1) || status=$?
	echo "$out"
	case $status in
	0) return 0 ;;
	3) return 1 ;; # govulncheck's code for: something was found
	124) reason="no answer within 5 minutes" ;;
	*) reason="no list to compare with: $(tail -1 <<<"$out")" ;;
	esac
	return 77
}

tidy() { go mod tidy -diff || { echo "tidy it: go mod tidy"; return 1; }; }

if [ "${1:-}" = lint ]; then
	shift
	linted "$@"
	exit
fi

check "gofmt" formatted
check "go vet" vetted
check "golangci-lint" linted
check "import directions" directed
check "build for macOS" elsewhere
check "govulncheck" free_of_holes
check "go mod tidy" tidy

say "checks"
printf '%s\n' "${results[@]}"
exit $failed
