#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Builds Citus from an unpacked source archive, inside the build root, for the
# newest PostgreSQL that is there.
#
# labctl runs this in a chroot as root, an overlay that goes away. It changes no
# source file: options and variables of make only, each reported.
#
# In:   SRC        directory of the unpacked archive
#       PREFIX     what is labctl's own on the nodes: a note of the version (/opt/citus)
#       LINK       symbolic link to PREFIX, empty or PREFIX itself for none
#       DESTDIR    directory that everything is installed below (or OUT)
#       CONFIGURE  options for configure, shell words without quoting
#       JOBS       parallel jobs of make (all processors)
# Out:  stdout     ::step NAME, ::adapt WHAT: WHY, ::evidence LINE, ::fail STEP: REASON
#       stderr     everything else
# Exit: 0 built, installed and proved; 1 after a ::fail line.
#
# The extension goes where PostgreSQL looks for extensions, its own directories:
# version 15 has no other place for them.

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
trap 'if [ -n "$WORK" ]; then rm -rf -- "$WORK"; fi' EXIT

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

[ -e "$SRC/configure" ] || fail "no configure in the archive: this is not a source archive of Citus"
package=$(grep -m 1 '^PACKAGE_STRING=' "$SRC/configure")
package=${package#PACKAGE_STRING=}; package=${package//\'/}
[[ $package == Citus\ * ]] || fail "the archive is ${package:-of an unknown package}, not Citus"
[ -e "$SRC/src/backend/distributed/citus.control" ] || fail "the archive has no src/backend/distributed: it is incomplete"

pg_config=$(printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | sort -V | tail -n 1)
[ -x "$pg_config" ] || fail "the build root has no PostgreSQL"
bin=$("$pg_config" --bindir)
[[ $("$pg_config" --version) =~ \ ([0-9]+) ]] || fail "$pg_config says no version"
major=${BASH_REMATCH[1]}
[ -e "$("$pg_config" --includedir-server)/postgres.h" ] && [ -e "$("$pg_config" --pgxs)" ] ||
    fail "the build root has no headers of PostgreSQL $major (postgresql-server-dev-$major)"
missing=
for tool in gcc make perl sed setpriv "$bin/initdb" "$bin/postgres"; do
    command -v "$tool" >/dev/null || missing+=" $tool"
done
[ -z "$missing" ] || fail "the build root lacks:$missing"
[ -c /dev/null ] || fail "/dev/null is not a device in the build root"
printf '%s in %s for PostgreSQL %s\n' "$package" "$SRC" "$major"

# Its configure compares the major with all that it takes, and would name only the one that it does not.
majors=$(grep -o "version_num\" *!= *'[0-9.]*'" "$SRC/configure" | tr -cd '0-9.\n' | sort -Vu | paste -sd ' ')
if [[ -n $majors && " $majors " != *" $major "* && $CONFIGURE != *--without-pg-version-check* ]]; then
    fail "$package is for PostgreSQL ${majors// /, }; the nodes have $major"
fi

if [[ $CONFIGURE != *libcurl* && ! -e /usr/include/curl/curl.h ]] &&
    ! compgen -G '/usr/include/*/curl/curl.h' >/dev/null; then
    options+=(--without-libcurl)
    adapt "--without-libcurl: with it Citus tells its makers how it is used; the build root has no headers of it"
fi
adapt "with_llvm=no: every file would be compiled a second time, for the JIT compiler's inlining"
adapt "COPT=-g0: nodes have no debugger, and every one of them gets what was built"
variables=(with_llvm=no COPT=-g0)

# ------------------------------------------------------------ configure
step configure
cd "$SRC" || fail "cannot enter $SRC"
printf './configure %s\n' "${options[*]}"
./configure PG_CONFIG="$pg_config" "${options[@]}" || {
    reason=$(grep -a '^configure:[0-9]*: error: ' config.log 2>/dev/null | tail -n 1)
    fail "${reason:-configure did not succeed}"
}

# ----------------------------------------------------------------- make
step make
make -j "$JOBS" "${variables[@]}" all || fail "make ended with $?"

# -------------------------------------------------------------- install
step install
make "${variables[@]}" install DESTDIR="$dest" || fail "make install ended with $?"
mkdir -p "$dest$PREFIX" && printf '%s for PostgreSQL %s\n' "${package#Citus }" "$major" >"$dest$PREFIX/version" ||
    fail "cannot write $PREFIX/version"
if [ "$LINK" != "$PREFIX" ]; then
    mkdir -p "$dest${LINK%/*}" && ln -sfn "$PREFIX" "$dest$LINK" || fail "cannot make the link $LINK"
fi

# --------------------------------------------------------------- verify
# A server of its own loads what was installed. It looks in the build root's directories only: so it goes there.
step verify
[ "$(stat -f -c %T /)" = overlayfs ] || fail "the build root is no overlay: nothing is copied into it"
cp -a "$dest/usr/." /usr/ || fail "cannot copy what was installed into the build root"
WORK=$(mktemp -d /tmp/citus-build.XXXXXX) && chown 65534:65534 "$WORK" && cd "$WORK" || fail "no temporary directory"
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"; }
sql() { nobody "$bin/psql" -h "$WORK" -U postgres -d postgres -XAtq -v ON_ERROR_STOP=1 -c "$1"; }
broken() {
    tail -n 15 "$WORK/log" | sed 's/^/::evidence /' >&3
    fail "$1"
}
nobody "$bin/initdb" -D "$WORK/data" -U postgres -A trust -E UTF8 --locale=C --no-sync || fail "initdb does not work"
nobody "$bin/pg_ctl" -D "$WORK/data" -l "$WORK/log" -w \
    -o "-c listen_addresses= -k $WORK -c shared_preload_libraries=citus -c fsync=off" start ||
    broken "a server that loads citus does not start"
sql 'CREATE EXTENSION citus' || broken "CREATE EXTENSION citus does not work"
said=$(sql 'SELECT citus_version()') || broken "citus_version() does not work"
printf '%s\n' "$said"
[[ $said == "$package"* ]] || broken "citus_version() says '$said', not $package"
nobody "$bin/pg_ctl" -D "$WORK/data" -w -m fast stop || broken "the server does not stop"
exit 0
