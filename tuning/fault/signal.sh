# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL

# signal_server SIGNAL ROLE DIR: sends it to all processes of the server in DIR: those of DIR's owner that work there. Twice,
# because one may have forked meanwhile.
signal_server() {
    local at owner turn found=
    owner=$(stat -c %u "$3" 2>/dev/null) || die "the $2 has no $3"
    for turn in 1 2; do
        for at in /proc/[1-9]*; do
            [[ $at/cwd -ef $3 && $(stat -c %u "$at" 2>/dev/null) == "$owner" ]] || continue
            kill -s "$1" "${at#/proc/}" 2>/dev/null && found=$turn
        done
    done
    # one that has ended since it was stopped needs nothing
    [[ -n $found || $1 == CONT ]] || die "the $2 does not run"
    [[ -z $found ]] || changed "SIG$1 to the $2"
}

