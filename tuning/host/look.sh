#!/bin/sh
# SPDX-License-Identifier: PostgreSQL
# What labctl wants to know of a host, as NAME=VALUE lines; after a line "---" the document of doctor. labctl sets underlay, doctor, place
# and command before it.
: "${underlay:=}" "${doctor:=}" "${place:?}" "${command:?}"
PATH=$PATH:/usr/sbin:/sbin

say() { printf '%s=%s\n' "$1" "$2"; }

say uid "$(id -u)"
say arch "$(uname -m)"
# shellcheck disable=SC1091
say system "$(. /etc/os-release && echo "$PRETTY_NAME")"
ip -o -4 address show 2>/dev/null | while read -r _ link _ address _; do
	[ "${address%/*}" = "$underlay" ] || continue
	say link "${link%@*}"
	read -r mtu <"/sys/class/net/${link%@*}/mtu" && say mtu "$mtu"
done
if [ "$(readlink -f "$command")" = "$place/labctl" ]; then
	say ours yes
	say sum "$(sha256sum "$place/labctl" | cut -d' ' -f1)"
elif [ -e "$command" ]; then
	say taken "$command"
fi
found=$(command -v labctl) || exit 0
say program "$(readlink -f "$found")"
say about "$(labctl --json version </dev/null 2>&1 | tr '\n' ' ')"
[ -n "$doctor" ] || exit 0
echo ---
labctl --json doctor </dev/null || true
