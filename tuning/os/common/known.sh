# shellcheck shell=bash
# SPDX-License-Identifier: PostgreSQL
# Before anything is written: does this system know the time zone and the locale of the lab file? The defaults are
# nobody's wish: a system that lacks them goes without.

# locale_works NAME: has the C library such a locale? In UTF-8 two bytes may be one character, else bash itself warns.
locale_works() {
    local two=$'\303\251' said
    if [[ $1 == *.[Uu][Tt][Ff]* ]]; then
        { local LC_ALL=$1; } 2>/dev/null
        (( ${#two} == 1 ))
        return
    fi
    said=$( { LC_ALL=$1; } 2>&1 )
    [[ -z $said ]]
}

# locale_line NAME: how the system's list of locales that can be made names it, in the variable line.
locale_line() {
    [[ -x /usr/sbin/locale-gen && -r /usr/share/i18n/SUPPORTED ]] || return 1
    while IFS= read -r line; do
        [[ $line == "$1 "* ]] && return 0
    done </usr/share/i18n/SUPPORTED
    return 1
}

known_names() {
    local zone=@{timezone:sh} name=@{locale:sh} line
    if [[ $zone != UTC && ! -f /usr/share/zoneinfo/$zone ]]; then
        printf '::next correct tuning.timezone in the lab file, then: labctl -f FILE create\n'
        die "there is no time zone $zone in /usr/share/zoneinfo"
    fi
    case $name in C | POSIX | C.UTF-8 | C.utf8 | en_US.UTF-8) return;; esac
    locale_works "$name" || locale_line "$name" && return
    printf '::next correct tuning.locale in the lab file, then: labctl -f FILE create\n'
    die "there is no locale $name, and this system can make none of that name"
}
known_names
