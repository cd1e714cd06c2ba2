# shellcheck shell=bash
# Programs in Python that tests use: the AWS CLI and boto3 as clients of Packhorse,
# moto as a stand-in of AWS for the clients of Packhorse.

clients_present() { has aws && has moto_server && has python3 && python3 -c 'import boto3, moto' 2>/dev/null; }

clients_versions() {
	echo "$(aws --version 2>&1 | head -1), $(python3 -c 'import boto3, moto; print(f"boto3 {boto3.__version__}, moto {moto.__version__}")')"
}

# clients_prepare puts them on the PATH, if need be from a virtual environment of
# their own, or prints why the tests go without them.
clients_prepare() {
	local venv="$cache/python" wanted="build/python-clients.txt" log status=0
	if ! clients_present && [ -x "$venv/bin/python3" ] && cmp -s "$wanted" "$venv/python-clients.txt"; then
		export PATH="$venv/bin:$PATH"
	fi
	if clients_present; then
		echo "clients: $(clients_versions)"
		return
	fi
	has python3 || debian_install python3 python3-venv || true
	if ! has python3; then
		echo "skipped: tests with the AWS CLI, boto3 and moto; there is no python3"
		return
	fi
	echo "installing the AWS CLI, boto3 and moto in $venv"
	log=$(mktemp)
	{ make_venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check -r "$wanted"; } >"$log" 2>&1 </dev/null || status=1
	if [ $status = 0 ]; then
		cp "$wanted" "$venv/python-clients.txt" # says what is in there
		export PATH="$venv/bin:$PATH"
		echo "clients: $(clients_versions)"
	else
		tail -5 "$log"
		echo "skipped: tests with the AWS CLI, boto3 and moto; pip cannot install them"
	fi
	rm -f "$log"
}

# make_venv makes a virtual environment. Debian has the module for it in a package
# apart.
make_venv() {
	rm -rf "$1"
	python3 -m venv "$1" || { rm -rf "$1" && debian_install python3-venv && python3 -m venv "$1"; }
}
