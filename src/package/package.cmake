# SPDX-License-Identifier: PostgreSQL
# `cmake --workflow --preset package` makes build/package/labctl_*.deb; then `cpack --preset package -G RPM` an rpm.
# tests/builds/package.bats inspects both; tests/ondemand/package installs, upgrades and purges the deb.
set(CPACK_GENERATOR DEB)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_PACKAGE_NAME labctl)
set(CPACK_PACKAGE_CONTACT "labctl maintainers <labctl@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "labs of machines that run a distributed PostgreSQL")
set(CPACK_PACKAGE_DESCRIPTION "Creates virtual machines or containers through libvirt, gives each a data
directory over NFS, tunes their operating systems over SSH, builds the
cluster's software (Postgres-XC, Citus) or uses the distribution's PostgreSQL,
starts and tests the cluster, and removes everything again.")
set(CPACK_RESOURCE_FILE_LICENSE ${CMAKE_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/modes.cmake)
set(CPACK_STRIP_FILES ON)

# dpkg-shlibdeps adds the libraries, with the versions of the release on which the package is built. Together, the programs
# are those of tests/support/packages.
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
string(CONCAT CPACK_DEBIAN_PACKAGE_DEPENDS
	"bash, ca-certificates, dnsmasq-base, e2fsprogs, iproute2, iptables, libvirt-daemon-system, mmdebstrap, nftables, "
	"openssh-client, procps, qemu-utils, tar, util-linux")
# Machines by KVM or emulation, containers, UEFI, `labctl psql`, virsh; an NFS server: the kernel's, or nfs-ganesha where
# the kernel has none.
string(CONCAT CPACK_DEBIAN_PACKAGE_RECOMMENDS
	"qemu-system-x86, libvirt-daemon-driver-qemu, libvirt-daemon-driver-lxc, libvirt-clients, ovmf, postgresql-client, "
	"nfs-kernel-server | nfs-ganesha-vfs")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "nfs-ganesha, nfs-ganesha-vfs, debian-installer-12-netboot-amd64, graphviz, sysbench")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_LIST_DIR}/postinst ${CMAKE_CURRENT_LIST_DIR}/prerm
	${CMAKE_CURRENT_LIST_DIR}/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE PostgreSQL)
string(CONCAT CPACK_RPM_PACKAGE_REQUIRES "bash, ca-certificates, dnsmasq, e2fsprogs, iproute, iptables, libvirt-daemon, "
	"openssh-clients, procps-ng, qemu-img, tar, util-linux")
set(CPACK_RPM_PACKAGE_SUGGESTS "qemu-kvm, libvirt-daemon-driver-qemu, libvirt-daemon-driver-lxc, nfs-utils, postgresql, mmdebstrap")
set(CPACK_RPM_POST_INSTALL_SCRIPT_FILE ${CMAKE_CURRENT_LIST_DIR}/rpm-post)
set(CPACK_RPM_PRE_UNINSTALL_SCRIPT_FILE ${CMAKE_CURRENT_LIST_DIR}/rpm-preun)
# The files as they are: no compressed manual pages, no links by build id.
set(CPACK_RPM_SPEC_MORE_DEFINE "%define __os_install_post %{nil}\n%define debug_package %{nil}\n%define _build_id_links none")
# Directories of other packages.
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION /usr/share/bash-completion /usr/share/bash-completion/completions
	/usr/share/fish /usr/share/fish/vendor_completions.d /usr/share/man /usr/share/man/man1 /usr/share/man/man5
	/usr/share/zsh /usr/share/zsh/${zsh_functions} /usr/lib/systemd /usr/lib/systemd/system)
include(CPack)
