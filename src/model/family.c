/* SPDX-License-Identifier: PostgreSQL */
#include "family.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "auto.h"

#define EL_SEED "/usr/libexec/labctl/seed" /* SELinux allows executing files there, but not in /usr/lib */

/* For OpenSSH 4.3 (el5) and 5.3 (el6), best first. Never offered to nodes of other families. */
static const struct ssh_algorithms ssh_of_2006 = {
	.kex = "diffie-hellman-group14-sha1,diffie-hellman-group1-sha1", .host_key = "ssh-rsa",
	.ciphers = "aes128-ctr,aes128-cbc,3des-cbc", .macs = "hmac-sha1",
};

/* limits_conf: in el6 it must be read after the distribution's 90-nproc.conf; el5 has only the one file. */
const struct family families[FAMILY_COUNT] = {
	/*
	 * .nfs: not 4.2. Debian 13's kernel (6.12, CONFIG_NFS_V4_2_READ_PLUS) reads by READ_PLUS then, and from nfs-ganesha 4.3, that of
	 * Debian 12, it got other bytes than the file had, or an error (tests/e2e/qemu_hosts.bats).
	 */
	[FAMILY_DEBIAN] = {
		.name = "debian", .package_manager = "apt-get", .package_query = "dpkg-query -W",
		.service_manager = "systemctl", .firewall = "nftables", .firewall_conf = "/etc/nftables.conf",
		.sysctl_conf = "/etc/sysctl.d/90-labctl.conf", .limits_conf = "/etc/security/limits.d/90-labctl.conf",
		.locale_conf = "/etc/default/locale",
		.network = "networkd", .network_dir = "/etc/systemd/network",
		.sshd = "ssh", .ntp = "chrony", .ntp_conf = "/etc/chrony/chrony.conf", .ntp_pool = "2.debian.pool.ntp.org",
		.nfs = "vers=4.1",
		.sudo_group = "sudo", .key_type = "ed25519", .seed = "/usr/lib/labctl/seed",
	},
	[FAMILY_EL5] = {
		.name = "el5", .package_manager = "yum", .package_query = "rpm -q",
		.service_manager = "chkconfig", .firewall = "iptables", .firewall_conf = "/etc/sysconfig/iptables",
		.sysctl_conf = "/etc/sysctl.conf", .limits_conf = "/etc/security/limits.conf",
		.locale_conf = "/etc/sysconfig/i18n",
		.network = "ifcfg", .network_dir = "/etc/sysconfig/network-scripts",
		.sshd = "sshd", .ntp = "ntpd", .ntp_conf = "/etc/ntp.conf", .ntp_pool = "0.centos.pool.ntp.org",
		.nfs = "vers=3",
		.sudo_group = "wheel", .key_type = "rsa", .ssh = &ssh_of_2006, .seed = EL_SEED,
	},
	[FAMILY_EL6] = {
		.name = "el6", .package_manager = "yum", .package_query = "rpm -q",
		.service_manager = "chkconfig", .firewall = "iptables", .firewall_conf = "/etc/sysconfig/iptables",
		.sysctl_conf = "/etc/sysctl.conf", .limits_conf = "/etc/security/limits.d/95-labctl.conf",
		.locale_conf = "/etc/sysconfig/i18n",
		.network = "ifcfg", .network_dir = "/etc/sysconfig/network-scripts",
		.sshd = "sshd", .ntp = "ntpd", .ntp_conf = "/etc/ntp.conf", .ntp_pool = "0.centos.pool.ntp.org",
		.nfs = "vers=4,minorversion=1",
		.sudo_group = "wheel", .key_type = "rsa", .ssh = &ssh_of_2006, .seed = EL_SEED,
	},
	/* From el8 on yum is an alias of dnf. All read NetworkManager's keyfiles; el9 is the last with ifcfg files. */
	[FAMILY_EL7PLUS] = {
		.name = "el7plus", .package_manager = "yum", .package_query = "rpm -q",
		.service_manager = "systemctl", .firewall = "nftables", .firewall_conf = "/etc/sysconfig/nftables.conf",
		.sysctl_conf = "/etc/sysctl.d/90-labctl.conf", .limits_conf = "/etc/security/limits.d/90-labctl.conf",
		.locale_conf = "/etc/locale.conf",
		.network = "networkmanager", .network_dir = "/etc/NetworkManager/system-connections",
		.sshd = "sshd", .ntp = "chronyd", .ntp_conf = "/etc/chrony.conf", .ntp_pool = "2.centos.pool.ntp.org",
		.nfs = "vers=4.1",
		.sudo_group = "wheel", .key_type = "ed25519", .seed = EL_SEED,
	},
};

static const struct { const char *name, *sign; size_t offset; } ssh_options[] = {
	{ "KexAlgorithms", "+", offsetof(struct ssh_algorithms, kex) },
	{ "HostKeyAlgorithms", "+", offsetof(struct ssh_algorithms, host_key) },
	{ "PubkeyAcceptedAlgorithms", "", offsetof(struct ssh_algorithms, host_key) },
	{ "Ciphers", "+", offsetof(struct ssh_algorithms, ciphers) },
	{ "MACs", "+", offsetof(struct ssh_algorithms, macs) },
};

bool family_ssh_option(const struct family *f, unsigned i, struct ssh_option *ret)
{
	if (!f->ssh || i >= ARRAY_COUNT(ssh_options))
		return false;
	*ret = (struct ssh_option){ ssh_options[i].name, ssh_options[i].sign,
				    *(const char *const *)(const void *)((const char *)f->ssh + ssh_options[i].offset) };
	return true;
}

#define EL(n, id) { .name = "el" #n, .family = &families[id], .number = n, .syntax = "RHEL" #n, \
		    .template = "kickstart/el" #n ".ks.in" }

#define DEBIAN(n, name_of_suite, postgresql_major) \
	{ .name = "debian" #n, .family = &families[FAMILY_DEBIAN], .number = n, .template = "kickstart/debian.preseed.in", \
	  .suite = name_of_suite, .postgresql = postgresql_major }

const struct release releases[RELEASE_COUNT] = {
	[RELEASE_DEBIAN12] = DEBIAN(12, "bookworm", "15"),
	[RELEASE_DEBIAN13] = DEBIAN(13, "trixie", "17"),
	[RELEASE_EL5] = EL(5, FAMILY_EL5),
	[RELEASE_EL6] = EL(6, FAMILY_EL6),
	[RELEASE_EL7] = EL(7, FAMILY_EL7PLUS),
	[RELEASE_EL8] = EL(8, FAMILY_EL7PLUS),
	[RELEASE_EL9] = EL(9, FAMILY_EL7PLUS),
	[RELEASE_EL10] = EL(10, FAMILY_EL7PLUS),
};

const char *const release_names[RELEASE_COUNT + 1] = { "debian12", "debian13", "el5", "el6", "el7", "el8", "el9",
							     "el10", NULL };

const struct release *family_find(const char *word)
{
	/* A longer word comes before a word that it begins with. */
	static const char *const prefixes[] = { "centos-stream", "centos", "rhel", "rocky", "almalinux", "alma", "oracle",
					       "el" };

	for (unsigned i = 0; i < RELEASE_COUNT; i++)
		if (!strcmp(word, releases[i].name) || (releases[i].suite && !strcmp(word, releases[i].suite)))
			return &releases[i];
	for (unsigned p = 0; p < ARRAY_COUNT(prefixes); p++) {
		size_t len = strlen(prefixes[p]);

		if (strncmp(word, prefixes[p], len) != 0)
			continue;
		for (unsigned i = RELEASE_EL5; i < RELEASE_COUNT; i++)
			if (!strcmp(word + len, releases[i].name + strlen("el")))
				return &releases[i];
	}
	return NULL;
}

const struct release *family_guess(const char *file_name)
{
	static const char *const vendors[] = { "rocky", "alma", "centos", "rhel", "oracle", "debian" };

	for (unsigned v = 0; v < ARRAY_COUNT(vendors); v++) {
		const char *at = strcasestr(file_name, vendors[v]);
		bool debian = v + 1 == ARRAY_COUNT(vendors);
		unsigned long number;

		if (!at)
			continue;
		for (at += strcspn(at, "0123456789"); !strncmp(at, "86_64", 5); at += strcspn(at, "0123456789"))
			at += 5;
		number = strtoul(at, NULL, 10);
		for (unsigned i = 0; i < RELEASE_COUNT; i++)
			if (releases[i].number == number && (releases[i].family == &families[FAMILY_DEBIAN]) == debian)
				return &releases[i];
	}
	return NULL;
}

#define SAME NULL
#define NONE ""
/* Debian calls it @name, every Enterprise Linux by the row's name. */
#define IN_EL(name) IN_DEBIAN(name, name)
#define IN_DEBIAN(in12, in13) { in12, in13, SAME, SAME, SAME, SAME, SAME, SAME }
#define EVERYWHERE IN_EL(SAME)

static const struct package packages[] = {
	/* From the walk-through of 2013, in the order of its yum command. */
	/* name               debian12      debian13      el5   el6              el7              el8  el9  el10 */
	{ "lrzsz",          EVERYWHERE, NULL },
	{ "sysstat",        EVERYWHERE, NULL },
	{ "e4fsprogs",      { "e2fsprogs", "e2fsprogs", SAME, "e2fsprogs", "e2fsprogs", "e2fsprogs", "e2fsprogs",
			      "e2fsprogs" }, NULL },
	{ "ntp",            { "chrony", "chrony",     SAME,  SAME, "chrony", "chrony", "chrony", "chrony" }, NULL },
	{ "readline-devel", IN_EL("libreadline-dev"), NULL },
	{ "zlib",           { "zlib1g", "zlib1g",     SAME, SAME, SAME, SAME, SAME, "zlib-ng-compat" }, NULL },
	{ "zlib-devel",     { "zlib1g-dev", "zlib1g-dev", SAME, SAME, SAME, SAME, SAME, "zlib-ng-compat-devel" }, NULL },
	{ "openssl",        EVERYWHERE, NULL },
	{ "openssl-devel",  IN_EL("libssl-dev"), NULL },
	{ "pam-devel",      IN_EL("libpam0g-dev"), NULL },
	{ "libxml2-devel",  IN_EL("libxml2-dev"), NULL },
	{ "libxslt-devel",  IN_EL("libxslt1-dev"), NULL },
	{ "python-devel",   { "python3-dev", "python3-dev", SAME, SAME, SAME, "python36-devel", "python3-devel",
			      "python3-devel" }, NULL },
	{ "tcl-devel",      IN_EL("tcl-dev"), NULL },
	/* From its cron job. */
	{ "ntpdate",        { NONE, NONE, NONE, SAME, NONE, NONE, NONE, NONE },
	  "part of ntp in el5; chrony sets the clock itself" },
	{ "cron",           { NONE, NONE, "vixie-cron", "cronie", NONE, NONE, NONE, NONE }, "chrony runs by itself" },
	/* Libraries that PostgreSQL and Postgres-XC are linked against. */
	{ "readline",       IN_DEBIAN("libreadline8", "libreadline8t64"), NULL },
	{ "pam",            IN_EL("libpam0g"), NULL },
	{ "libxml2",        EVERYWHERE, NULL },
	{ "libxslt",        IN_EL("libxslt1.1"), NULL },
	{ "tcl",            IN_EL("libtcl8.6"), NULL },
	{ "perl",           EVERYWHERE, NULL },
	{ "perl-libs",      { "libperl5.36", "libperl5.40", NONE, SAME, SAME, SAME, SAME, SAME }, "part of perl in el5" },
	/* What labctl and its tuning use on a node. */
	{ "openssh-server", EVERYWHERE, NULL },
	{ "nfs-utils",      IN_EL("nfs-common"), NULL },
	{ "nftables",       { SAME, SAME, "iptables", "iptables", SAME, SAME, SAME, SAME }, NULL },
	{ "device-mapper-multipath", { NONE, NONE, SAME, SAME, SAME, SAME, SAME, SAME },
	  "in none of labctl's images; tuning enables it where it is installed" },
	{ "bash",           EVERYWHERE, NULL },
	{ "tar",            EVERYWHERE, NULL },
	{ "dbus",           EVERYWHERE, NULL },
	{ "iproute",        IN_EL("iproute2"), NULL },
	{ "iputils",        IN_EL("iputils-ping"), NULL },
	{ "less",           EVERYWHERE, NULL },
	{ "procps",         { SAME, SAME, SAME, SAME, "procps-ng", "procps-ng", "procps-ng", "procps-ng" }, NULL },
	{ "psmisc",         EVERYWHERE, NULL },
	{ "rsync",          EVERYWHERE, NULL },
	{ "sudo",           EVERYWHERE, NULL },
	{ "tzdata",         EVERYWHERE, NULL },
	{ "util-linux",     { SAME, SAME, SAME, "util-linux-ng", SAME, SAME, SAME, SAME }, NULL },
	{ "langpack",       { "locales", "locales", NONE, NONE, NONE, "glibc-langpack-en", "glibc-langpack-en",
			      "glibc-langpack-en" },
	  "part of glibc-common up to el7" },
	{ "growpart",       { NONE, NONE, NONE, NONE, NONE, "cloud-utils-growpart", "cloud-utils-growpart",
			      "cloud-utils-growpart" },
	  "not among the release's own packages, or not used by its seed: the root file system keeps its size" },
	/* The distribution's PostgreSQL. */
	{ "postgresql-server",  IN_EL("postgresql"), NULL },
	{ "postgresql-contrib", IN_EL(NONE), "part of postgresql in Debian" },
};

const struct package *family_package_row(unsigned i)
{
	return i < ARRAY_COUNT(packages) ? &packages[i] : NULL;
}

const char *family_package(const struct release *r, const char *package, const char **ret_why)
{
	for (unsigned i = 0; i < ARRAY_COUNT(packages); i++) {
		const char *name = packages[i].names[r - releases];

		if (strcmp(packages[i].name, package) != 0)
			continue;
		if (ret_why)
			*ret_why = name && !*name ? packages[i].why : NULL;
		return name ? name : packages[i].name;
	}
	return NULL;
}

/* hidd is now part of bluetooth; the service for automatic updates has another name in each family. */
static const struct service services[] = {
	/* name                   debian                          el5             el6             el7plus */
	{ "acpid",        false, { "acpid",                       "acpid",        "acpid",        "acpid" } },
	{ "avahi-daemon", false, { "avahi-daemon",                "avahi-daemon", "avahi-daemon", "avahi-daemon" } },
	{ "bluetooth",    false, { "bluetooth",                   "bluetooth",    "bluetooth",    "bluetooth" } },
	{ "hidd",         false, { "",                            "hidd",         "",             "" } },
	{ "smartd",       false, { "smartmontools smartd",              "smartd",       "smartd",       "smartd" } },
	{ "yum-updatesd", false, { "apt-daily.timer apt-daily-upgrade.timer unattended-upgrades", "yum-updatesd", "",
				   "dnf-makecache.timer" } },
	{ "hplip",        false, { "hplip",                       "hplip",        "",             "" } },
	{ "isdn",         false, { "isdnutils",                   "isdn",         "",             "" } },
	{ "iscsi",        false, { "open-iscsi iscsi",                 "iscsi",        "iscsi",        "iscsi" } },
	{ "iscsid",       false, { "iscsid",                      "iscsid",       "iscsid",       "iscsid" } },
	{ "multipathd",   true,  { "multipathd",                  "multipathd",   "multipathd",   "multipathd" } },
};

const struct service *family_service_row(unsigned i)
{
	return i < ARRAY_COUNT(services) ? &services[i] : NULL;
}

#define FIELD(name) { #name, offsetof(struct family, name) }
static const struct { const char *name; size_t offset; } fields[] = {
	FIELD(name), FIELD(package_manager), FIELD(package_query), FIELD(service_manager), FIELD(firewall),
	FIELD(firewall_conf), FIELD(sysctl_conf), FIELD(limits_conf), FIELD(locale_conf), FIELD(network), FIELD(network_dir),
	FIELD(sshd), FIELD(ntp), FIELD(ntp_conf), FIELD(ntp_pool), FIELD(nfs), FIELD(sudo_group), FIELD(key_type),
};

static const char *field(const struct release *r, const char *name)
{
	if (!strcmp(name, "release"))
		return r->name;
	for (unsigned i = 0; i < ARRAY_COUNT(fields); i++)
		if (!strcmp(fields[i].name, name))
			return *(const char *const *)(const void *)((const char *)r->family + fields[i].offset);
	return NULL;
}

const char *family_value(const struct release *r, const char *name)
{
	if (!strncmp(name, "family.", 7))
		return field(r, name + 7);
	if (!strncmp(name, "package.", 8))
		return family_package(r, name + 8, NULL);
	for (unsigned i = 0; !strncmp(name, "service.", 8) && i < ARRAY_COUNT(services); i++)
		if (!strcmp(services[i].name, name + 8))
			return services[i].names[r->family - families];
	return NULL;
}
