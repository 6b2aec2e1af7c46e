/* SPDX-License-Identifier: PostgreSQL */
/* Leases: the file STATE/leases/10.88.17.0-24 holds "UUID NAME" of the lab that has the subnet. */
#include "lease.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "digest.h"
#include "file.h"

#define POOL 0x0a580000u /* 10.88.0.0/16: private, and rarely used by anyone else */
#define POOL_PREFIX 16u
#define LOCK_WAIT_MS 30000

enum use { USE_LEASE, USE_HOST, USE_NETWORK };

/* A range of addresses that is in use. */
struct used {
	enum use use;
	uint32_t address;
	unsigned prefix_len;
	const char *owner; /* for messages */
	const char *lab_uuid; /* of leases and of libvirt's networks, or NULL */
	const char *lab;      /* of leases */
};

struct used_list {
	struct arena *a;
	struct used *list;
	unsigned count;
};

static uint32_t mask_of(unsigned prefix_len)
{
	return prefix_len ? UINT32_MAX << (32 - prefix_len) : 0;
}

static const char *subnet_text(char buffer[32], uint32_t address, unsigned prefix_len)
{
	snprintf(buffer, 32, "%u.%u.%u.%u/%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255,
		 prefix_len);
	return buffer;
}

static const char *lease_path(struct arena *a, const char *state_dir, uint32_t address, unsigned prefix_len)
{
	return arena_printf(a, "%s/leases/%u.%u.%u.%u-%u", state_dir, address >> 24, address >> 16 & 255,
			    address >> 8 & 255, address & 255, prefix_len);
}

static void use(struct used_list *u, struct used row)
{
	row.address &= mask_of(row.prefix_len);
	*arena_push(u->a, u->list, u->count) = row;
}

/* --- who uses what --- */

static bool parse_lease_name(const char *name, uint32_t *ret_address, unsigned *ret_prefix_len)
{
	unsigned a, b, c, d, prefix_len;
	char rest;

	if (sscanf(name, "%3u.%3u.%3u.%3u-%2u%c", &a, &b, &c, &d, &prefix_len, &rest) != 5 || a > 255 || b > 255 ||
	    c > 255 || d > 255 || prefix_len < 1 || prefix_len > 32)
		return false;
	*ret_address = a << 24 | b << 16 | c << 8 | d;
	*ret_prefix_len = prefix_len;
	return true;
}

/* True for a lease whose labctl was killed while writing it: it belongs to no lab. The lock is held. */
static bool is_torn(const char *name)
{
	char dot;

	return sscanf(name, "%*3u.%*3u.%*3u.%*3u-%*2u%c", &dot) == 1 && dot == '.';
}

static int read_leases(struct used_list *u, const char *state_dir, struct fail *e)
{
	const char *path = arena_printf(u->a, "%s/leases", state_dir);
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0 : fail_errno(e, FAIL_OTHER, "%s", path);
	while ((entry = readdir(dir))) {
		auto_(strbuf_clear) struct strbuf text = { 0 };
		struct used row = { .use = USE_LEASE };
		char *name;

		if (is_torn(entry->d_name))
			unlinkat(dirfd(dir), entry->d_name, 0);
		if (!parse_lease_name(entry->d_name, &row.address, &row.prefix_len))
			continue;
		if (file_read(arena_printf(u->a, "%s/%s", path, entry->d_name), 4096, &text, e)) {
			closedir(dir);
			return -1;
		}
		strbuf_str(&text, "");
		text.text[strcspn(strbuf_text(&text), "\n")] = '\0';
		name = strchr(text.text, ' ');
		if (name)
			*name++ = '\0';
		row.lab_uuid = arena_strdup(u->a, text.text);
		row.lab = arena_strdup(u->a, name ? name : "?");
		row.owner = arena_printf(u->a, "the lease of lab '%s'", row.lab);
		use(u, row);
	}
	closedir(dir);
	return 0;
}

static void read_routes(struct used_list *u)
{
	FILE *file = fopen("/proc/self/net/route", "re");
	char line[512], interface[IFNAMSIZ + 1], text[32];
	unsigned destination, gateway, flags, mask;

	if (!file)
		return; /* a kernel without IPv4 has no routes */
	while (fgets(line, sizeof line, file)) {
		struct used row = { .use = USE_HOST };

		if (sscanf(line, "%16s %x %x %x %*s %*s %*s %x", interface, &destination, &gateway, &flags, &mask) != 5 ||
		    mask == 0) /* ignore the default route */
			continue;
		row.address = ntohl(destination);
		row.prefix_len = (unsigned)__builtin_popcount(mask);
		row.owner = arena_printf(u->a, "the host's route to %s through %s",
					 subnet_text(text, row.address, row.prefix_len), interface);
		use(u, row);
	}
	fclose(file);
}

static void read_addresses(struct used_list *u)
{
	struct ifaddrs *all, *i;
	char text[32];

	if (getifaddrs(&all))
		return;
	for (i = all; i; i = i->ifa_next) {
		struct used row = { .use = USE_HOST, .prefix_len = 32 };

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
			continue;
		row.address = ntohl(((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr.s_addr);
		if (i->ifa_netmask)
			row.prefix_len = (unsigned)__builtin_popcount(
				((struct sockaddr_in *)(void *)i->ifa_netmask)->sin_addr.s_addr);
		row.owner = arena_printf(u->a, "the host's address %s on %s",
					 subnet_text(text, row.address, row.prefix_len), i->ifa_name);
		use(u, row);
	}
	freeifaddrs(all);
}

static void read_networks(struct used_list *u, const struct lease_wish *w)
{
	for (unsigned i = 0; i < w->taken_count; i++) {
		const struct subnet *s = &w->taken[i];

		use(u, (struct used){ .use = USE_NETWORK,
				      .address = s->address,
				      .prefix_len = s->prefix_len,
				      .lab_uuid = s->lab_uuid,
				      .owner = s->network ? arena_printf(u->a, "libvirt's network '%s'", s->network)
							  : "a network of libvirt's" });
	}
}

/* --- choosing --- */

static const struct used *of_lab(const struct used_list *u, enum use kind, const char *lab_uuid)
{
	for (unsigned i = 0; i < u->count; i++)
		if (u->list[i].use == kind && u->list[i].lab_uuid && strcmp(u->list[i].lab_uuid, lab_uuid) == 0)
			return &u->list[i];
	return NULL;
}

static bool same(const struct used *a, const struct used *b)
{
	return a && b && a->address == b->address && a->prefix_len == b->prefix_len;
}

/*
 * The first user of a part of the subnet, or NULL. @own is the lab's own network: the route and address of its bridge do
 * not count. @wide_ok ignores routes of the host that cover more than the whole pool (a company's 10.0.0.0/8).
 */
static const struct used *user_of(const struct used_list *u, uint32_t address, unsigned prefix_len,
				  const struct used *own, bool wide_ok)
{
	for (unsigned i = 0; i < u->count; i++) {
		const struct used *row = &u->list[i];
		uint32_t mask = mask_of(prefix_len < row->prefix_len ? prefix_len : row->prefix_len);

		if ((address & mask) != (row->address & mask) || row == own || (row->use == USE_HOST && same(row, own)))
			continue;
		if (wide_ok && row->use == USE_HOST && row->prefix_len < POOL_PREFIX)
			continue;
		return row;
	}
	return NULL;
}

static int choose(const struct used_list *u, const struct lease_wish *w, uint32_t *ret_subnet, struct fail *e)
{
	uint32_t count = 1u << (w->prefix_len - POOL_PREFIX), i;
	char hex[DIGEST_HEX], text[9];
	unsigned long start;

	digest_text(w->lab_uuid, strlen(w->lab_uuid), hex);
	snprintf(text, sizeof text, "%.8s", hex);
	start = strtoul(text, NULL, 16);
	for (int wide_ok = 0; wide_ok <= 1; wide_ok++) {
		for (i = 0; i < count; i++) {
			uint32_t subnet = POOL + ((uint32_t)((start + i) % count) << (32 - w->prefix_len));

			if (!user_of(u, subnet, w->prefix_len, NULL, wide_ok)) {
				*ret_subnet = subnet;
				return 0;
			}
		}
	}
	fail(e, FAIL_CONFLICT, "lab '%s': no subnet /%u is free in 10.88.0.0/16", w->lab, w->prefix_len);
	return fail_next(e, "labctl list, or network: {subnet: ...} in the lab file");
}

/* Chooses the subnet for a lab without a lease. */
static int find_subnet(const struct used_list *u, const struct lease_wish *w, uint32_t *ret_subnet,
		       unsigned *ret_prefix_len, struct fail *e)
{
	const struct used *own = of_lab(u, USE_NETWORK, w->lab_uuid), *user;
	char text[32];

	if (w->prefix_len < POOL_PREFIX || w->prefix_len > 30)
		return fail(e, FAIL_CONFLICT, "lab '%s': a subnet /%u cannot be leased (16 to 30)", w->lab,
			    w->prefix_len);
	*ret_prefix_len = w->prefix_len;
	if (w->subnet) {
		*ret_subnet = w->subnet & mask_of(w->prefix_len);
		user = user_of(u, *ret_subnet, w->prefix_len, own, false);
		if (!user)
			return 0;
		fail(e, FAIL_CONFLICT, "lab '%s': subnet %s overlaps %s", w->lab,
		     subnet_text(text, *ret_subnet, w->prefix_len), user->owner);
		return fail_next(e, "choose another network: {subnet: ...} in the lab file");
	}
	if (own) { /* the lease was lost, but its network still exists */
		*ret_subnet = own->address;
		*ret_prefix_len = own->prefix_len;
		return 0;
	}
	return choose(u, w, ret_subnet, e);
}

static int take_locked(struct used_list *u, const struct lease_wish *w, uint32_t *ret_subnet, unsigned *ret_prefix_len,
		       struct fail *e)
{
	const struct used *lease;
	const char *content;
	unsigned prefix_len = 0;
	uint32_t subnet = 0;
	char text[32];

	if (read_leases(u, w->state_dir, e))
		return -1;
	lease = of_lab(u, USE_LEASE, w->lab_uuid);
	if (lease && w->subnet && lease->address != (w->subnet & mask_of(lease->prefix_len))) {
		fail(e, FAIL_CONFLICT, "lab '%s' already has subnet %s, which cannot be changed", w->lab,
		     subnet_text(text, lease->address, lease->prefix_len));
		return fail_next(e, "labctl destroy -l %s", w->lab);
	}
	if (lease) {
		*ret_subnet = lease->address;
		*ret_prefix_len = lease->prefix_len;
		return 0;
	}
	read_networks(u, w);
	read_routes(u);
	read_addresses(u);
	if (find_subnet(u, w, &subnet, &prefix_len, e))
		return -1;
	content = arena_printf(u->a, "%s %s\n", w->lab_uuid, w->lab);
	if (file_write(lease_path(u->a, w->state_dir, subnet, prefix_len), content, strlen(content), 0644, e))
		return -1;
	*ret_subnet = subnet;
	*ret_prefix_len = prefix_len;
	return 0;
}

int lease_take(const struct lease_wish *w, uint32_t *ret_subnet, unsigned *ret_prefix_len, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	struct used_list u = { .a = a };
	auto_(close) int lock = -1;

	if (file_mkdirs(w->state_dir, 0755, e) ||
	    file_lock(arena_printf(a, "%s/lock", w->state_dir), "lease", clock_after_ms(LOCK_WAIT_MS), &lock, e) ||
	    file_mkdirs(arena_printf(a, "%s/leases", w->state_dir), 0755, e))
		return -1;
	return take_locked(&u, w, ret_subnet, ret_prefix_len, e);
}

int lease_labs(const char *state_dir, struct arena *a, struct lease_lab **ret, unsigned *ret_count, struct fail *e)
{
	struct used_list u = { .a = a };
	struct lease_lab *list = NULL;
	unsigned count = 0;
	auto_(close) int lock = -1;

	if (!file_exists(arena_printf(a, "%s/leases", state_dir))) {
		*ret = NULL;
		*ret_count = 0;
		return 0;
	}
	if (file_lock(arena_printf(a, "%s/lock", state_dir), "lease", clock_after_ms(LOCK_WAIT_MS), &lock, e) ||
	    read_leases(&u, state_dir, e))
		return -1;
	for (unsigned i = 0; i < u.count; i++)
		*arena_push(a, list, count) = (struct lease_lab){ u.list[i].lab, u.list[i].lab_uuid };
	*ret = list;
	*ret_count = count;
	return 0;
}

int lease_drop(const char *state_dir, const char *lab_uuid, struct fail *e)
{
	auto_(arena_free) struct arena *a = arena_new();
	const char *leases = arena_printf(a, "%s/leases", state_dir), *lock_path = arena_printf(a, "%s/lock", state_dir);
	struct used_list u = { .a = a };
	auto_(close) int lock = -1;

	if (!file_exists(leases) && !file_exists(lock_path))
		return 0;
	if (file_lock(lock_path, "lease", clock_after_ms(LOCK_WAIT_MS), &lock, e) || read_leases(&u, state_dir, e))
		return -1;
	for (unsigned i = 0; i < u.count; i++) {
		const char *path = lease_path(a, state_dir, u.list[i].address, u.list[i].prefix_len);

		if (strcmp(u.list[i].lab_uuid, lab_uuid) == 0 && unlink(path) && errno != ENOENT)
			return fail_errno(e, FAIL_OTHER, "%s", path);
	}
	/* The last lease removes the directory and the lock: nothing of ours remains. */
	if (rmdir(leases) == 0 || errno == ENOENT)
		unlink(lock_path);
	return 0;
}
