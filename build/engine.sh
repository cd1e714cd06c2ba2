# shellcheck shell=bash
# A Docker Engine for the time of the tests. One that answers is used as it is;
# otherwise root gets one of its own, with its files in a temporary folder, which
# engine_stop ends and removes.

# engine_answers tells whether the engine that DOCKER_HOST, the docker command's
# context or the default socket names can be used.
engine_answers() {
	if has docker; then
		bounded 20 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
	elif has curl; then
		local host=${DOCKER_HOST:-unix:///var/run/docker.sock}
		[ "${host#unix://}" != "$host" ] &&
			curl -sf --max-time 20 --unix-socket "${host#unix://}" http://docker/_ping >/dev/null
	else
		return 1
	fi
}

# busybox_is_static tells whether images can be made of /bin/busybox alone.
busybox_is_static() { [ -x /bin/busybox ] && ! ldd /bin/busybox 2>/dev/null | grep -q '=>'; }

has_cgroups() { [ -e /sys/fs/cgroup/cgroup.controllers ] || [ -d /sys/fs/cgroup/devices ]; }

# engine_install installs what engine and images are made of, where it is missing.
engine_install() {
	local missing=()
	has dockerd || missing+=(docker.io)
	busybox_is_static || missing+=(busybox-static)
	has_cgroups || missing+=(cgroupfs-mount)
	[ ${#missing[@]} = 0 ] && return
	echo "installing ${missing[*]}"
	debian_install "${missing[@]}"
}

# engine_prepare makes an engine answer, or prints why the tests go without one.
engine_prepare() {
	if engine_answers; then
		busybox_is_static || debian_install busybox-static ||
			echo "skipped: tests that make images need a static /bin/busybox (Debian: busybox-static)"
		echo "Docker Engine: the one that answers"
		return
	fi
	if [ "$(uname -s)" != Linux ] || [ "$(id -u)" != 0 ]; then
		echo "skipped: tests with real containers; no Docker Engine answers, and only root on Linux can start one. Start Docker first."
		return
	fi
	if ! engine_install; then
		echo "skipped: tests with real containers; no Docker Engine answers, and docker.io and busybox-static cannot be installed with apt-get"
		return
	fi
	if engine_answers; then
		echo "Docker Engine: the one that was just installed"
		return
	fi
	has_cgroups || ! has cgroupfs-mount || cgroupfs-mount
	# Where the kernel or its rights allow no bridge, host networking still works.
	engine_start || engine_start --bridge=none --iptables=false --ip6tables=false ||
		echo "skipped: tests with real containers; dockerd does not start here"
}

# engine_start starts dockerd with all its files in a folder of its own and points
# DOCKER_HOST at it. Further arguments go to dockerd.
engine_start() {
	local pid deadline=$((SECONDS + 90))
	engine_dir=$(mktemp -d /tmp/packhorse-engine.XXXX) # a socket's path must be short
	setsid dockerd --host "unix://$engine_dir/docker.sock" --pidfile "$engine_dir/dockerd.pid" \
		--data-root "$engine_dir/data" --exec-root "$engine_dir/exec" "$@" \
		>"$engine_dir/log" 2>&1 </dev/null &
	pid=$!
	while kill -0 $pid 2>/dev/null && [ $SECONDS -lt $deadline ]; do
		if DOCKER_HOST="unix://$engine_dir/docker.sock" engine_answers; then
			export DOCKER_HOST="unix://$engine_dir/docker.sock"
			echo "Docker Engine: one for the time of the tests, in $engine_dir ${*:+($*)}"
			return
		fi
		sleep 0.2
	done
	echo "dockerd $* does not start:"
	grep -v level=info "$engine_dir/log" | tail -5
	engine_stop
	return 1
}

# engine_stop ends the engine that engine_start began, and removes its files.
engine_stop() {
	local pid="" deadline=$((SECONDS + 40)) mount
	[ -n "${engine_dir:-}" ] || return 0
	[ ! -f "$engine_dir/dockerd.pid" ] || pid=$(<"$engine_dir/dockerd.pid")
	if [ -n "$pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "$engine_dir"; then
		kill -TERM "$pid"
		while kill -0 "$pid" 2>/dev/null && [ $SECONDS -lt $deadline ]; do sleep 0.2; done
		kill -KILL "$pid" 2>/dev/null || true
	fi
	while read -r _ mount _; do
		case $mount in "$engine_dir"/*) umount -l "$mount" 2>/dev/null || true ;; esac
	done </proc/self/mounts
	rm -rf "$engine_dir" || true
	engine_dir=""
}
