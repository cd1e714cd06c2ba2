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

# DynamoDB Local is a Java program that Amazon publishes on Maven Central.
dynamo_version=2.5.4

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

dynamo_fetch() {
	cat >"$1/pom.xml" <<-POM
		<project>
		  <modelVersion>4.0.0</modelVersion>
		  <groupId>packhorse</groupId><artifactId>peers</artifactId><version>1</version><packaging>pom</packaging>
		  <dependencies><dependency>
		    <groupId>com.amazonaws</groupId><artifactId>DynamoDBLocal</artifactId><version>$dynamo_version</version>
		  </dependency></dependencies>
		</project>
	POM
	mvn -q -B -f "$1/pom.xml" dependency:copy-dependencies -DoutputDirectory="$1/lib" &&
		[ -f "$1/lib/DynamoDBLocal-$dynamo_version.jar" ]
}

install_dynamo() {
	local home="$peers/dynamodb-local-$dynamo_version" work
	if ! has java && ! debian_install default-jre-headless; then
		echo "skipped: tests with DynamoDB Local; there is no java (Debian: default-jre-headless)"
		return
	fi
	if [ -f "$home/lib/DynamoDBLocal-$dynamo_version.jar" ]; then
		echo "DynamoDB Local $dynamo_version: $home"
		return
	fi
	if ! has mvn && ! debian_install maven; then
		echo "skipped: tests with DynamoDB Local; there is no mvn to fetch it with (Debian: maven)"
		return
	fi
	mkdir -p "$peers"
	work=$(mktemp -d "$peers/fetch.XXXXXX")
	if quietly dynamo_fetch "$work"; then
		rm -rf "$home"
		mv "$work" "$home" # whole or not at all
		echo "DynamoDB Local $dynamo_version: $home"
	else
		rm -rf "$work"
		echo "skipped: tests with DynamoDB Local; mvn cannot fetch com.amazonaws:DynamoDBLocal:$dynamo_version"
	fi
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
