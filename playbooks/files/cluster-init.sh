#!/bin/bash
# Makes the cluster in a box that runs. Its last act says that it came to its end.
# usage: cluster-init.sh LAB STATE
set -euo pipefail
lab=$1 state=$2
box() { bash "$(dirname "$(readlink -f "$0")")/box-exec.sh" "$lab" "$@"; }
config=/run/lab/config/kubeadm.yaml

box kubeadm init --config "$config" --skip-token-print --skip-certificate-key-print
box kubeadm kubeconfig user --client-name system:kube-proxy --config "$config" >"$state/kubernetes/kube-proxy.part"
mv "$state/kubernetes/kube-proxy.part" "$state/kubernetes/kube-proxy.conf"
touch "$state/initialised"
