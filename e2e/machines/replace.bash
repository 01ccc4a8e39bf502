# What is replaced under load, and what is lost of it.

# pid_of MACHINE UNIT
pid_of() { inside "$1" systemctl show --property=MainPID --value "$2"; }

# is_another MACHINE UNIT PID: whether the unit runs in another process than this one.
is_another() { [ "$(pid_of "$1" "$2")" != "$3" ] && inside "$1" systemctl is-active --quiet "$2"; }

check_restart() {
    local before
    under_load "restart"
    before=$(pid_of web service-manager@shop)
    check "restart, service-manager" "by systemctl" inside web systemctl restart service-manager@shop
    check "restart, another process" "serves" until_so 60 is_another web service-manager@shop "$before"
    expect_children 2 "restart, the nodes are its again"
    load_stop
}

check_upgrade() {
    local before
    under_load "upgrade"
    before=$(pid_of web service-manager@shop)
    check "upgrade, service-manager" "by accordion upgrade" inside web accordion upgrade
    check "upgrade, another process" "is the main one" until_so 60 is_another web service-manager@shop "$before"
    check "upgrade, the old one" "has ended" until_so 60 fails inside web test -e "/proc/$before"
    expect_children 2 "upgrade, both nodes serve after it"
    load_stop
}

check_reinstall() {
    local machine unit before
    under_load "reinstall"
    for machine in $machines; do
        unit=$([ "$machine" = web ] && echo service-manager@shop || echo task-processor)
        before=$(pid_of "$machine" "$unit")
        check "reinstall, $machine" "by dpkg" inside "$machine" dpkg -i /root/accordion.deb
        check "reinstall, $unit of $machine" "is another process" until_so 60 is_another "$machine" "$unit" "$before"
        expect_children 2 "reinstall, both nodes serve after $machine"
    done
    load_stop
}

# boot_again NAME MACHINE
boot_again() {
    boot "$2"
    if until_so 120 is_up "$2"; then
        ok "$1, $2" "is up again"
    else
        bad "$1, $2" "it is not up" "$(inside "$2" systemctl --no-pager list-units --failed 2>&1)"
    fi
}

check_maintenance() {
    under_load "maintenance" mixed
    check "maintenance, drain" "c1" inside web accordion drain c1
    expect_children 1 "maintenance, c1 serves no more"
    inside c1 systemctl reboot 2>/dev/null
    until_so 60 is_off c1 || bad "maintenance, c1" "does not go down"
    boot_again "maintenance" c1
    check "maintenance, undrain" "c1" until_so 30 inside web accordion undrain c1
    expect_children 2 "maintenance, c1 serves again"
    load_stop
}

check_power() {
    under_load "power cut" mixed
    power_cut c1
    expect_children 1 "power cut, c1 is given up"
    times+=("from a power cut to the node given up: $took s")
    boot_again "power cut" c1
    expect_children 2 "power cut, c1 serves again"
    load_stop
}
