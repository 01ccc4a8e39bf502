# After a purge nothing is left: no file, user, process or unit, and nothing in memory.

check_purge() {
    local machine left uid
    for machine in web c1 c2; do
        uid=$(inside "$machine" id -u accordion)
        check "$machine, purge" "by dpkg" inside "$machine" dpkg -P accordion
        left=$(left_on "$machine" "$uid")
        if [ -z "$left" ]; then
            ok "$machine, purged" "nothing is left"
        else
            bad "$machine, purged" "this is left" "$left"
        fi
    done
}

left_on() {
    paths_of "$1" | comm -13 "$place/said/$1.before" -
    inside "$1" find / /run /tmp /var/tmp /dev/shm -xdev \( -name '*accordion*' -o -uid "$2" -o -nouser -o -nogroup \) \
        -not -path '/root/*' | sort -u
    inside "$1" pgrep --list-full --uid "$2"
    inside "$1" systemctl list-units --all --plain --no-legend '*accordion*' 'service-manager*' 'load-manager*' \
        'task-processor*'
    inside "$1" systemctl list-units --failed --plain --no-legend
    inside "$1" getent passwd accordion
    inside "$1" getent group accordion
}
