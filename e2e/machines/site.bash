# The site as docs/second-machine.md makes it: its blocks are run as they stand there, with the addresses of these
# machines and a capacity that half a hundred requests a second are enough for.

page=docs/second-machine.md

# page_block HEADING NUMBER: what stands between the fences, of the so manieth block below a heading.
page_block() {
    awk -v heading="## $1" -v number="$2" '
        /^## / && !open { below = $0 == heading; count = 0 }
        /^```/ { open = !open; if (open) count++; next }
        below && open && count == number' "$page" | sed "s/10\.0\.0\./$network./g"
}

# page_says HEADING NUMBER MACHINE NAME: runs such a block there.
page_says() {
    local text
    text=$(page_block "$1" "$2")
    if [ -z "$text" ]; then
        bad "$4" "$page has no block $2 below '$1'"
    else
        check "$4" "as the page says" shell "$3" "$text"
    fi
}

# The program of the page; capacity is a word of cluster.toml, so it may do more at a time.
program_on() {
    local file=$place/$1/usr/bin/shopd
    printf '#!/bin/sh\nexec /usr/bin/accordion demo-service --workers 64 "$@"\n' >"$file"
    chmod 755 "$file"
}

configure() {
    page_block '1. One file' 1 | sed 's/^capacity = .*/capacity = 8/'
    cat <<'TOML'

[service.shop.scaling]
slow_window = "6s"
down_window = "8s"
down_after_up = "4s"
node_age_min = "4s"
drain_period = "2s"
TOML
}

# Every path of a machine but what is its operator's, the journal's, dpkg's own or in memory.
paths_of() {
    inside "$1" find / -xdev \( -path /root -o -path /var/log/journal -o -path /var/lib/dpkg -o -path /tmp \
        -o -path /var/cache -o -path /var/tmp -o -path /usr/bin/shopd \) -prune -o -print | sort
}

install_package() {
    local machine
    for machine in $machines; do
        if [ "$machine" != c2 ]; then program_on "$machine"; fi
        paths_of "$machine" >"$place/said/$machine.before"
        cp "$package" "$place/$machine/root/accordion.deb"
        check "$machine, install" "$(basename "$package")" inside "$machine" dpkg -i /root/accordion.deb
    done
}

follow_the_page() {
    configure >"$place/web/etc/accordion/cluster.toml"
    page_says '1. One file' 2 web 'web, cluster.toml'
    page_says '2. Certificates' 1 web 'web, certificates'
    page_says '2. Certificates' 2 web 'each machine, its own certificate'
    for machine in c1 c2; do page_says '3. Start' 1 "$machine" "$machine, start"; done
    page_says '3. Start' 2 web 'web, start'
}

doctor() { inside web accordion doctor; }

# Whether nothing is left that doctor would look at.
is_healthy() { grep -q ' ok, 0 to look at, 0 failed$' <<<"$(doctor)"; }

check_health() {
    local said
    until_so 30 is_healthy
    said=$(doctor 2>&1)
    echo "$said" >"$place/said/${1//[ ,]/-}"
    if [[ $said =~ ' ok, 0 to look at, 0 failed'$ ]]; then
        ok "$1" "${said##*$'\n'}"
    else
        bad "$1" "doctor has something to look at" "$said"
    fi
}

says_what_the_page_shows() {
    without_numbers() { sed 's/digest [0-9a-f]*/digest/; s/[0-9][0-9]*/0/g'; }
    diff <(page_block '4. Ask the doctor' 2 | without_numbers) <(doctor | without_numbers)
}

check_doctor() {
    local fault="node c2: cannot run the program of shop: there is no /usr/bin/shopd"
    doctor_finds() { grep -q "$1" <<<"$(doctor 2>&1)"; }
    if until_so 30 doctor_finds "^fail  $fault"; then
        ok "doctor, a program that is missing" "$fault"
    else
        bad "doctor, a program that is missing" "it is not found" "$(doctor 2>&1)"
    fi
    until_so 30 says_what_the_page_shows # the counts reach the load-manager a moment after the start
    check "doctor, what it says" "is what the page shows, but for the numbers" says_what_the_page_shows
    program_on c2
    check_health "doctor, all machines"
    inside c2 systemctl stop task-processor
    if until_so 30 doctor_finds '^fail  node c2: '; then
        ok "doctor, a node that is stopped" "$(doctor | grep '^fail  node c2: ')"
    else
        bad "doctor, a node that is stopped" "it is not found" "$(doctor 2>&1)"
    fi
    inside c2 systemctl start task-processor
    check_health "doctor, a node that is back"
}

# Whether each machine has all its units, and they are well and have been all the time.
check_units() {
    local machine daemons
    for machine in $machines; do
        daemons=$(inside "$machine" systemctl show --property=Id,SubState,NRestarts --value 'service-manager@*' \
            'load-manager@*' task-processor.service | paste -sd ' ' | sed 's/  */ /g')
        if until_so 60 is_up "$machine" && [[ ! $daemons =~ \ [1-9] ]]; then
            ok "$machine, units" "$daemons"
        else
            bad "$machine, units" "$(inside "$machine" systemctl is-system-running)" \
                "$(inside "$machine" systemctl --no-pager list-units --failed 2>&1)"
        fi
    done
}
