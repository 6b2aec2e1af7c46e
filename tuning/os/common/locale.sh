# shellcheck shell=bash disable=SC2154  # known.sh: locale_works, locale_line
# SPDX-License-Identifier: PostgreSQL
# Sets the time zone and generates the locale. /etc/timezone and /etc/default/locale name them already.

set_zone() {
    local zone=@{timezone:sh} file
    file=/usr/share/zoneinfo/$zone
    [[ -f $file ]] || { skipped "time zone $zone: no such file in /usr/share/zoneinfo"; return; }
    [[ -L /etc/localtime && /etc/localtime -ef $file ]] && return
    ln -sfT "$file" /etc/localtime || die "cannot set the time zone"
    changed "time zone $zone"
}

set_locale() {
    local name=@{locale:sh} line
    case $name in C | POSIX | C.UTF-8 | C.utf8) return;; esac
    locale_works "$name" && return
    locale_line "$name" || { skipped "locale $name: the image cannot generate locales"; return; }
    printf '%s\n' "$line" >>/etc/locale.gen
    locale-gen >/run/labctl/locale-gen 2>&1 </dev/null || { evidence /run/labctl/locale-gen; die "locale-gen failed"; }
    changed "locale $name generated"
}

set_zone
set_locale
