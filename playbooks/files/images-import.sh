#!/bin/bash
# Hands image archives to the containerd of a lab, all at once.
# usage: images-import.sh LAB ARCHIVE...     (archives lie under STATE/images)
set -uo pipefail
here=$(dirname "$(readlink -f "$0")")
lab=$1
shift
jobs=()
for archive in "$@"; do
    bash "$here/box-exec.sh" "$lab" ctr --address /run/containerd/containerd.sock --namespace k8s.io \
        images import "/run/lab/images/$archive" >/dev/null &
    jobs+=($!)
done
failed=0
for job in "${jobs[@]}"; do wait "$job" || failed=1; done
exit "$failed"
