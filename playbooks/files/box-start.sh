#!/bin/bash
# Starts the box of one lab and returns when its containerd answers.
# Its environment holds the values below, by the names that stand between @ in config/.
set -euo pipefail
: "$lab" "$state" "$link" "$host_address" "$node_address"
: "$kubernetes_version" "$etcd_tag" "$coredns_tag" "$local_path_tag" "$unsafe_no_fsync"
here=$(dirname "$(readlink -f "$0")")
. "$here/lib.sh"

if pid=$(init_of "$lab"); then
    [ -S "/proc/$pid/root/run/containerd/containerd.sock" ] && exit 0
fi
bash "$here/box-stop.sh" "$lab" "$link" # what an interrupted start, or a kill, has left

# Before there is anything to reach: what is not a running lab's is nobody's.
ip route show type unreachable exact 198.18.0.0/15 | grep -q . || ip route add unreachable 198.18.0.0/15

mkdir -p "$state"/{audit,bin,config,etcd,kubernetes,var-lib/kubelet,var-lib/local-path,var-log}
chmod 0700 "$state/kubernetes" "$state/audit"
cp -rT "$here/config" "$state/config"
cp "$here/box-init.sh" "$state/config/"
for value in lab node_address kubernetes_version etcd_tag coredns_tag local_path_tag unsafe_no_fsync; do
    printf 's|@%s@|%s|g\n' "$value" "${!value}"
done | sed -i -f - "$state"/config/{kubeadm,addons}.yaml

for group in $(groups "$lab"); do
    parent=$(dirname "$group")
    if [ -e "$parent/cgroup.controllers" ]; then
        mkdir -p "$group"
        for folder in "$parent" "$group"; do
            sed 's/[^ ]*/+&/g' "$folder/cgroup.controllers" >"$folder/cgroup.subtree_control"
        done
    fi
    for folder in "$group" "$group/box"; do
        mkdir -p "$folder"
        # A new cpuset is empty, and nothing can enter it until it has processors and memory.
        if [ -e "$folder/cpuset.cpus" ] && [ ! -e "$folder/cgroup.controllers" ]; then
            cat "$(dirname "$folder")/cpuset.cpus" >"$folder/cpuset.cpus"
            cat "$(dirname "$folder")/cpuset.mems" >"$folder/cpuset.mems"
        fi
    done
done

# A process-id namespace as well: when number 1 ends, the kernel ends every pod with it.
(
    enter_group "$lab"
    exec setsid unshare --mount --propagation private --net --uts --ipc --pid --fork --mount-proc \
        /bin/bash "$state/config/box-init.sh" "$lab" "$state" "$node_address" </dev/null >"$state/var-log/box.log" 2>&1
) &

wait_for() { # seconds, what, command...
    local until=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        if [ "$SECONDS" -ge "$until" ]; then
            echo "no $what: see $state/var-log" >&2
            tail -n 3 "$state"/var-log/*.log >&2
            exit 1
        fi
        sleep 0.05
    done
}
born() { pid=$(init_of "$lab"); }
listens() { [ -S "/proc/$pid/root/run/containerd/containerd.sock" ]; }

wait_for 10 "box" born
ip link add "$link" type veth peer name eth0 netns "$pid"
ip address add "$host_address/30" dev "$link"
# The box talks to this machine and to nobody behind it.
echo 0 >"/proc/sys/net/ipv4/conf/$link/forwarding"
ip link set "$link" up
wait_for 20 "containerd" listens
