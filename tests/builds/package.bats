# SPDX-License-Identifier: PostgreSQL
# The packages: what is in them, with which modes and dependencies, and what their scripts do. tests/ondemand/package
# installs the deb. Everything is built and installed under umask 077, as by a careful root.
bats_require_minimum_version 1.5.0
# shellcheck disable=SC2154  # set by run

setup_file() {
	cd "$SOURCE_DIR" || return 1
	umask 077
	rm -rf build/package/*.deb build/package/*.rpm
	cmake --workflow --preset package
	DEB=$(echo build/package/labctl_*.deb)
	[ -f "$DEB" ]
	dpkg-deb -c "$DEB" >"$BATS_FILE_TMPDIR/contents"
	export DEB
}

setup() {
	export LC_ALL=C.UTF-8
	cd "$SOURCE_DIR" || exit 1
}

# The paths of the package's files, without directories.
files() { awk '$1 !~ /^d/ { sub(/^\.\//, "/", $6); print $6 }' "$BATS_FILE_TMPDIR/contents" | sort; }

# What others cannot use, or could write: "MODE PATH".
closed() { find "$1" \( -type d ! -perm 755 -o -type f ! -perm 644 ! -perm 755 \) -printf '%m %P\n'; }

@test "every file of the data, the program, manual pages, completion and documents" {
	files >"$BATS_TEST_TMPDIR/has"
	{
		find completion domains kickstart tuning -type f | sed 's,^,/usr/share/labctl/,'
		find README.md CHANGELOG.md docs -type f ! -name '*.[15]' | sed 's,^,/usr/share/doc/labctl/,'
		printf '%s\n' /usr/bin/labctl /usr/share/man/man1/labctl.1 /usr/share/man/man5/lab.5 /usr/share/man/man5/labctl-config.5 \
			/usr/share/doc/labctl/copyright /usr/share/bash-completion/completions/labctl \
			/usr/share/zsh/vendor-completions/_labctl /usr/share/fish/vendor_completions.d/labctl.fish \
			/usr/lib/systemd/system/labctl-{autostart@.service,expire@.service,expire@.timer}
	} | sort >"$BATS_TEST_TMPDIR/wanted"
	diff -u "$BATS_TEST_TMPDIR/wanted" "$BATS_TEST_TMPDIR/has"
}

@test "modes and owners do not depend on the umask" {
	[ "$(awk '{print $2}' "$BATS_FILE_TMPDIR/contents" | sort -u)" = root/root ]
	[ -z "$(awk '$1 !~ /^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x)$/' "$BATS_FILE_TMPDIR/contents")" ]
	# The same scripts are executable as in the source tree.
	find domains kickstart tuning -type f -perm /100 | sed 's,^,/usr/share/labctl/,' | sort >"$BATS_TEST_TMPDIR/wanted"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/wanted")" -gt 3 ]
	awk '$1 == "-rwxr-xr-x" { sub(/^\.\//, "/", $6); print $6 }' "$BATS_FILE_TMPDIR/contents" | grep -v ^/usr/bin/ | sort |
		diff -u "$BATS_TEST_TMPDIR/wanted" -
}

@test "cmake --install under umask 077 leaves nothing that others cannot read" {
	umask 077
	DESTDIR=$BATS_TEST_TMPDIR/root cmake --install "$(dirname "$LABCTL")" >"$BATS_TEST_TMPDIR/log"
	[ -x "$BATS_TEST_TMPDIR/root/usr/local/bin/labctl" ]
	[ -z "$(closed "$BATS_TEST_TMPDIR/root/usr/local" | tee /dev/stderr)" ]
}

@test "dependencies: the libraries, and every program of tests/support/packages" {
	dpkg-deb -f "$DEB" Depends Recommends >"$BATS_TEST_TMPDIR/depends"
	words=$(sed 's/^[A-Za-z]*: //; s/([^)]*)//g' "$BATS_TEST_TMPDIR/depends" | tr -s ',| \n' '\n' | sort)
	# nfs-ganesha comes with its module that serves directories
	run -0 comm -13 <(printf '%s\nnfs-ganesha\n' "$words" | sort) <(tests/support/packages list run)
	[ -z "$output" ]
	for library in libarchive libblkid libc6 libcurl libjansson libpq libsmartcols libssh2 libssl libvirt libxml2 libyaml; do
		grep -q "^Depends:.*\b$library" "$BATS_TEST_TMPDIR/depends" || { echo "no $library" && false; }
	done
	[ "$(dpkg-deb -f "$DEB" Architecture)" = "$(dpkg --print-architecture)" ]
	[ "$(dpkg-deb -f "$DEB" Version)" = "$("$LABCTL" version --json | jq -r .labctl)" ]
}

@test "the program finds the installed data, and is stripped" {
	dpkg-deb -x "$DEB" "$BATS_TEST_TMPDIR/tree"
	grep -qaF /usr/share/labctl "$BATS_TEST_TMPDIR/tree/usr/bin/labctl"
	for place in /usr/local/share "$PWD"; do
		run ! grep -qaF "$place" "$BATS_TEST_TMPDIR/tree/usr/bin/labctl"
	done
	[ "$(LABCTL_DATA=$BATS_TEST_TMPDIR/tree/usr/share/labctl "$BATS_TEST_TMPDIR/tree/usr/bin/labctl" version --json | jq -r .data)" = \
		"$BATS_TEST_TMPDIR/tree/usr/share/labctl" ]
	run -0 readelf -S "$BATS_TEST_TMPDIR/tree/usr/bin/labctl"
	[[ $output != *.debug_info* ]]
}

@test "systemd takes the units as they are installed" {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
	dpkg-deb -x "$DEB" "$BATS_TEST_TMPDIR/tree"
	mkdir "$BATS_TEST_TMPDIR/units"
	cp "$BATS_TEST_TMPDIR/tree/usr/lib/systemd/system/"labctl-* "$BATS_TEST_TMPDIR/units"
	cd "$BATS_TEST_TMPDIR/units"
	grep -q ' /usr/bin/labctl autostart$' labctl-autostart@.service
	grep -q ' /usr/bin/labctl -y gc --expired$' labctl-expire@.service
	# SYSTEMD_UNIT_PATH with a colon at the end: the usual directories after this one.
	run -0 env SYSTEMD_UNIT_PATH="$PWD:" systemd-analyze verify --man=no ./labctl-autostart@var-lib-labctl.service \
		./labctl-expire@var-lib-labctl.service ./labctl-expire@srv-my\\x20labs.timer
	# Units of other packages may have faults of their own.
	run ! grep labctl <<<"$output"
	sed -i 's/^Type=oneshot/Typo=oneshot/' labctl-expire@.service
	run env SYSTEMD_UNIT_PATH="$PWD:" systemd-analyze verify --man=no ./labctl-expire@var-lib-labctl.service
	[[ $output == *Typo* ]]
}

# purge: runs the package's script in a mount namespace where $T/lib and $T/cache are labctl's directories, and $T/systemd is
# that of the administrator's units.
purge() {
	unshare --mount --propagation private sh -ec '
		mount --bind "$1/lib" /var/lib
		mount --bind "$1/cache" /var/cache
		mount --bind "$1/systemd" /etc/systemd
		exec sh "$1/control/postrm" "$2"' sh "$T" "$1"
}

@test "purge removes the record and the cache; with labs it removes nothing and names them" {
	[ "$(id -u)" = 0 ] || skip "needs root for a mount namespace"
	T=$BATS_TEST_TMPDIR
	dpkg-deb -e "$DEB" "$T/control"
	[ "$(stat -c %a "$T/control/postinst" "$T/control/postrm" "$T/control/prerm" | sort -u)" = 755 ]
	mkdir -p "$T/systemd/system/timers.target.wants" "$T"/lib/{labctl/{labs,leases,sources},other} "$T"/cache/{labctl/{images,users},other} "$T/home/labs/mine"
	ln -s "$T/home" "$T/cache/labctl/users/0123456789ab"
	ln -s "$T/gone" "$T/cache/labctl/users/123456789abc"
	mkdir "$T/lib/labctl/labs/one"
	for unit in labctl-expire@srv-labs.timer other.timer; do
		ln -s "/usr/lib/systemd/system/$unit" "$T/systemd/system/timers.target.wants/$unit"
	done
	for word in remove upgrade; do
		run -0 purge $word
		[ -z "$output" ]
	done
	[ -L "$T/systemd/system/timers.target.wants/labctl-expire@srv-labs.timer" ]
	run -0 purge purge
	[ "$(ls "$T/systemd/system/timers.target.wants")" = other.timer ]
	[[ $output == *"stay, because there are labs"*"$T/home/labs/mine"*"/var/lib/labctl/labs/one"*"next: "* ]]
	[ -d "$T/lib/labctl/labs/one" ] && [ -d "$T/cache/labctl/images" ]
	rmdir "$T/lib/labctl/labs/one" "$T/home/labs/mine"
	run -0 purge purge
	[ -z "$output" ]
	[ "$(ls "$T/lib")" = other ] && [ "$(ls "$T/cache")" = other ]
	run -0 purge purge
}

@test "the rpm has the same files and needs the same libraries" {
	command -v rpmbuild >/dev/null || skip "no rpmbuild (package rpm)"
	umask 077
	run -0 cpack --preset package -G RPM
	local -a made=(build/package/labctl-*.rpm)
	[ -f "${made[0]}" ]
	rpm -qp --qf '[%{FILEMODES:perms} %{FILEUSERNAME} %{FILENAMES}\n]' "${made[0]}" >"$BATS_TEST_TMPDIR/rpm"
	grep -v ^d "$BATS_TEST_TMPDIR/rpm" | awk '{print $3}' | sort | diff -u <(files) -
	[ "$(awk '{print $2}' "$BATS_TEST_TMPDIR/rpm" | sort -u)" = root ]
	[ -z "$(awk '$1 !~ /^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x)$/' "$BATS_TEST_TMPDIR/rpm")" ]
	# No directory of other packages.
	[ -z "$(awk '$1 ~ /^d/ {print $3}' "$BATS_TEST_TMPDIR/rpm" | grep -v labctl)" ]
	rpm -qpR "${made[0]}" >"$BATS_TEST_TMPDIR/needs"
	for word in libvirt.so.0 libpq.so.5 libssh2.so.1 libvirt-daemon openssh-clients qemu-img; do
		grep -q "^$word" "$BATS_TEST_TMPDIR/needs" || { echo "no $word" && false; }
	done
}
