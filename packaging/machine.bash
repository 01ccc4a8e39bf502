# A machine of its own: a Debian tree made with debootstrap, which systemd-nspawn boots with a real systemd as its
# first process. To be sourced; packaging/try-deb has one such machine, e2e/machines/run three.

machine_packages=systemd,systemd-sysv,dbus,procps,curl,passwd,openssh-server,openssh-client

# machine_need PROGRAM...: says in one sentence what of it is missing, and root, and ends with 69 then.
machine_need() {
    local program missing=() PATH=$PATH:/usr/sbin:/sbin
    [ "$(id -u)" = 0 ] || missing+=("root")
    for program in systemd-nspawn debootstrap "$@"; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    if [ ${#missing[@]} -gt 0 ]; then
        echo "$0 needs what is missing here: $(IFS=, && echo "${missing[*]}" | sed 's/,/, /g')" >&2
        exit 69
    fi
}

# machine_make TREE: a Debian 12, unless it is there already.
machine_make() {
    if [ "$(cat "$1/made" 2>/dev/null)" = "$machine_packages" ]; then return; fi
    rm -rf "$1"
    mkdir -p "$1"
    debootstrap --variant=minbase --include="$machine_packages" bookworm "$1" >"$1.log" 2>&1 || {
        tail -n 5 "$1.log" >&2
        echo "no Debian for the machines: debootstrap failed, see $1.log" >&2
        return 1
    }
    echo "$machine_packages" >"$1/made"
}

# machine_boot TREE NAME OPTION...: becomes the systemd-nspawn that boots it, and ends when the machine is off.
machine_boot() {
    local tree=$1 name=$2
    shift 2
    set -- systemd-nspawn --quiet --boot --directory="$tree" --machine="$name" --register=no --keep-unit \
        --link-journal=no --resolv-conf=off --timezone=off --console=pipe "$@"
    # A part of the control groups is the machine's own: in one that they share, several systemds get in each other's
    # way.
    if [ -d /run/systemd/system ]; then
        exec systemd-run --quiet --scope --property=Delegate=yes "$@"
    fi
    local group
    for group in $(machine_groups "$name"); do
        mkdir -p "$group"
        echo $BASHPID >"$group/cgroup.procs"
    done
    exec "$@"
}

# machine_groups NAME: where the control groups of a machine are, where no systemd runs that gives it one.
machine_groups() {
    local root
    for root in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
        if [ -e "$root/cgroup.procs" ]; then echo "$root/$1"; fi
    done
}

# machine_forget NAME: takes away what control groups a machine that is off has left.
machine_forget() {
    local group
    for group in $(machine_groups "$1"); do
        if [ -d "$group" ]; then find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true; fi
    done
}

# machine_leader PID: the first process of the machine that this systemd-nspawn has booted.
machine_leader() {
    pgrep --oldest --parent "$1"
}
