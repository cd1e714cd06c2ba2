# shellcheck shell=bash
# shellcheck disable=SC2034 # they are read by the scripts
# What the scripts of this folder share: where the programs are that stand in for AWS,
# and which. Package localstack/peers knows the same places.

# shellcheck disable=SC2154 # cache is of build/lib.sh
peers=${PACKHORSE_PEERS:-$cache/peers}

# DynamoDB Local is a Java program that Amazon publishes on Maven Central.
dynamo_version=2.5.4

moto_version=5.2.1

# LocalStack's open edition ended with 2026.3.0; later releases ask for an account. 4.13.1
# is the last that Python 3.10 and 3.11 can read.
localstack_version=2026.3.0
localstack_version_older=4.13.1
# localstack_bound is how many seconds its installation may take.
localstack_bound=300

# run holds a pid file and a log for each program that up.sh has started.
run=$peers/run

# The programs and their ports. The defaults are those that each program has by itself.
programs=(dynamodb moto localstack)
DYNAMODB_PORT=${DYNAMODB_PORT:-8000}
MOTO_PORT=${MOTO_PORT:-5000}
LOCALSTACK_PORT=${LOCALSTACK_PORT:-4566}

title() {
	case $1 in
	dynamodb) echo "DynamoDB Local" ;;
	moto) echo "moto" ;;
	localstack) echo "LocalStack" ;;
	esac
}

# what_runs prints the command line of a process, nothing if there is none.
what_runs() { ps -o args= -p "$1" 2>/dev/null || true; }

# pid_of prints the process that up.sh started for a program, if it runs still. A number
# may be another process's by now, so the command line must be the one of the start.
pid_of() {
	local pid started
	[ -f "$run/$1.pid" ] || return 0
	{ read -r pid && read -r started; } <"$run/$1.pid" || return 0
	[ -z "$started" ] || [ "$(what_runs "$pid")" != "$started" ] || echo "$pid"
}

# port_of prints where that process listens.
port_of() { sed -n 3p "$run/$1.pid"; }
