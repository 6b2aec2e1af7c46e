#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Builds Citus from an unpacked source archive for the newest PostgreSQL in the
# build root.
#
# labctl runs this as root in a chroot on a temporary overlay. It changes no source
# file; it adapts options and make variables only, and reports each adaptation.
#
# In:   SRC        directory of the unpacked archive
#       PREFIX     labctl's directory on the nodes, which holds the file version (/opt/citus)
#       LINK       symbolic link to PREFIX; empty or equal to PREFIX for none
#       DESTDIR    directory to install everything below (or OUT)
#       CONFIGURE  options for configure, separated by blanks, without quotes
#       JOBS       parallel jobs of make (default: all processors)
# Out:  stdout     ::step NAME, ::adapt WHAT: WHY, ::evidence LINE, ::fail STEP: REASON
#       stderr     everything else
# Exit: 0 built, installed and tested; 1 after a ::fail line.
#
# The extension goes into PostgreSQL's own directories: version 15 looks nowhere
# else.

set -u
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022
exec 3>&1 1>&2 </dev/null

SRC=${SRC:-}
PREFIX=${PREFIX:-/opt/citus}
LINK=${LINK:-$PREFIX}
DESTDIR=${DESTDIR:-${OUT:-}}
JOBS=${JOBS:-$(nproc)}
CONFIGURE=${CONFIGURE:-}
dest=$DESTDIR
unset DESTDIR OUT PORT MAKEFLAGS MAKELEVEL CFLAGS CPPFLAGS LDFLAGS

STEP=check
WORK=
INCLUDE=
trap 'rm -rf -- ${WORK:+"$WORK"} ${INCLUDE:+"$INCLUDE"}' EXIT

step()  { STEP=$1; printf '::step %s\n' "$1" >&3; printf '== %s\n' "$1"; }
adapt() { printf '::adapt %s\n' "$1" >&3; printf -- '-- %s\n' "$1"; }
fail()  { printf '::fail %s: %s\n' "$STEP" "$1" >&3; printf -- '!! %s\n' "$1"; exit 1; }

# ---------------------------------------------------------------- check
step check

[ -n "$SRC" ] && [ -d "$SRC" ] || fail "SRC is not a directory: '$SRC'"
[[ $PREFIX == /?* ]] || fail "PREFIX is not an absolute path: '$PREFIX'"
[[ $dest == /?* ]] || fail "DESTDIR is not an absolute path: '$dest'"
[[ $JOBS =~ ^[1-9][0-9]*$ ]] || fail "JOBS is not a number: '$JOBS'"
case $CONFIGURE in *[\"\'\\\`\$]*) fail "quotes and substitutions are not allowed in the configure options";; esac
read -r -d '' -a options <<<"$CONFIGURE"

[ -e "$SRC/configure" ] || fail "the archive has no configure: it is not a source archive of Citus"
package=$(grep -m 1 '^PACKAGE_STRING=' "$SRC/configure")
package=${package#PACKAGE_STRING=}; package=${package//\'/}
[[ $package == Citus\ * ]] || fail "the archive contains ${package:-an unknown package}, not Citus"
[ -e "$SRC/src/backend/distributed/citus.control" ] || fail "the archive is incomplete: it has no src/backend/distributed"

pg_config=$(printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | sort -V | tail -n 1)
[ -x "$pg_config" ] || fail "the build root has no PostgreSQL"
bin=$("$pg_config" --bindir)
[[ $("$pg_config" --version) =~ \ ([0-9]+) ]] || fail "$pg_config --version printed no version"
major=${BASH_REMATCH[1]}
[ -e "$("$pg_config" --includedir-server)/postgres.h" ] && [ -e "$("$pg_config" --pgxs)" ] ||
    fail "the build root lacks the headers of PostgreSQL $major (postgresql-server-dev-$major)"
missing=
for tool in gcc make perl sed setpriv "$bin/initdb" "$bin/postgres"; do
    command -v "$tool" >/dev/null || missing+=" $tool"
done
[ -z "$missing" ] || fail "the build root lacks:$missing"
[ -c /dev/null ] || fail "/dev/null in the build root is not a device"
printf '%s in %s for PostgreSQL %s\n' "$package" "$SRC" "$major"

# The error of its configure names only the unsupported major, not the supported ones.
majors=$(grep -o "version_num\" *!= *'[0-9.]*'" "$SRC/configure" | tr -cd '0-9.\n' | sort -Vu | paste -sd ' ')
if [[ -n $majors && " $majors " != *" $major "* && $CONFIGURE != *--without-pg-version-check* ]]; then
    fail "$package supports PostgreSQL ${majors// /, }, but the nodes have $major"
fi

if [[ $CONFIGURE != *libcurl* && ! -e /usr/include/curl/curl.h ]] &&
    ! compgen -G '/usr/include/*/curl/curl.h' >/dev/null; then
    options+=(--without-libcurl)
    adapt "--without-libcurl: the build root has no libcurl headers; Citus needs it only to report usage statistics"
fi
adapt "with_llvm=no: LLVM bitcode, for inlining by the JIT compiler, would double the compile time"
adapt "COPT=-g0: no debug information, which nodes do not use and which every node would get a copy of"
options_of_gcc=-g0

# ------------------------------------------------------------ configure
step configure
cd "$SRC" || fail "cannot enter $SRC"
printf './configure %s\n' "${options[*]}"
./configure PG_CONFIG="$pg_config" "${options[@]}" || {
    reason=$(grep -a '^configure:[0-9]*: error: ' config.log 2>/dev/null | tail -n 1)
    fail "${reason:-configure failed}"
}

# Citus 13 defines a function for PostgreSQL 15 that its later minor releases declare. A header of our own with the name of the
# server's comes first, and gives the server's function another name.
headers=$("$pg_config" --includedir-server)
clash=$(printf '#include "%s"\n' postgres.h commands/dbcommands.h pg_version_compat.h |
    gcc -x c -fsyntax-only -Isrc/include "-I$headers" - 2>&1 | grep -o "static declaration of .have_createdb_privilege.")
if [ -n "$clash" ]; then
    INCLUDE=$(mktemp -d /tmp/citus-include.XXXXXX) && mkdir "$INCLUDE/commands" || fail "cannot create a temporary directory"
    cat >"$INCLUDE/commands/dbcommands.h" <<'HEADER'
#define have_createdb_privilege pg_have_createdb_privilege
#include_next "commands/dbcommands.h"
#undef have_createdb_privilege
HEADER
    options_of_gcc+=" -I$INCLUDE"
    adapt "COPT=-I of a header that renames the server's have_createdb_privilege(): Citus defines a function of that name for PostgreSQL $major, whose later minor releases declare it too"
fi
variables=(with_llvm=no "COPT=$options_of_gcc")

# ----------------------------------------------------------------- make
step make
make -j "$JOBS" "${variables[@]}" all || fail "make failed with status $?"

# -------------------------------------------------------------- install
step install
make "${variables[@]}" install DESTDIR="$dest" || fail "make install failed with status $?"
mkdir -p "$dest$PREFIX" && printf '%s for PostgreSQL %s\n' "${package#Citus }" "$major" >"$dest$PREFIX/version" ||
    fail "cannot write $PREFIX/version"
if [ "$LINK" != "$PREFIX" ]; then
    mkdir -p "$dest${LINK%/*}" && ln -sfn "$PREFIX" "$dest$LINK" || fail "cannot create the link $LINK"
fi

# --------------------------------------------------------------- verify
# Start a server that loads the extension. It looks in the build root's directories, so install there too.
step verify
[ "$(stat -f -c %T /)" = overlayfs ] || fail "the build root is not an overlay: will not copy into it"
cp -a "$dest/usr/." /usr/ || fail "cannot copy the installed files into the build root"
WORK=$(mktemp -d /tmp/citus-build.XXXXXX) && chown 65534:65534 "$WORK" && cd "$WORK" || fail "cannot create a temporary directory"
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"; }
sql() { nobody "$bin/psql" -h "$WORK" -U postgres -d postgres -XAtq -v ON_ERROR_STOP=1 -c "$1"; }
broken() {
    tail -n 15 "$WORK/log" | sed 's/^/::evidence /' >&3
    fail "$1"
}
nobody "$bin/initdb" -D "$WORK/data" -U postgres -A trust -E UTF8 --locale=C --no-sync || fail "initdb failed"
nobody "$bin/pg_ctl" -D "$WORK/data" -l "$WORK/log" -w \
    -o "-c listen_addresses= -k $WORK -c shared_preload_libraries=citus -c fsync=off" start ||
    broken "a server that loads citus did not start"
sql 'CREATE EXTENSION citus' || broken "CREATE EXTENSION citus failed"
reported=$(sql 'SELECT citus_version()') || broken "citus_version() failed"
printf '%s\n' "$reported"
[[ $reported == "$package"* ]] || broken "citus_version() returned '$reported', not $package"
nobody "$bin/pg_ctl" -D "$WORK/data" -w -m fast stop || broken "the server did not stop"
exit 0
