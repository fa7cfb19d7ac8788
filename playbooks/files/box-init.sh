#!/bin/bash
# Number 1 of a box: its mounts, its network, and the three programs that are a Kubernetes node.
# usage: box-init.sh LAB STATE NODE_ADDRESS      (inside the namespaces, in the control group)
set -euo pipefail
lab=$1 state=$2 node_address=$3
ulimit -n 1048576 2>/dev/null || true

# The tools have fixed paths, so each box gets its own folders under them. Nothing of this is seen outside.
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p /run/lab /run/lock /run/etc/upper /run/etc/work
mount --bind "$state" /run/lab
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work overlay /etc
# Port-forwards look it up: in this box's own /etc, where the machine's does not have it.
grep -Eqs '^127[.][0-9.]+([[:space:]][^#]*)?[[:space:]]localhost([[:space:]]|$)' /etc/hosts ||
    printf '\n127.0.0.1 localhost\n' >>/etc/hosts || true
mkdir -p /etc/kubernetes
mount --bind /run/lab/kubernetes /etc/kubernetes
mount --bind /run/lab/var-log /var/log
mount --bind /run/lab/var-lib /var/lib
mkdir -p /var/lib/kubelet /var/lib/etcd
mount --bind /run/lab/etcd /var/lib/etcd
# Mounts that the kubelet makes for pods must be seen by containerd, hence shared.
mount --bind /var/lib/kubelet /var/lib/kubelet
mount --make-rshared /var/lib/kubelet

hostname "$lab"
until [ -e /proc/self/net/dev ] && grep -q eth0: /proc/self/net/dev; do sleep 0.05; done
ip link set lo up
ip address add "$node_address/30" dev eth0
ip link set eth0 up
# Service addresses need a route before kube-proxy's rules turn them into a pod's. There is no default
# route: what is not of this lab is refused at once and never leaves.
ip route add 198.19.0.0/24 dev eth0
echo 1 >/proc/sys/net/ipv4/ip_forward
[ ! -e /proc/sys/net/bridge ] || echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables

export PATH=/run/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/run
unset KUBECONFIG TMPDIR # of whoever started the box, and gone before it is

keep() { # log, file to wait for, command...: runs it again whenever it ends
    local log=$1 awaited=$2
    shift 2
    while :; do
        if [ -e "$awaited" ]; then "$@" >>"/var/log/$log.log" 2>&1 </dev/null || true; fi
        sleep 0.2
    done
}

kubelet_with_flags() {
    local KUBELET_KUBEADM_ARGS=""
    . /var/lib/kubelet/kubeadm-flags.env
    # shellcheck disable=SC2086 # kubeadm writes several flags in one string
    kubelet --config=/var/lib/kubelet/config.yaml --kubeconfig=/etc/kubernetes/kubelet.conf \
        --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf $KUBELET_KUBEADM_ARGS
}

keep containerd /run/lab/config/containerd.toml containerd --config /run/lab/config/containerd.toml &
keep kubelet /var/lib/kubelet/config.yaml kubelet_with_flags &
keep kube-proxy /etc/kubernetes/kube-proxy.conf kube-proxy --config /run/lab/config/kube-proxy.yaml &
wait
