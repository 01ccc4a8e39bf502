# Three machines on a bridge of their own, which nothing but this host can reach: web, c1 and c2. How they are booted,
# told something, cut off from power, and taken away.

machines='web c1 c2'
bridge=acc-machines

address() {
    case $1 in
    host) echo "$network.254" ;;
    web) echo "$network.1" ;;
    c1) echo "$network.11" ;;
    c2) echo "$network.12" ;;
    esac
}

rack_up() {
    local machine
    ip link add "$bridge" type bridge
    ip address add "$(address host)/24" dev "$bridge"
    ip link set "$bridge" up
    for machine in $machines; do
        rack_tree "$machine"
        boot "$machine"
    done
}

# The machine's own copy of the tree: its address, the names of the others, and ssh among them.
rack_tree() {
    local tree=$place/$1 machine
    rm -rf "$tree"
    cp -a --reflink=auto "$place/tree" "$tree"
    : >"$tree/etc/machine-id"
    echo "$1" >"$tree/etc/hostname"
    printf '[Match]\nName=host0\n[Network]\nAddress=%s/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n' \
        "$(address "$1")" >"$tree/etc/systemd/network/10-rack.network"
    systemctl --quiet --root="$tree" enable systemd-networkd
    echo "127.0.0.1 localhost" >"$tree/etc/hosts"
    for machine in $machines; do echo "$(address "$machine") $machine" >>"$tree/etc/hosts"; done
    install -d -m 700 "$tree/root/.ssh"
    install -m 600 "$place/key" "$tree/root/.ssh/id_ed25519"
    install -m 600 "$place/key.pub" "$tree/root/.ssh/authorized_keys"
    printf 'StrictHostKeyChecking accept-new\nLogLevel ERROR\n' >"$tree/etc/ssh/ssh_config.d/rack.conf"
}

boot() {
    machine_boot "$place/$1" "acc-$1" --hostname="$1" --network-bridge="$bridge" \
        </dev/null >>"$place/said/$1.console" 2>&1 9>&- &
    echo $! >"$place/$1.pid"
}

# inside MACHINE COMMAND...
inside() {
    local leader
    leader=$(machine_leader "$(cat "$place/$1.pid")") || {
        echo "$1 is off"
        return 1
    }
    shift
    timeout --foreground 180 nsenter --all --target "$leader" \
        env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# shell MACHINE TEXT: runs it as somebody who has logged in; the first command that fails ends it.
shell() { inside "$1" bash -e -o pipefail -c "cd; $2" </dev/null; }

# Whether a machine has all its units, and those are well.
is_up() { [ "$(inside "$1" systemctl is-system-running)" = running ]; }

# Whether its systemd-nspawn has ended, which it also does for a reboot.
is_off() { ! test -e "/proc/$(cat "$place/$1.pid")"; }

# power_cut MACHINE: first the cable, so that not even a reset of its connections gets out, and then everything at once.
power_cut() {
    local pid
    pid=$(cat "$place/$1.pid")
    ip link set "vb-acc-$1" down
    kill -KILL "$(machine_leader "$pid")"
    wait "$pid" 2>/dev/null || true
    machine_forget "acc-$1"
}

# Also what an earlier run has left that could not clean up after itself.
rack_down() {
    local machine pid leader
    for machine in $machines; do
        pid=$(cat "$place/$machine.pid" 2>/dev/null) || continue
        if grep -q "acc-$machine" "/proc/$pid/cmdline" 2>/dev/null; then
            leader=$(machine_leader "$pid") && kill -KILL "$leader" 2>/dev/null
            until_so 10 fails test -e "/proc/$pid" || kill -KILL "$pid"
        fi
        rm -f "$place/$machine.pid"
        machine_forget "acc-$machine"
    done
    if ip link show "$bridge" >/dev/null 2>&1; then ip link delete "$bridge"; fi
    for machine in $machines; do rm -rf "${place:?}/$machine"; done
    rm -f "$place/key" "$place/key.pub"
}

# What the machines have written in their journals, for who wants to know why a check failed.
rack_journals() {
    local machine
    for machine in $machines; do
        inside "$machine" journalctl --no-pager --output=short-precise >"$place/said/$machine.journal" 2>&1 || true
    done
}
