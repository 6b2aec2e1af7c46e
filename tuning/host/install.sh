#!/bin/sh
# SPDX-License-Identifier: PostgreSQL
# Installs labctl on another host: its program and data files are a tar archive on standard input. labctl sets place and command before it.
# Prints "missing=LIBRARY" for what the program needs and the host lacks, and installs nothing then.
set -eu
: "${place:?}" "${command:?}"
umask 022
rm -rf "$place.new" "$place.old"
mkdir -p "$place.new" "${command%/*}"
tar --no-same-owner -xf - -C "$place.new"
missing=$(ldd "$place.new/labctl" 2>&1 | sed -n 's/^[[:space:]]*\([^ ]*\) => not found.*/missing=\1/p; s/.*version `\([^'"'"']*\).* not found.*/missing=\1/p' | sort -u)
if [ -n "$missing" ]; then
	echo "$missing"
	rm -rf "$place.new"
	exit 0
fi
"$place.new/labctl" --json version </dev/null >/dev/null
[ ! -e "$place" ] || mv "$place" "$place.old"
mv "$place.new" "$place"
ln -sfn "$place/labctl" "$command"
rm -rf "$place.old"
