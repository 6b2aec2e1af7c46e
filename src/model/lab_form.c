/* SPDX-License-Identifier: PostgreSQL */
/*
 * The form of each text in a lab file. Strict on purpose: the values end up in fstab,
 * exports, XML, shell and postgresql.conf. Each is quoted there, but a character that no
 * such value needs is better refused here, with its line.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lab_source.h"
#include "when.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define ALNUM LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS

static bool only(const char *t, const char *chars)
{
	return *t && t[strspn(t, chars)] == '\0';
}

const char *form_clean(const char *t)
{
	for (const unsigned char *c = (const unsigned char *)t; *c; c++) {
		/* C1 controls and U+2028, U+2029 are line breaks to YAML: they would not survive lab_print() */
		bool c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f;
		bool line = c[0] == 0xe2 && c[1] == 0x80 && (c[2] == 0xa8 || c[2] == 0xa9);
		bool mark = c[0] == 0xef && c[1] == 0xbb && c[2] == 0xbf;

		if (*c < 0x20 || *c == 0x7f || c1 || line || mark)
			return "must not contain control characters";
	}
	return NULL;
}

const char *form_label(const char *t)
{
	size_t len = strlen(t);

	if (!only(t, LOWER DIGITS "-") || len > 63 || t[0] == '-' || t[len - 1] == '-')
		return "must be a DNS label: 1 to 63 of a-z, 0-9 and '-', with no '-' at its ends";
	return NULL;
}

const char *form_lab_name(const char *t)
{
	if (form_label(t) || strlen(t) > LAB_NAME_MAX)
		return "must be 1 to 24 of a-z, 0-9 and '-', with no '-' at its ends";
	return NULL;
}

const char *form_node_name(const char *t)
{
	if (form_label(t))
		return form_label(t);
	if (only(t, DIGITS "-") || !strcmp(t, "all") || !strcmp(t, "none"))
		return "is a selector: a node name needs a letter, and must not be 'all' or 'none'";
	return NULL;
}

const char *form_domain(const char *t)
{
	const char *bad = "must be a DNS domain: labels of a-z, 0-9 and '-' separated by dots";
	char label[64];

	if (strlen(t) > 190) /* leaves room for a host name of 63 in 253 */
		return "must be at most 190 characters, so that node names fit";
	for (;;) {
		size_t len = strcspn(t, ".");

		if (!len || len > 63)
			return bad;
		memcpy(label, t, len);
		label[len] = '\0';
		if (form_label(label))
			return bad;
		if (!t[len])
			return NULL;
		t += len + 1;
	}
}

const char *form_path(const char *t)
{
	if (t[0] != '/')
		return "must be an absolute path";
	if (!only(t, ALNUM "._/+@=-"))
		return "must be a path of letters, digits and . _ / + @ = - only";
	if (strlen(t) > 1000)
		return "must be at most 1000 characters";
	if (t[1] && t[strlen(t) - 1] == '/')
		return "must not end with '/'";
	if (strstr(t, "//"))
		return "must not contain '//'";
	for (const char *p = t; p; p = strchr(p, '/')) {
		p++;
		if (!strncmp(p, "./", 2) || !strcmp(p, ".") || !strncmp(p, "../", 3) || !strcmp(p, ".."))
			return "must not contain '.' or '..'";
	}
	return NULL;
}

const char *form_dir(const char *t)
{
	/* labctl creates, mounts and later removes such a directory: never a system directory */
	static const char *const whole[] = { "/", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/var", "/var/lib",
					     "/media", "/var/cache", "/var/log", NULL };
	static const char *const tree[] = { "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32",
					    "/proc", "/sbin", "/sys", "/usr", NULL };

	if (form_path(t))
		return form_path(t);
	for (unsigned i = 0; whole[i]; i++)
		if (!strcmp(t, whole[i]))
			return "must not be a system directory";
	for (unsigned i = 0; tree[i]; i++) {
		size_t len = strlen(tree[i]);

		if (!strncmp(t, tree[i], len) && (!t[len] || t[len] == '/'))
			return "must not be in a system directory";
	}
	return NULL;
}

const char *form_options(const char *t)
{
	if (!only(t, ALNUM "_=.:,/@+-"))
		return "must be options separated by commas, without blanks: rw,sync";
	return NULL;
}

const char *form_ttl(const char *t)
{
	int64_t s;

	return duration_parse(t, &s) && s >= 60 ? NULL : "must be a time of at least one minute: 90m, 8h, 2d";
}

const char *form_zone(const char *t)
{
	if (!only(t, ALNUM "_+/-") || t[0] == '/' || t[strlen(t) - 1] == '/')
		return "must be the name of a time zone: Europe/Berlin";
	return NULL;
}

const char *form_locale(const char *t)
{
	if (!only(t, ALNUM "_.@-"))
		return "must be a locale: en_US.UTF-8";
	return NULL;
}

const char *form_host(const char *t)
{
	if (!only(t, ALNUM ".:-") || t[0] == '-' || strlen(t) > 253)
		return "must be a host name or an address";
	return NULL;
}

/* No option of ssh, and nothing that a shell would read. */
const char *form_ssh(const char *t)
{
	if (!only(t, ALNUM "._:@-") || t[0] == '-' || t[0] == '@' || strchr(t, '@') != strrchr(t, '@') || strlen(t) > 253)
		return "must be [USER@]HOST, as for ssh; a port and a key belong into ssh_config(5)";
	return NULL;
}

const char *form_user(const char *t)
{
	if (!only(t, LOWER DIGITS "_-") || isdigit((unsigned char)t[0]) || t[0] == '-' || strlen(t) > 31)
		return "must be a user name: a-z, 0-9, '_' and '-', at most 31 characters";
	if (!strcmp(t, "root"))
		return "must not be root: the daemons refuse to run as root";
	return NULL;
}

const char *form_digest(const char *t)
{
	if (!only(t, "0123456789abcdefABCDEF") || strlen(t) != 64)
		return "must be 64 hex digits";
	return NULL;
}

const char *form_patch(const char *t)
{
	for (const char *p = t; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return "must be the path of a file, without control characters";
	return *t && t[strlen(t) - 1] != '/' ? NULL : "must be the path of a file";
}

const char *form_configure(const char *t)
{
	if (!only(t, ALNUM " _=./,:+@%-"))
		return "must be configure options separated by blanks, without quotes or shell characters";
	if (strstr(t, "--prefix"))
		return "must not set --prefix: the kind decides it";
	return NULL;
}

static bool is_mirror(const char *t, size_t len)
{
	static const char *const schemes[] = { "http://", "https://", "file:///" };

	for (unsigned i = 0; i < ARRAY_COUNT(schemes); i++)
		if (len > strlen(schemes[i]) && !strncmp(t, schemes[i], strlen(schemes[i])))
			return strspn(t, ALNUM "._~:/@%+-[]") >= len;
	return false;
}

const char *form_mirror(const char *t)
{
	size_t len;

	do {
		len = strcspn(t, " ");
		if (!is_mirror(t, len))
			return "must be URLs of Debian archives, separated by blanks: http://HOST/debian (http, https or file)";
		t += len + strspn(t + len, " ");
	} while (*t);
	return NULL;
}

const char *form_identifier(const char *t)
{
	if (!only(t, LOWER DIGITS "_") || isdigit((unsigned char)t[0]) || strlen(t) > 63)
		return "must be a-z, 0-9 and '_', not begin with a digit, at most 63 characters";
	return NULL;
}

const char *form_db_user(const char *t)
{
	if (!only(t, LOWER DIGITS "_") || isdigit((unsigned char)t[0]) || strlen(t) > 48)
		return "must be a-z, 0-9 and '_', not begin with a digit, at most 48 characters";
	return NULL;
}

const char *form_databases(const char *t)
{
	/* They are written into pg_hba.conf, where blanks and quotes separate words. */
	if (!only(t, ALNUM "_.,-") || *t == '-' || *t == ',' || t[strlen(t) - 1] == ',' || strstr(t, ",,"))
		return "must be database names (letters, digits, '_', '.' and '-') separated by commas";
	return NULL;
}

const char *form_cluster_name(const char *t)
{
	if (!only(t, LOWER DIGITS "_") || strlen(t) > 63)
		return "must be a-z, 0-9 and '_', at most 63 characters (PostgreSQL cuts longer names silently)";
	return NULL;
}

const char *form_setting(const char *t)
{
	if (!only(t, ALNUM "_.") || isdigit((unsigned char)t[0]))
		return "must be the name of a setting";
	return NULL;
}

void ip_format(uint32_t ip, char ret_text[16])
{
	snprintf(ret_text, 16, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

bool ip_parse(const char *text, uint32_t *ret_ip)
{
	uint32_t ip = 0;

	for (unsigned part = 0; part < 4; part++) {
		unsigned value = 0, digits = 0;

		for (; isdigit((unsigned char)*text) && digits < 4; text++, digits++)
			value = value * 10 + (unsigned)(*text - '0');
		/* a leading zero is octal to some readers and decimal to others */
		if (!digits || digits > 3 || value > 255 || (digits > 1 && text[-(int)digits] == '0'))
			return false;
		ip = ip << 8 | value;
		if (*text != (part < 3 ? '.' : '\0'))
			return false;
		text += part < 3;
	}
	*ret_ip = ip;
	return true;
}

bool size_parse_mib(const char *text, uint64_t *ret_mib)
{
	static const struct { const char *unit; uint64_t mib; } units[] = {
		{ "MiB", 1 }, { "GiB", 1024 }, { "TiB", 1024 * 1024 }, { "MB", 1 }, { "GB", 1024 }, { "TB", 1024 * 1024 },
	};
	uint64_t value = 0;
	unsigned digits = 0;

	for (; isdigit((unsigned char)*text) && digits < 10; text++, digits++)
		value = value * 10 + (uint64_t)(*text - '0');
	if (!digits)
		return false;
	for (unsigned i = 0; i < ARRAY_COUNT(units); i++) {
		if (strcmp(text, units[i].unit))
			continue;
		*ret_mib = value * units[i].mib; /* below 10^10 * 2^20: fits */
		return true;
	}
	return false;
}

void size_text(uint64_t mib, char ret[32])
{
	if (mib % 1024)
		snprintf(ret, 32, "%lluMiB", (unsigned long long)mib);
	else
		snprintf(ret, 32, "%lluGiB", (unsigned long long)mib / 1024);
}
