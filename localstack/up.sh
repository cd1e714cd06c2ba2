#!/usr/bin/env bash
# Starts what stands in for AWS on this machine, each in the background: DynamoDB Local,
# moto and LocalStack. Then it makes what the first steps need (seed.py) and prints what
# to type. Called again, it says what runs. down.sh stops it all.
#
#   localstack/up.sh                     all of them
#   localstack/up.sh moto dynamodb       some
#   MOTO_PORT=5001 localstack/up.sh      also DYNAMODB_PORT, LOCALSTACK_PORT
#
# They listen on 127.0.0.1 and forget everything when they stop.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source build/lib.sh
source localstack/lib.sh

# start_bound is how many seconds a program may take until it answers; an idle machine
# takes two.
start_bound=90

# answers tells whether something speaks HTTP at a port.
answers() {
	local line
	{ exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
	printf 'GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3
	read -r -t 5 line <&3 || line=""
	exec 3>&- 3<&-
	[[ $line == HTTP/* ]]
}

# taken tells whether something listens at a port.
taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The commands, as package peers has them. Each becomes the program, so that $! is its
# process.
exec_dynamodb() {
	local lib="$peers/dynamodb-local-$dynamo_version/lib"
	cd "$lib"
	exec java -Xmx512m -Djava.library.path="$lib" -cp "$lib/*" com.amazonaws.services.dynamodbv2.local.main.ServerRunner \
		-inMemory -sharedDb -disableTelemetry -port "$1"
}

exec_moto() { exec "$(dirname "$(moto_program)")/python3" localstack/moto/server.py -H 127.0.0.1 -p "$1"; }

moto_program() {
	if [ -x "$peers/moto/bin/moto_server" ]; then echo "$peers/moto/bin/moto_server"; else command -v moto_server; fi
}

exec_localstack() {
	export GATEWAY_LISTEN=127.0.0.1:$1 FILESYSTEM_ROOT="$run/localstack" XDG_CACHE_HOME="$peers/localstack/cache"
	export SERVICES=s3,sqs,sns,events,ssm,ec2,iam,sts,cloudformation,lambda,logs,kms STRICT_SERVICE_LOADING=1
	export DNS_ADDRESS=0 DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1 SQS_ENDPOINT_STRATEGY=path LOCALSTACK_AUTH_TOKEN="" DEBUG=0
	exec "$peers/localstack/bin/python" -m localstack.runtime.main
}

# installed tells whether install.sh could install a program; it has said why not.
installed() {
	case $1 in
	dynamodb) has java && [ -f "$peers/dynamodb-local-$dynamo_version/lib/DynamoDBLocal-$dynamo_version.jar" ] ;;
	moto) moto_program >/dev/null ;;
	localstack) [ -f "$peers/localstack/installed" ] ;;
	esac
}

# start starts a program unless it runs, and waits until it answers.
start() {
	local name=$1 port=$2 pid variable
	pid=$(pid_of "$name")
	if [ -n "$pid" ]; then
		port=$(port_of "$name")
		echo "$(title "$name") runs already at http://127.0.0.1:$port (process $pid)"
		return
	fi
	if ! installed "$name"; then
		echo "$(title "$name") is not installed: it is left out"
		return
	fi
	if taken "$port"; then
		variable=$(tr '[:lower:]' '[:upper:]' <<<"$name")_PORT
		echo "port $port is taken by another program, so $(title "$name") cannot start: end that one, or choose another port with $variable=$((port + 1)) make localstack" >&2
		return 1
	fi
	(trap '' HUP; "exec_$name" "$port") >"$run/$name.log" 2>&1 </dev/null &
	pid=$!
	for ((tenths = 0; tenths < start_bound * 10; tenths++)); do
		if answers "$port"; then
			printf '%s\n%s\n%s\n' "$pid" "$(what_runs "$pid")" "$port" >"$run/$name.pid"
			echo "$(title "$name") runs at http://127.0.0.1:$port (process $pid, log $run/$name.log)"
			fresh+=("$name")
			return
		fi
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1 # there is no signal but its answer
	done
	kill "$pid" 2>/dev/null || true
	echo "$(title "$name") does not start; the end of $run/$name.log:" >&2
	tail -5 "$run/$name.log" >&2
	return 1
}

# seed fills a program that was just started.
seed() {
	local name=$1 port=$2 python
	case $name in
	moto) python=$(dirname "$(moto_program)")/python3 ;; # boto3 comes with both
	localstack) python=$peers/localstack/bin/python ;;
	*) return 0 ;;
	esac
	"$python" localstack/seed.py "http://127.0.0.1:$port" || echo "the seeds of $(title "$name") are not complete; it runs all the same" >&2
}

# told prints what to type.
told() {
	local aws="" dynamo="" other=""
	[ -z "$(pid_of moto)" ] || aws=http://127.0.0.1:$(port_of moto)
	[ -z "$(pid_of dynamodb)" ] || dynamo=http://127.0.0.1:$(port_of dynamodb)
	[ -z "$(pid_of localstack)" ] || other=http://127.0.0.1:$(port_of localstack)
	[ -n "$aws" ] || return 0
	cat <<-TEXT

		In one shell, Packhorse on them:

		    export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1 AWS_REGION=us-east-1
		    export AWS_ENDPOINT_URL=$aws${dynamo:+ AWS_ENDPOINT_URL_DYNAMODB=$dynamo}
		    bin/packhorse serve --home aws --endpoint-url $aws

		In another, clients: AWS Batch is Packhorse, the rest is moto.

		    export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1 AWS_REGION=us-east-1
		    export AWS_ENDPOINT_URL=$aws AWS_ENDPOINT_URL_BATCH=http://127.0.0.1:4600
		    aws batch describe-job-queues
	TEXT
	if [ -n "$other" ]; then
		printf '\nS3 with notifications is LocalStack:\n\n    aws --endpoint-url %s s3 ls\n' "$other"
	fi
	printf '\ndocs/offline.md goes on from here; make localstack-down stops all of it.\n'
}

# What is left out, and what takes a while; the rest is said by start.
localstack/install.sh | sed -n 's/^skipped: tests with/left out:/p; /^installing/p'
mkdir -p "$run"
fresh=()
status=0
for name in "${@:-${programs[@]}}"; do
	case $name in
	dynamodb) start dynamodb "$DYNAMODB_PORT" || status=1 ;;
	moto) start moto "$MOTO_PORT" || status=1 ;;
	localstack) start localstack "$LOCALSTACK_PORT" || status=1 ;;
	*)
		echo "there is no $name: name some of ${programs[*]}" >&2
		exit 2
		;;
	esac
done
for name in ${fresh[@]+"${fresh[@]}"}; do
	seed "$name" "$(port_of "$name")"
done
told
exit $status
