# Each kind of edit of cluster.toml, under load: what a daemon takes up, and what it refuses.

front_end='service-manager@shop load-manager@shop'

# edit SED: the same file to every machine, as the page asks for.
edit() {
    shell web "sed -i '$1' /etc/accordion/cluster.toml
        for node in c1 c2; do scp -q /etc/accordion/cluster.toml root@\$node:/etc/accordion/; done"
}

# reload_all systemctl|accordion: every daemon, in the one way or the other.
reload_all() {
    local machine
    for machine in $machines; do
        # shellcheck disable=SC2046 # two units
        if [ "$1" = accordion ]; then
            inside "$machine" accordion reload --wait
        else
            inside "$machine" systemctl reload $([ "$machine" = web ] && echo "$front_end" || echo task-processor)
        fi || return
    done
}

# applied MACHINE UNIT SINCE PATTERN: the first line in which it says so.
applied() {
    local said
    said=$(inside "$1" journalctl --quiet --no-pager --output=cat --unit="$2" --since="$3")
    grep -m1 -o "applied: .*$4.*" <<<"$said"
}

# takes NAME SED UNIT PATTERN [WAY]: after the edit that daemon of web has to say that it goes by it.
takes() {
    local name="reload, $1" since said
    sleep 1 # journalctl goes by whole seconds, and nothing older may count
    since=$(inside web date '+%F %T')
    if ! said=$(edit "$2" && reload_all "${5:-systemctl}" 2>&1); then
        bad "$name" "it is not taken" "$said"
    elif until_so 20 applied web "$3" "$since" "$4"; then
        ok "$name" "$(applied web "$3" "$since" "$4")"
    else
        bad "$name" "$3 does not say 'applied: $4'" \
            "$(inside web journalctl --no-pager --unit="$3" --since="$since")"
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
    if inside "$1" systemctl reload "$2" 2>/dev/null || inside "$1" accordion reload >/dev/null 2>&1; then
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

# What the load-manager goes by, told by systemctl.
reload_decisions() {
    local lm=load-manager@shop
    takes "max" 's/^capacity = 8$/&\nmax = 1/' $lm 'max is 1'
    expect_children 1 "reload, max = 1 is kept to"
    takes "max again" '/^max = 1$/d' $lm 'max'
    expect_children 2 "reload, without max"
    takes "min" 's/^capacity = 8$/&\nmin = 1/' $lm 'min is 1'
    takes "scaling" 's/^drain_period = .*/drain_period = "1s"/' $lm 'drain_period is "1s"'
    takes "start_timeout" 's/^capacity = 8$/&\nstart_timeout = "20s"/' $lm 'start_timeout is "20s"'
    takes "a node that goes" '/^\[\[node\]\]$/{N;/c2/{N;d}}' $lm 'node c2'
    expect_children 1 "reload, a node that goes is given back"
    takes "a node that comes" "s/^\[service.shop\]\$/[[node]]\nname = \"c2\"\naddress = \"$(address c2)\"\n\n&/" $lm \
        'node c2'
    expect_children 2 "reload, a node that comes serves"
}

# What the service-manager goes by, told by accordion reload; and what clients see of it.
reload_front_door() {
    local sm=service-manager@shop
    takes "timeouts" 's/^capacity = 8$/&\nhead_timeout = "2s"/' $sm 'head_timeout is "2s"' accordion
    check "reload, half a head" "is answered with 408" half_a_head
    takes "limits" 's/^capacity = 8$/&\nbody_max = "1KiB"/' $sm 'body_max is' accordion
    check "reload, 2 KiB" "are answered with 413" code_is 413 8080 --data-binary "$(printf '%02048d' 0)"
    takes "dispatch" 's/^capacity = 8$/&\ndispatch = "round-robin"/' $sm 'dispatch is "round-robin"' accordion
    takes "capacity" 's/^capacity = 8$/capacity = 9/' $sm 'capacity is 9' accordion
    takes "logs" 's/^access_log = .*/access_log = "json"/; s/shop\.log/json.log/' $sm 'access_log is "json"' accordion
    check "reload, the log" "has JSON in another file" until_so 10 inside web grep -q '^{' /var/log/accordion/json.log
}

# How copies are run: what is changed of it is rolled out over the local copy and the nodes, while the others have room.
reload_copies() {
    local machine sm=service-manager@shop lm=load-manager@shop
    takes "room" 's/^capacity = .*/capacity = 32/; s/^min = 1$/min = 2/' $lm 'min is 2'
    takes "command" 's|^command = \[|&"/usr/bin/env", "SHOP=2", |' $sm 'command is'
    for machine in $machines; do
        check "reload, the copy of $machine" "runs the new command" until_so 60 run_by "$machine" SHOP=2
    done
    takes "a limit of copies" 's/^\[service.shop.scaling\]$/[service.shop.limits]\nmemory = "256MiB"\n\n&/' $sm \
        'limits.memory is'
    for machine in $machines; do
        check "reload, the copy of $machine" "has the new limit" until_so 60 is_limited "$machine" $((256 << 20))
    done
    takes "room again" 's/^capacity = .*/capacity = 9/; s/^min = 2$/min = 1/' $lm 'min is 1'
}

# run_by MACHINE VARIABLE: whether each copy there has that in its environment.
run_by() {
    # shellcheck disable=SC2016 # the machine's variables
    inside "$1" bash -c 'pids=$(pgrep --full "^/usr/bin/accordion demo-service") || exit 1
        for pid in $pids; do tr "\0" "\n" <"/proc/$pid/environ" | grep -qx "$0" || exit 1; done' "$2"
}

# is_limited MACHINE BYTES: whether each copy's unit has that much memory.
is_limited() {
    [ "$(inside "$1" systemctl show --property=MemoryMax --value 'accordion-shop-*.service' | grep . | sort -u)" = "$2" ]
}

half_a_head() {
    timeout 10 bash -c "exec 3<>/dev/tcp/$(address web)/8080 && printf 'GET / HTTP/1.1\r\n' >&3 && cat <&3" |
        grep '^HTTP/1.1 408'
}

# code_is CODE PORT OPTION...
code_is() {
    local code=$1 port=$2
    shift 2
    [ "$(curl --silent --max-time 5 --output /dev/null --write-out '%{http_code}' "$@" \
        "http://$(address web):$port/")" = "$code" ]
}

check_reload() {
    under_load "reload" mixed
    reload_decisions
    reload_front_door
    reload_copies
    refuses web service-manager@shop
    refuses web load-manager@shop
    refuses c1 task-processor
    load_stop
    # Not under load, which would go on at the old one.
    takes "listen" 's/^listen = .*/listen = "0.0.0.0:8081"/' service-manager@shop 'listen is' accordion
    check "reload, the new address" "answers" code_is 200 8081
    check "reload, the old address" "is closed" code_is 000 8080
    takes "listen again" 's/^listen = .*/listen = "0.0.0.0:8080"/' service-manager@shop 'listen is' accordion
    check "reload, the first address" "answers again" code_is 200 8080
}
