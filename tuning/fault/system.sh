# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Faults of the operating system of a machine. Each function is called with `begin AMOUNT`, also while it is in force, and `end AMOUNT`.

# delay begin|end MILLISECONDS: of every frame that leaves.
delay() {
    local at link
    for at in /sys/class/net/*/device; do
        link=${at%/device} link=${link##*/}
        if [[ $1 == begin ]]; then
            tc qdisc replace dev "$link" root netem delay "$2ms" limit 100000 || die "$link cannot be delayed: no netem?"
            changed "$link is $2 ms late"
        elif tc qdisc show dev "$link" root | grep -q '^qdisc netem '; then
            tc qdisc del dev "$link" root || die "the delay of $link does not end"
            changed "$link is not late any more"
        fi
    done
}

# clock +|- begin|end SECONDS: a jump, and back to the time of the virtual hardware, which is the host's.
clock() {
    local now
    if [[ $2 == begin ]]; then
        ! systemctl -q is-active chrony 2>/dev/null || systemctl stop chrony || die "chrony does not stop"
        printf -v now '%(%s)T' -1
        date -s "@$((now + $1$3))" >/dev/null || die "the clock cannot be set"
        changed "the clock is set $1$3 s"
        return
    fi
    IFS= read -r now </sys/class/rtc/rtc0/since_epoch || die "the clock of the hardware cannot be read"
    date -s "@$now" >/dev/null || die "the clock cannot be set"
    ! systemctl -q is-enabled chrony 2>/dev/null || systemctl start chrony || die "chrony does not start"
    changed "the clock has the host's time"
}
