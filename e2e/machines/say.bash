# What is said of the checks, and how a condition is waited for.

failed=0
times=()

# ok NAME FIGURE
ok() { printf 'ok    %s: %s\n' "$1" "$2"; }

# bad NAME WORDS [EVIDENCE]: the evidence may have many lines.
bad() {
    failed=$((failed + 1))
    printf 'FAIL  %s: %s\n' "$1" "$2"
    if [ -n "${3:-}" ]; then printf '%s\n' "$3" | tail -n 40 | sed 's/^/      | /'; fi
}

# check NAME FIGURE COMMAND...: it must succeed; what it says is the evidence if it does not.
check() {
    local name=$1 figure=$2 said
    shift 2
    if said=$("$@" 2>&1); then ok "$name" "$figure"; else bad "$name" "$* failed" "$said"; fi
}

# refused NAME PATTERN COMMAND...: it must fail, with words that match.
refused() {
    local name=$1 pattern=$2 said
    shift 2
    if said=$("$@" 2>&1); then
        bad "$name" "it should have failed: $*" "$said"
    elif ! grep -q -e "$pattern" <<<"$said"; then
        bad "$name" "it failed without a word of '$pattern'" "$said"
    else
        ok "$name" "$(grep -m1 -e "$pattern" <<<"$said")"
    fi
}

# until_so SECONDS COMMAND...: waits for it to succeed; false when it has not by then.
until_so() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $deadline ]; then return 1; fi
        sleep 0.2
    done
}

# fails COMMAND...
fails() { if "$@"; then return 1; fi; }

now() { date +%s.%N; }

# since TIME: how many seconds ago that was.
since() { echo "$1 $(now)" | awk '{ printf "%.1f", $2 - $1 }'; }
