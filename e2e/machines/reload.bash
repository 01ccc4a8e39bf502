# Each kind of edit of cluster.toml, under load: what a daemon takes up, and what it refuses.

front_end='service-manager@shop load-manager@shop'

# edit SED: the same file to every machine, as the page asks for.
edit() {
    shell web "sed -i '$1' /etc/accordion/cluster.toml
        for node in c1 c2; do scp -q /etc/accordion/cluster.toml root@\$node:/etc/accordion/; done"
}

reload_all() {
    # shellcheck disable=SC2086 # two units
    inside web systemctl reload $front_end &&
        inside c1 systemctl reload task-processor && inside c2 systemctl reload task-processor
}

# applied MACHINE UNIT SINCE PATTERN: the first line in which it says so.
applied() {
    local said
    said=$(inside "$1" journalctl --quiet --no-pager --output=cat --unit="$2" --since="$3")
    grep -m1 -o "applied: .*$4.*" <<<"$said"
}

# takes NAME SED MACHINE UNIT PATTERN: after the edit that daemon has to say that it goes by it.
takes() {
    local name="reload, $1" since said
    sleep 1 # journalctl goes by whole seconds, and nothing older may count
    since=$(inside "$3" date '+%F %T')
    if ! said=$(edit "$2" && reload_all 2>&1); then
        bad "$name" "systemctl reload failed" "$said"
    elif until_so 20 applied "$3" "$4" "$since" "$5"; then
        ok "$name" "$(applied "$3" "$4" "$since" "$5")"
    else
        bad "$name" "$4 does not say 'applied: $5'" \
            "$(inside "$3" journalctl --no-pager --unit="$4" --since="$since")"
    fi
}

# The digests of the files by which everybody on web goes, and of the good one: one, if all is well.
digests() {
    inside web accordion status --json --config /root/good.toml | grep -o '"config_digest": *"[0-9a-f]*"' |
        sort -u | wc -l
}

# refuses MACHINE UNIT: a file with a fault is told with its place, and the daemon goes on as before.
refuses() {
    local name="reload, a fault, $2" before
    before=$(inside "$1" systemctl show --property=MainPID "$2")
    shell "$1" "cp /etc/accordion/cluster.toml good.toml; echo 'adress = 1' >>/etc/accordion/cluster.toml"
    if inside "$1" systemctl reload "$2" 2>/dev/null; then
        bad "$name" "it takes it"
    elif [ "$before" != "$(inside "$1" systemctl show --property=MainPID "$2")" ]; then
        bad "$name" "it has been started anew"
    elif [ "$(digests)" != 1 ]; then
        bad "$name" "not everybody goes by the good file" "$(inside web accordion status --config /root/good.toml)"
    else
        ok "$name" "$(inside "$1" journalctl --quiet --output=cat --lines=20 --unit="$2" |
            grep -o 'cluster.toml:[0-9]*:[0-9]*: [^,]*' | tail -n 1)"
    fi
    shell "$1" "cp good.toml /etc/accordion/cluster.toml"
}

check_reload() {
    local lm='web load-manager@shop'
    under_load "reload" mixed
    # shellcheck disable=SC2086 # a machine and a unit
    {
        takes "max" 's/^capacity = 8$/&\nmax = 1/' $lm 'max is 1'
        expect_children 1 "reload, max = 1 is kept to"
        takes "max again" '/^max = 1$/d' $lm 'max'
        expect_children 2 "reload, without max"
        takes "min" 's/^capacity = 8$/&\nmin = 1/' $lm 'min is 1'
        takes "scaling" 's/^drain_period = .*/drain_period = "1s"/' $lm 'drain_period is "1s"'
        takes "timeouts" 's/^capacity = 8$/&\nstart_timeout = "20s"/' $lm 'start_timeout is "20s"'
        takes "a node that goes" '/^\[\[node\]\]$/{N;/c2/{N;d}}' $lm 'node c2'
        expect_children 1 "reload, a node that goes is given back"
        takes "a node that comes" "s/^\[service.shop\]\$/[[node]]\nname = \"c2\"\naddress = \"$(address c2)\"\n\n&/" \
            $lm 'node c2'
        expect_children 2 "reload, a node that comes serves"
    }
    refuses web service-manager@shop
    refuses web load-manager@shop
    refuses c1 task-processor
    load_stop
}
