#!/bin/bash
# Ends every process of a lab's box and removes its control groups and its link. Files stay.
# usage: box-stop.sh LAB LINK
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"
lab=$1 link=$2

# Number 1 first: with it the kernel ends the whole box. The rest is for a box that lost it.
! pid=$(init_of "$lab") || kill -KILL "$pid" 2>/dev/null || true
until=$((SECONDS + 20))
while left=$(members "$lab") && [ -n "$left" ]; do
    # shellcheck disable=SC2086 # a list of numbers
    kill -KILL $left 2>/dev/null || true
    [ "$SECONDS" -lt "$until" ] || { echo "these processes of lab $lab do not end:" $left >&2; exit 1; }
    sleep 0.05
done

# The kernel takes the link away with the box's network, some moment after its last process.
for _ in $(seq 40); do
    [ -e "/sys/class/net/$link" ] || break
    ip link delete "$link" 2>/dev/null || sleep 0.05
done
[ ! -e "/sys/class/net/$link" ] || ip link delete "$link"
for group in $(groups "$lab"); do
    [ -d "$group" ] || continue
    for _ in $(seq 40); do # a group stays busy for a moment after its last process
        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
        [ -d "$group" ] || break
        sleep 0.05
    done
done
