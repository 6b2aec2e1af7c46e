#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Builds Postgres-XC, or one of its successors, from an unpacked source archive, inside the build root.
#
# labctl runs this as root in a chroot. It changes no source file: where today's
# compilers and libraries reject the source, it uses options, environment and
# wrapper programs. It tests the tools first and reports each adaptation.
#
# In:   SRC        directory of the unpacked archive
#       PRODUCT    what the archive must contain           (Postgres-XC)
#       PREFIX     directory on the nodes; VERSION becomes the archive's version (/opt/pgxc_VERSION)
#       LINK       symbolic link to PREFIX; empty for none (/opt/pgxc)
#       DESTDIR    directory to install PREFIX and LINK below (or OUT)
#       PORT       default port compiled in                (1921)
#       CONFIGURE  options for configure, separated by blanks, without quotes
#       JOBS       parallel jobs of make                   (default: all processors)
#       PATCHES    directory of the user's patches, applied with -p1 in order of their names; empty for none
#       EXTRA      directory of gtm_sequence.c, if that is to be built
# Out:  stdout     ::step NAME, ::adapt WHAT: WHY, ::fail STEP: REASON
#       stderr     everything else
# Exit: 0 built, installed and tested; 1 after a ::fail line.

set -u
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022
exec 3>&1 1>&2 </dev/null

SRC=${SRC:-}
PRODUCT=${PRODUCT:-Postgres-XC}
PREFIX=${PREFIX:-/opt/pgxc_VERSION}
LINK=${LINK-/opt/pgxc}
DESTDIR=${DESTDIR:-${OUT:-}}
PORT=${PORT:-1921}
JOBS=${JOBS:-$(nproc)}
PATCHES=${PATCHES:-}
EXTRA=${EXTRA:-$(dirname "$0")}
CONFIGURE=${CONFIGURE---with-perl --with-python --with-tcl --with-openssl --with-pam --without-ldap --with-libxml --with-libxslt --enable-thread-safety --with-wal-blocksize=16 --enable-debug}
dest=$DESTDIR
unset DESTDIR OUT MAKEFLAGS MAKELEVEL CFLAGS CPPFLAGS LDFLAGS

STEP=check
WORK=
trap 'if [ -n "$WORK" ]; then rm -rf -- "$WORK"; fi' EXIT

step()  { STEP=$1; printf '::step %s\n' "$1" >&3; printf '== %s\n' "$1"; }
adapt() { printf '::adapt %s\n' "$1" >&3; printf -- '-- %s\n' "$1"; }
fail()  { printf '::fail %s: %s\n' "$STEP" "$1" >&3; printf -- '!! %s\n' "$1"; exit 1; }

# The version in the first line of "TOOL --version", as NNNMMM (2.6.4 -> 2006).
version_of() {
    local line
    line=$("$1" --version 2>/dev/null | head -n 1)
    [[ $line =~ ([0-9]+)\.([0-9]+) ]] || { echo 0; return; }
    echo $(( BASH_REMATCH[1] * 1000 + 10#${BASH_REMATCH[2]} ))
}

# Does this C program compile?
compiles() {
    printf '%s\n' "$1" | gcc -x c -fsyntax-only "${@:2}" - 2>/dev/null
}

has_option() {
    local o
    for o in "${options[@]}"; do [[ $o == "$1" ]] && return 0; done
    return 1
}

drop_option() {
    local o kept=()
    for o in "${options[@]}"; do [[ $o == $1 ]] || kept+=("$o"); done
    options=("${kept[@]}")
}

# ---------------------------------------------------------------- check
step check

[ -n "$SRC" ] && [ -d "$SRC" ] || fail "SRC is not a directory: '$SRC'"
[[ $PREFIX == /?* ]] || fail "PREFIX is not an absolute path: '$PREFIX'"
[[ $dest == /?* ]] || fail "DESTDIR is not an absolute path: '$dest'"
[[ $PORT =~ ^[0-9]+$ ]] || fail "PORT is not a number: '$PORT'"
[[ $JOBS =~ ^[1-9][0-9]*$ ]] || fail "JOBS is not a number: '$JOBS'"

if [ ! -e "$SRC/configure" ]; then
    inside=("$SRC"/*/configure)
    [ "${#inside[@]}" -eq 1 ] && [ -e "${inside[0]}" ] ||
        fail "the archive has no configure: it is not a source archive of $PRODUCT"
    SRC=${inside[0]%/configure}
fi
package=$(grep -m 1 "^PACKAGE_STRING=" "$SRC/configure")
package=${package#PACKAGE_STRING=}; package=${package//\'/}
# "Postgres-XC 1.0.2", "PostgreSQL 9.2.4 (Postgres-XL 9.2.0)", "OpenTenBase V2.00.1"
[[ $package == *"$PRODUCT "* ]] ||
    fail "the archive contains ${package:-an unknown package}, not $PRODUCT"
version=${package##*"$PRODUCT "}
version=${version%)}
if [[ $version == V* ]]; then                # that of its first release; the name of the directory has the right one
    [[ ${SRC##*/} =~ -v?([0-9][0-9.]*)$ ]] && version=${BASH_REMATCH[1]}
    version=${version#V}
fi
[[ $version =~ ^[0-9][0-9a-z.]*$ ]] || fail "cannot read the archive's version: '$package'"
PREFIX=${PREFIX//VERSION/$version}
[ -e "$SRC/src/gtm/main/main.c" ] || fail "the archive is incomplete: it has no src/gtm"
printf '%s in %s\n' "$package" "$SRC"

missing=
for tool in gcc make bison flex perl sed tar setpriv; do
    command -v "$tool" >/dev/null || missing+=" $tool"
done
[ -z "$missing" ] || fail "the build root lacks:$missing"
[ -c /dev/null ] || fail "/dev/null in the build root is not a device"

case $CONFIGURE in *[\"\'\\\`\$]*) fail "quotes and substitutions are not allowed in the configure options";; esac
read -r -d '' -a options <<<"$CONFIGURE"
WORK=$(mktemp -d /tmp/pgxc-build.XXXXXX) || fail "cannot create a temporary directory"
chmod 755 "$WORK"

if has_option --with-openssl && [ ! -e "$SRC/src/backend/libpq/be-secure-openssl.c" ] && ! compiles '#include <openssl/ssl.h>
int size(void); int size(void) { return (int)sizeof(SSL); }'; then
    if [ -e /usr/include/openssl/ssl.h ]; then
        adapt "drops --with-openssl: be-secure.c uses members of SSL and BIO, which OpenSSL has hidden since 1.1"
    else
        adapt "drops --with-openssl: the build root has no OpenSSL headers"
    fi
    drop_option --with-openssl
fi

if has_option --with-python; then
    python=${PYTHON:-$(command -v python || command -v python3)}
    include=
    [ -z "$python" ] || include=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
    if [ -z "$include" ] || [ ! -e "$include/Python.h" ]; then
        adapt "drops --with-python: the build root has no Python headers"
        drop_option --with-python
    elif [ ! -e "$include/eval.h" ] && grep -qrs 'include.*eval\.h' "$SRC/src/pl/plpython"; then
        adapt "drops --with-python: plpython.c includes eval.h, which Python no longer has"
        drop_option --with-python
    fi
fi

cflags=-O2
if [ "$(gcc -dumpversion | cut -d. -f1)" -ge 10 ]; then
    cflags+=" -fcommon"
    adapt "CFLAGS -fcommon: gtm_proxy defines variables twice, which gcc rejects since version 10"
fi
if grep -qs 'values\[1\]' "$SRC/src/include/c.h" && gcc -fno-aggressive-loop-optimizations -E -x c /dev/null >/dev/null 2>&1; then
    cflags+=" -fno-aggressive-loop-optimizations"
    adapt "CFLAGS -fno-aggressive-loop-optimizations: gcc since 4.8 miscompiles the values[1] arrays, and initdb crashes"
fi
if [ "$(gcc -dumpversion | cut -d. -f1)" -ge 14 ]; then
    cflags+=" -fpermissive"
    adapt "CFLAGS -fpermissive: the source declares functions implicitly and mixes pointer types, which gcc rejects since version 14"
fi
for o in "${options[@]}"; do                 # flags of the lab file come last and win
    [[ $o == CFLAGS=* ]] && cflags+=" ${o#CFLAGS=}"
done
drop_option 'CFLAGS=*'

if [ "$(version_of flex)" -ge 2006 ] && grep -qs 'include "scan.c"' "$SRC/src/backend/parser/gram.y"; then
    cat >"$WORK/flex" <<'WRAPPER'
#!/bin/sh
# gram.c includes the scanner, and defines yylex as a macro, which breaks the output of flex 2.6.
/usr/bin/flex "$@" || exit $?
case "$1" in --version) exit 0;; esac
out=
for a in "$@"; do case "$a" in -o?*) out=${a#-o};; esac; done
if [ -n "$out" ] && grep -q core_yylex "$out" 2>/dev/null; then sed -i '1i #undef yylex' "$out"; fi
exit 0
WRAPPER
    chmod 755 "$WORK/flex"
    export pgac_cv_path_flex=$WORK/flex
    adapt "flex wrapper: configure thinks flex 2.6 is too old, and its scanner clashes with a macro of gram.c"
fi

if [ "$(version_of bison)" -ge 3000 ] && grep -qs YYPARSE_PARAM "$SRC"/contrib/{cube,seg}/*parse.y; then
    cat >"$WORK/bison" <<'WRAPPER'
#!/bin/sh
# Declares the parameter of yyparse() in the grammars of cube and seg, which use the old YYPARSE_PARAM.
out= in=
for a in "$@"; do [ "$in" != -o ] || out=$a; in=$a; done
if [ -z "$out" ] || ! grep -qs YYPARSE_PARAM "$in"; then exec /usr/bin/bison "$@"; fi
temporary=$(mktemp -d) || exit 1
trap 'rm -rf -- "$temporary"' EXIT
sed '1i %parse-param {void *result}' "$in" >"$temporary/${in##*/}" &&
    /usr/bin/bison -o "$out" "$temporary/${in##*/}" && sed -i 's/yyerror (result, /yyerror (/' "$out"
WRAPPER
    chmod 755 "$WORK/bison"
    export BISON=$WORK/bison
    adapt "bison wrapper: the grammars of cube and seg use YYPARSE_PARAM, which bison dropped in 3.0"
fi
without=
if [ -e "$SRC/contrib/pgxc_ctl/make_signature" ] && [ ! -e "$SRC/contrib/pgxc_ctl/pgxc_ctl_bash.c" ] && ! command -v ex >/dev/null; then
    without=pgxc_ctl
    adapt "leaves out contrib/pgxc_ctl: its makefile edits a file with ex, which the build root lacks, and labctl does its work"
fi
if sed '/^if/,$d' "$SRC/contrib/Makefile" | grep -q uuid-ossp && [[ " ${options[*]} " != *" --with-"*uuid* ]]; then
    without+=" uuid-ossp"
    adapt "leaves out contrib/uuid-ossp: its makefile lists it always, and without --with-uuid it does not compile"
fi
adapt "builds no documentation: an archive made from version control does not contain it, and nodes do not need it"

# ---------------------------------------------------------------- patch
# The user asked for these patches; labctl itself changes no source file.
if [ -n "$PATCHES" ]; then
    step patch
    command -v patch >/dev/null || fail "the build root lacks patch"
    for file in "$PATCHES"/*; do
        name=${file##*/}
        patch -d "$SRC" -p1 --batch --forward --no-backup-if-mismatch -i "$file" || fail "${name#*-} does not apply with -p1"
        adapt "applies ${name#*-}: cluster.source.patches names it"
    done
fi

# ------------------------------------------------------------ configure
step configure
cd "$SRC" || fail "cannot enter $SRC"
printf 'CFLAGS="%s" ./configure %s\n' "$cflags" "${options[*]} --prefix=$PREFIX --with-pgport=$PORT"
CFLAGS=$cflags ./configure "${options[@]}" --prefix="$PREFIX" --with-pgport="$PORT" || {
    reason=$(grep -m 1 -a 'error: ' config.log 2>/dev/null | tail -n 1)
    r2=$(grep -a '^configure:[0-9]*: error: ' config.log 2>/dev/null | tail -n 1)
    reason=${r2:-$reason}
    fail "${reason:-configure failed}"
}

# ----------------------------------------------------------------- make
step make
modules=$(make -s -C contrib --no-print-directory -f /dev/stdin labctl-modules without="$without" <<'MAKE'
include Makefile
labctl-modules: ; @echo $(filter-out $(without),$(SUBDIRS))
MAKE
) || fail "cannot read contrib/Makefile"
make -j "$JOBS" all || fail "make failed with status $?"
make -j "$JOBS" -C contrib SUBDIRS="$modules" ALWAYS_SUBDIRS= all || fail "make in contrib failed with status $?"

# -------------------------------------------------------------- install
step install
rm -rf -- "${dest:?}$PREFIX"
make -j "$JOBS" install DESTDIR="$dest" || fail "make install failed with status $?"
make -j "$JOBS" -C contrib SUBDIRS="$modules" ALWAYS_SUBDIRS= install DESTDIR="$dest" ||
    fail "make install in contrib failed with status $?"
# The archives of the GTM have other names since 1.1, and need src/port.
libs=(src/gtm/{client,common,libpq}/*.a src/port/libpgport.a)
if [ -e "$EXTRA/gtm_sequence.c" ]; then
    defines=$(sed -n 's/^CFLAGS = //p' src/Makefile.global | grep -o -e '-D[A-Z]*')
    # shellcheck disable=SC2086
    gcc -std=gnu99 -w -O2 -fcommon $defines -I src/include -o "$dest$PREFIX/bin/gtm_sequence" "$EXTRA/gtm_sequence.c" \
        -Wl,--start-group "${libs[@]}" -Wl,--end-group -lpthread -lm || fail "gtm_sequence does not compile against this version"
fi
if [ -n "$LINK" ]; then
    mkdir -p "$dest${LINK%/*}"
    ln -sfn "$PREFIX" "$dest$LINK" || fail "cannot create the link $LINK"
fi

# --------------------------------------------------------------- verify
# Run the installed programs: a miscompiled 9.1 builds without errors, then crashes in initdb.
step verify
bin=$dest$PREFIX/bin
export LD_LIBRARY_PATH=$dest$PREFIX/lib
mkdir "$WORK/data" && chown 65534:65534 "$WORK/data"
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"; }
cd "$WORK/data" || fail "cannot enter $WORK/data"
for p in initdb postgres pg_ctl psql initgtm; do
    nobody "$bin/$p" --version || fail "$p does not run"
done
proxy=gtm_proxy
[[ $PRODUCT != OpenTenBase ]] || proxy=              # it aborts, and no node of labctl runs it
for p in gtm gtm_ctl $proxy; do              # those of Postgres-XL have no --version
    nobody "$bin/$p" --help >/dev/null || fail "$p does not run"
done
[[ $("$bin/psql" --version) == *"$PRODUCT"* ]] || fail "psql is not that of $PRODUCT"
names=(--nodename=labctl)
! "$bin/initdb" --help | grep -q nodetype ||         # OpenTenBase
    names+=(--nodetype=coordinator --master_gtm_nodename=labctl_gtm --master_gtm_ip=127.0.0.1 --master_gtm_port=1)
nobody "$bin/initdb" -D "$WORK/data/pg" "${names[@]}" -E UTF8 --locale=C -U postgres ||
    fail "initdb failed"
nobody "$bin/initgtm" -Z gtm -D "$WORK/data/gtm" || fail "initgtm failed"
[ -e "$WORK/data/pg/PG_VERSION" ] && [ -e "$WORK/data/gtm/gtm.conf" ] || fail "initdb or initgtm made no data directory"

# What postmaster.init.sh makes data directories from, in a fifth of the time of initdb. It gives each a log of its own.
if [ -x "$bin/pg_resetxlog" ]; then
    rm -f -- "$WORK"/data/pg/pg_xlog/0* && chown -R 0:0 "$WORK/data/pg" && mv -T -- "$WORK/data/pg" "$dest$PREFIX/share/labctl.data" ||
        fail "cannot keep the data directory"
fi
exit 0
