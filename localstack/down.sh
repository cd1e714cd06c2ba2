#!/usr/bin/env bash
# Stops what up.sh started, by the process ids that it wrote down; all that they kept is
# gone with them.
#
#   localstack/down.sh               all of them
#   localstack/down.sh localstack    one
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source build/lib.sh
source localstack/lib.sh

# stop_bound is how many seconds a program may take to end when asked to.
stop_bound=10

stop() {
	local name=$1 pid
	pid=$(pid_of "$name")
	if [ -z "$pid" ]; then
		rm -f "$run/$name.pid"
		echo "$(title "$name") does not run"
		return
	fi
	kill "$pid"
	for ((tenths = 0; tenths < stop_bound * 10; tenths++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1 # it is no child of this shell: there is nothing to wait on
	done
	if kill -0 "$pid" 2>/dev/null; then
		kill -9 "$pid"
		echo "$(title "$name") (process $pid) did not end within $stop_bound s and was killed"
	else
		echo "$(title "$name") (process $pid) has stopped"
	fi
	rm -f "$run/$name.pid"
}

for name in "${@:-${programs[@]}}"; do
	stop "$name"
done
