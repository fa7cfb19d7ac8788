#!/bin/sh
# Prints each setting of the words KEY=VALUE that the kernel has otherwise.
for setting; do
    [ "$(sysctl -n "${setting%%=*}" 2>/dev/null)" = "${setting#*=}" ] || echo "$setting"
done
