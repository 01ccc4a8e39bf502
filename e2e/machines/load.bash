# The load: httperf on this host, open loop. It runs in rounds of a few seconds, one begun after the other, so that it
# lasts as long as what is tried under it, and every request is still waited for and counted.
#
# Each request is on a connection of its own, or of a "mixed" load half of them five to a connection. That is not for a
# front door that is replaced: it says "connection: close", to which httperf 0.9 does not listen.

rate=50
wait_ms=160 # so that eight are in flight: more than one copy is due, and less than it could do
round=5
rounds_min=3
total_replies=0
total_lost=0
load_pid=

# load_start NAME [mixed]
load_start() {
    load_name=$1
    load_said=$place/said/load-${1// /-}
    rm -rf "$load_said"
    mkdir -p "$load_said"
    load_rounds "$load_said" "${2:-}" 9>&- &
    load_pid=$!
    until_so 30 is_loaded || bad "$load_name" "no load arrives"
}

is_loaded() { says service-manager@shop ' [1-9][0-9]* requests\? in flight'; }

load_rounds() {
    local number=0
    # shellcheck disable=SC2046 # several
    trap 'kill $(jobs -p); wait; exit' TERM
    until [ -e "$1/stop" ] && [ "$number" -ge "$rounds_min" ]; do
        number=$((number + 1))
        if [ "$2" = mixed ]; then
            load_round $((rate / 2)) 1 >"$1/$number-single" 2>&1 &
            load_round $((rate / 10)) 5 >"$1/$number-kept" 2>&1 &
        else
            load_round "$rate" 1 >"$1/$number-single" 2>&1 &
        fi
        sleep "$round" &
        wait $!
    done
    wait
}

# load_round RATE CALLS: connections a second, requests on each.
load_round() {
    exec nice -n 19 httperf --server "$(address web)" --port 8080 --uri "/?wait=${wait_ms}ms" --timeout 30 \
        --rate "$1" --num-conns $(($1 * round)) --num-calls "$2"
}

# load_stop: ends the load when its requests are answered, and says whether all were.
load_stop() {
    touch "$load_said/stop"
    wait "$load_pid"
    load_pid=
    local lost requests replies longest
    read -r requests replies lost longest <<<"$(load_figures "$load_said"/*-*)"
    total_replies=$((total_replies + replies))
    total_lost=$((total_lost + lost))
    if [ "$lost" = 0 ] && [ "$replies" -gt 0 ]; then
        ok "$load_name, requests lost" "0 of $requests, the longest took $longest ms"
    else
        bad "$load_name, requests lost" "$lost of $requests" "$(load_evidence)"
    fi
}

# load_figures FILE...: requests, replies and how many were lost: what httperf calls errors, replies that are not 2xx,
# and requests that have neither. Then the longest time of a connection with one request.
load_figures() {
    awk '
        $1 == "Total:" { requests += $5; replies += $7 }
        /^Reply status:/ { for (i = 3; i <= NF; i++) { split($i, of, "="); if (of[1] != "2xx") other += of[2] } }
        /^Connection time .*max/ && FILENAME ~ /single$/ { if ($9 > longest) longest = $9 }
        /^Errors: total/ { errors += $3 }
        END {
            silent = requests - replies - errors
            print requests + 0, replies + 0, errors + other + (silent > 0 ? silent : 0), longest + 0
        }' "$@"
}

load_evidence() {
    grep -H -e '^Errors: total [^0]' -e '^Reply status:.*[13-5]xx=[^0]' -e '^httperf: [^w]' "$load_said"/*-* |
        sed "s|$load_said/||"
}

# load_kill: whatever becomes of its requests.
load_kill() {
    if [ -z "$load_pid" ]; then return; fi
    kill "$load_pid"
    wait "$load_pid"
    load_pid=
}
