# Shared by the scripts of a lab's box. A box is what its control group holds: nothing is found by name.

# The control-group folder of the lab in every hierarchy of this machine (version 1 has many, version 2 one).
groups() { # lab
    local hierarchy
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        echo "/sys/fs/cgroup/bootstrap-lab-$1"
        return
    fi
    for hierarchy in /sys/fs/cgroup/*/; do
        # cpu,cpuacct is also reachable as cpu and as cpuacct.
        [ ! -e "${hierarchy}cgroup.procs" ] || [ -L "${hierarchy%/}" ] || echo "${hierarchy}bootstrap-lab-$1"
    done
}

# Every process of the lab, its pods included, as this machine numbers them.
members() { # lab
    local group
    for group in $(groups "$1"); do
        [ ! -d "$group" ] || find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null
    done | sort -un
}

# The process that is number 1 inside the box: the pods' own number 1 are one namespace deeper.
init_of() { # lab
    local pids
    pids=$(members "$1")
    [ -n "$pids" ] || return 1
    # Some of them end while they are looked at, which grep would call an error.
    # shellcheck disable=SC2086,SC2046 # lists of numbers
    { grep -sHE '^NSpid:[[:space:]]+[0-9]+[[:space:]]+1$' $(printf '/proc/%s/status ' $pids) || true; } |
        sed -nE '1s,^/proc/([0-9]+)/.*,\1,p' | grep .
}

enter_group() { # lab
    local group
    for group in $(groups "$1"); do
        echo "$BASHPID" >"$group/box/cgroup.procs"
    done
}
