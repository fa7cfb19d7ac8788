#!/bin/bash
# Waits for a cluster, adds its storage, and waits until pods can run, find each other and have volumes.
# usage: cluster-ready.sh LAB STATE
set -euo pipefail
lab=$1 state=$2
kubectl() { "$state/bin/kubectl" --kubeconfig "$state/kubernetes/admin.conf" "$@"; }

until=$((SECONDS + 120))
until refused=$(kubectl get --raw=/readyz 2>&1); do
    [ "$SECONDS" -lt "$until" ] || { echo "the API server is not ready: $refused" >&2; exit 1; }
    sleep 0.2
done
kubectl apply --server-side --force-conflicts -f "$state/config/addons.yaml"
kubectl wait --for=condition=Ready "node/$lab" --timeout=120s
kubectl -n kube-system rollout status deployment/coredns --timeout=120s
kubectl -n local-path-storage rollout status deployment/local-path-provisioner --timeout=120s
kubectl wait --for=create serviceaccount/default --timeout=60s
