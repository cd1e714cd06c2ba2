# shellcheck shell=bash
# What the scripts of this folder share: where tools are kept, and how they are built.
# Tools are Go modules at fixed versions; their modules stay out of go.mod.

golangci_lint=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
govulncheck=golang.org/x/vuln/cmd/govulncheck@v1.9.0
gotestsum=gotest.tools/gotestsum@v1.13.0

# cache holds what is worth keeping between runs and clones.
cache="${XDG_CACHE_HOME:-$HOME/.cache}/packhorse"

say() { printf '\n== %s\n' "$*"; }

has() { command -v "$1" >/dev/null 2>&1; }

# bounded runs a command for so many seconds at most; where there is no timeout
# command (macOS), without a bound.
bounded() {
	local seconds=$1
	shift
	if has timeout; then timeout "$seconds" "$@"; else "$@"; fi
}

# tool prints the path of a tool such as $gotestsum, which it builds the first time.
# A linter knows only the Go it was built with, hence one folder for each Go.
tool() {
	local package=${1%@*} version=${1##*@} go dir path
	go=$(go env GOVERSION)
	dir="$cache/tools/$go/$version"
	path="$dir/$(basename "$package")"
	if [ ! -x "$path" ]; then
		echo "building $(basename "$package") $version (once; golangci-lint takes minutes)" >&2
		mkdir -p "$dir"
		GOBIN="$dir" GOFLAGS="" go install "$package@$version" >&2 || return
	fi
	echo "$path"
}

# debian_install installs Debian packages where that can be done: as root, with apt.
# The rest of its output is worth reading only when it fails.
debian_install() {
	local log status=0
	[ "$(id -u)" = 0 ] && has apt-get || return 1
	log=$(mktemp)
	{ apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends "$@"; } \
		>"$log" 2>&1 </dev/null || status=1
	[ $status = 0 ] || { echo "apt-get install $* failed:"; tail -5 "$log"; } >&2
	rm -f "$log"
	return $status
}
