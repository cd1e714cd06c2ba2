#!/usr/bin/env bash
# Builds and zips the Lambda functions into dist/functions/NAME-ARCH.zip, where
# `packhorse deploy` finds them, and prints their sizes.
#
#   build/functions.sh                     all, for arm64 and x86_64
#   build/functions.sh api pass            some
#   ARCHS=arm64 build/functions.sh         for one architecture
#
# The same source gives the same zips: no paths, no build id, no times are in them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source build/lib.sh

out=dist/functions
# most is how large a zip may be, in bytes: what a function links delays its cold start.
most=$((20 * 1024 * 1024))

names=("$@")
[ ${#names[@]} -gt 0 ] || names=(api pass events sweep s3trigger)
read -ra archs <<<"${ARCHS:-arm64 x86_64}"

# goarch is Go's name of what Lambda calls an architecture.
goarch() {
	case $1 in
	arm64) echo arm64 ;;
	x86_64) echo amd64 ;;
	*)
		echo "ARCHS has $1: it may have arm64 and x86_64" >&2
		return 1
		;;
	esac
}

say "functions"
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/zip" ./infra/zip

status=0
for arch in "${archs[@]}"; do
	goarch=$(goarch "$arch")
	for name in "${names[@]}"; do
		binary="$work/$name-$arch"
		# Without lambda.norpc the library would link net/rpc for a runtime that is gone;
		# without cgo the binary runs on any Linux.
		GOOS=linux GOARCH="$goarch" CGO_ENABLED=0 go build -tags lambda.norpc -trimpath -buildvcs=false \
			-ldflags='-s -w -buildid=' -o "$binary" "./functions/$name"
		"$work/zip" "$binary" "$out/$name-$arch.zip"
		size=$(wc -c <"$out/$name-$arch.zip")
		printf '%-24s %6.1f MB zipped, %6.1f MB\n' "$name-$arch.zip" \
			"$(awk "BEGIN { print $size / 1048576 }")" "$(awk "BEGIN { print $(wc -c <"$binary") / 1048576 }")"
		if [ "$size" -gt "$most" ]; then
			echo "$name-$arch.zip is larger than $((most / 1048576)) MB: see what it links with go tool nm -size" >&2
			status=1
		fi
	done
done
exit $status
