#!/bin/bash
# Runs a command inside the box of a lab, as one of its processes.
# usage: box-exec.sh LAB COMMAND...
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"
lab=$1
shift
pid=$(init_of "$lab") || { echo "lab $lab is not running" >&2; exit 1; }
enter_group "$lab"
export PATH=/run/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/run
unset TMPDIR KUBECONFIG
exec nsenter --target "$pid" --mount --net --uts --ipc --pid --wd=/ -- "$@"
