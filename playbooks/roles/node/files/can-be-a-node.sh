#!/bin/sh
# Refuses, with the reason, a host that no package can make a node. Prints whether it is a container.
refuse() { echo "$1" >&2; exit 1; }
[ "$(id -u)" = 0 ] || refuse "$(id -un) is not root here, and sudo does not make it so"
command -v apt-get >/dev/null || refuse "there is no apt-get: a host is a Debian or an Ubuntu"
[ -d /run/systemd/system ] || refuse "systemd does not run here, which starts containerd and the kubelet"
[ "$(wc -l </proc/swaps)" -le 1 ] ||
    refuse "swap is on, and a kubelet does not start with it: swapoff -a, and take it out of /etc/fstab"
systemd-detect-virt --container --quiet && echo container || echo machine
