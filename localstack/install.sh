#!/usr/bin/env bash
# Installs the programs that tests run against instead of AWS, unless they are there:
# DynamoDB Local, Amazon's own imitation of DynamoDB; moto, an imitation of most of AWS;
# and LocalStack's last community release, another one. Doing it twice does no harm. What
# cannot be installed is said, and the tests that need it are skipped.
#
#   localstack/install.sh            into ~/.cache/packhorse/peers
#   PACKHORSE_PEERS=DIR localstack/install.sh
#
# Package localstack/peers finds them there and starts them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source build/lib.sh

source localstack/lib.sh

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

# localstack_python prints a Python that LocalStack runs on: the newest that is called by
# its version, of the PATH or of pyenv, or python3.
localstack_python() {
	local python
	for python in python3.1{4,3,2} "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1{4,3,2}.*/bin/python3 python3; do
		if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
			echo "$python"
			return
		fi
	done
	return 1
}

# localstack_release prints the release for a Python, and the day of its dependencies:
# they are named without an upper bound, and those of later days do not fit (cbor2 6 has
# no cbor2._decoder, pyOpenSSL after 26.0 no X509.add_extensions). 4.14.0 and 2026.3.0
# are written in the syntax of Python 3.12.
localstack_release() {
	if "$1" -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then
		echo "$localstack_version 2026-03-28"
	else
		echo "$localstack_version_older 2026-02-06"
	fi
}

# localstack_venv installs what the services need that Packhorse calls: S3, SQS, SNS,
# EventBridge, SSM, EC2, IAM, Lambda, CloudFormation. The extra [runtime] has more, and
# takes twice the disk (516 MB, this is 232 MB).
localstack_venv() {
	local python=$1 version=$2 day=$3 pip="$peers/localstack/bin/pip"
	rm -rf "$peers/localstack"
	"$python" -m venv "$peers/localstack" &&
		bounded 120 "$pip" install -q --disable-pip-version-check --retries 2 -U 'pip>=26' && # --uploaded-prior-to
		bounded "$localstack_bound" "$pip" install -q --disable-pip-version-check --retries 2 --uploaded-prior-to "${day}T00:00:00Z" \
			"localstack-core[base-runtime]==$version" 'moto-ext[ec2]' airspeed-ext antlr4-python3-runtime==4.13.2 \
			jsonpath-ng==1.7.0 jsonpath-rw jinja2 responses crontab aws-sam-translator apispec &&
		echo "$version" >"$peers/localstack/installed" # whole
}

install_localstack() {
	local python release version day
	if [ "${PACKHORSE_LOCALSTACK:-}" = no ]; then
		echo "skipped: tests with LocalStack; PACKHORSE_LOCALSTACK=no"
		return
	fi
	if ! python=$(localstack_python); then
		echo "skipped: tests with LocalStack; there is no Python 3.10 or later"
		return
	fi
	release=$(localstack_release "$python")
	version=${release% *} day=${release#* }
	if [ "$(cat "$peers/localstack/installed" 2>/dev/null)" = "$version" ]; then
		echo "LocalStack $version: $peers/localstack"
		return
	fi
	echo "installing LocalStack $version (once; half a minute to four, 240 MB; PACKHORSE_LOCALSTACK=no leaves it out)"
	mkdir -p "$peers"
	if quietly localstack_venv "$python" "$version" "$day"; then
		echo "LocalStack $version: $peers/localstack"
	else
		rm -rf "$peers/localstack"
		echo "skipped: tests with LocalStack; $python and pip cannot install localstack-core==$version in $localstack_bound s"
	fi
}

install_dynamo
install_moto
install_localstack
