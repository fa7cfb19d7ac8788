#!/bin/sh
# Writes the file by which an API server encrypts Secrets in etcd. Its key is made here and is nowhere else:
# no variable of a playbook, no argument, no output. A file that is there stays.
# usage: encryption-at-rest.sh FILE
set -eu
umask 077
[ ! -e "$1" ] || exit 0
part=$(mktemp "$1.XXXXXX")
trap 'rm -f "$part"' EXIT
{
    cat <<'HEAD'
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets]
    providers:
HEAD
    printf '      - secretbox: {keys: [{name: first, secret: '
    head -c 32 /dev/urandom | base64 | tr -d '\n'
    printf '}]}\n      - identity: {}\n'
} >"$part"
mv "$part" "$1"
