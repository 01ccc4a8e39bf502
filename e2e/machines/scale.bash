# Load borrows both nodes, and its end gives them back.

# says UNIT PATTERN: the status line of a daemon on web.
says() { grep -q -e "$2" <<<"$(inside web systemctl show --property=StatusText --value "$1")"; }

# children NUMBER: so many serve, by the service-manager's own word.
children() { says service-manager@shop "^$1 child"; }

# expect_children NUMBER NAME: waits for them; the time is `took`.
expect_children() {
    local from
    from=$(now)
    if until_so 90 children "$1"; then
        took=$(since "$from")
        ok "$2" "after $took s"
    else
        bad "$2" "it has not $1 children" "$(inside web accordion status; inside web accordion why | tail -n 15)"
    fi
}

is_leased() {
    [ "$(inside "$1" systemctl show --property=StatusText --value task-processor)" = '1 of 1 slot leased: shop' ]
}

check_scale() {
    load_start "scale up" mixed
    expect_children 2 "scale up, both nodes serve"
    times+=("from the first load to two nodes that serve: $took s")
    for node in c1 c2; do check "scale up, $node" "leased" until_so 20 is_leased "$node"; done
    check "the page, admin" "/healthz and /metrics answer" curl --silent --show-error --fail --output /dev/null \
        "http://$(address web):9100/healthz" "http://$(address web):9100/metrics"
    load_stop
    expect_children 0 "scale down, no node is held"
    times+=("from its end to no node that is held: $took s")
}

# under_load NAME [mixed]: before what is tried under it, the load, and both nodes in it.
under_load() {
    load_start "$@"
    expect_children 2 "$1, both nodes serve"
}
