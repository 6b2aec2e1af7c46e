/* SPDX-License-Identifier: PostgreSQL */
/*
 * The lab file as tables, and the one reader that walks them. libyaml's document API
 * keeps a mark per node, which is where line numbers come from.
 */
#include <ctype.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "config.h"
#include "lab_source.h"
#include "suggest.h"

#define KEYS_MAX 256            /* of one map: bounds the search for duplicates */
#define TEXT_MAX (128u << 10)   /* a node group that names 1024 nodes */

const char *const hypervisor_names[] = { "auto", "kvm", "qemu", "lxc", NULL };
const char *const transport_names[] = { "auto", "nfs", "filesystem", NULL };
const char *const nfs_server_names[] = { "auto", "kernel", "ganesha", NULL };
static const char *const placement_words[] = { "spread", "pack", NULL };
static const char *const truth_words[] = { "false", "true", NULL };
const char *const tuning_profiles[] = { "modern", "classic", "classic-el5", NULL };

static void nodes_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path);
static void subnet_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path);
static void profile_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path);

#define LAB(field) .offset = offsetof(struct lab, field)
#define NODE(field) .offset = offsetof(struct node, field)
#define HOST(field) .offset = offsetof(struct host, field)
#define CPUS .kind = KEY_NUMBER, .min = 1, .max = 512
#define MEMORY .kind = KEY_MIB, .min = 256, .max = 16u << 20
#define DISK .kind = KEY_GIB, .min = 2, .max = 64u << 10

/* Rows that the configuration shares with the lab file. */
#define NETWORK_NAMES \
	{ "domain", KEY_TEXT, LAB(net.domain), .form = form_domain }, \
	{ "hostname", KEY_TEXT, LAB(net.hostname) }
#define DATA_SERVER \
	{ "transport", KEY_WORD, LAB(data.transport), .words = transport_names }, \
	{ "server", KEY_WORD, LAB(data.server), .words = nfs_server_names }
#define DATA_MOUNT \
	{ "mount", KEY_TEXT, LAB(data.mount), .form = form_dir }, \
	{ "options", KEY_TEXT, LAB(data.options), .form = form_options }, \
	{ "mount_options", KEY_TEXT, LAB(data.mount_options), .form = form_options }
#define MACHINE \
	{ "hypervisor", KEY_WORD, LAB(hypervisor), .words = hypervisor_names }, \
	{ "image", KEY_CUSTOM, .read = image_read, .print = image_print }

static const struct key network_keys[] = {
	{ "subnet", KEY_CUSTOM, .read = subnet_read, .print = subnet_print },
	{ "gateway", KEY_ADDRESS, LAB(net.gateway) },
	{ "first_host", KEY_NUMBER, LAB(net.first_host), .min = 2, .max = 65533 },
	NETWORK_NAMES,
	{ 0 },
};
static const struct key network_names[] = { NETWORK_NAMES, { 0 } };
static const struct key defaults_keys[] = {
	{ "cpus", CPUS, LAB(cpus) },
	{ "memory", MEMORY, LAB(memory_mib) },
	{ "disk", DISK, LAB(disk_gib) },
	{ "cpu_quota", KEY_NUMBER, LAB(cpu_quota), .min = 1, .max = 51200 },
	{ 0 },
};
static const struct key data_keys[] = {
	DATA_SERVER,
	{ "export_root", KEY_TEXT, LAB(data.export_root), .form = form_dir },
	{ "export_name", KEY_TEXT, LAB(data.export_name) },
	DATA_MOUNT,
	{ 0 },
};
static const struct key data_defaults[] = { DATA_SERVER, DATA_MOUNT, { 0 } }; /* no place: labs do not share one */
static const struct key tuning_keys[] = {
	{ "profile", KEY_TEXT, LAB(tuning.profile), .read = profile_read },
	{ "timezone", KEY_TEXT, LAB(tuning.timezone), .form = form_zone },
	{ "locale", KEY_TEXT, LAB(tuning.locale), .form = form_locale },
	{ "ntp_server", KEY_TEXT, LAB(tuning.ntp_server), .form = form_host },
	{ 0 },
};
const struct key sources_keys[] = {
	{ "citus", KEY_TEXT, LAB(sources.citus) },
	{ "opentenbase", KEY_TEXT, LAB(sources.opentenbase) },
	{ "pgxc", KEY_TEXT, LAB(sources.pgxc) },
	{ "pgxl", KEY_TEXT, LAB(sources.pgxl) },
	{ 0 },
};
const struct key lab_keys[] = {
	{ "lab", KEY_TEXT, LAB(name), .form = form_lab_name },
	MACHINE,
	{ "autostart", KEY_FLAG, LAB(autostart), .words = truth_words },
	{ "ttl", KEY_TEXT, LAB(ttl), .form = form_ttl },
	{ "network", KEY_MAP, .sub = network_keys },
	{ "defaults", KEY_MAP, .sub = defaults_keys },
	{ "nodes", KEY_CUSTOM, .read = nodes_read, .print = nodes_print },
	{ "hosts", KEY_CUSTOM, .read = hosts_read, .print = hosts_print },
	{ "placement", KEY_WORD, LAB(packing), .words = placement_words, .print = placement_print },
	{ "data", KEY_MAP, .sub = data_keys },
	{ "tuning", KEY_MAP, .sub = tuning_keys },
	{ "cluster", KEY_CUSTOM, .read = cluster_read, .print = cluster_print },
	{ "sources", KEY_MAP, .sub = sources_keys, .print = sources_print },
	{ 0 },
};
const struct key config_keys[] = {
	MACHINE,
	{ "mirror", KEY_TEXT, .offset = offsetof(struct config, mirror), .form = form_mirror },
	{ "sources", KEY_MAP, .sub = sources_keys },
	{ "network", KEY_MAP, .sub = network_names },
	{ "defaults", KEY_MAP, .sub = defaults_keys },
	{ "data", KEY_MAP, .sub = data_defaults },
	{ "tuning", KEY_MAP, .sub = tuning_keys },
	{ 0 },
};
const struct key host_keys[] = {
	{ "name", KEY_TEXT, HOST(name), .form = form_node_name },
	{ "ssh", KEY_TEXT, HOST(ssh), .form = form_ssh },
	{ "underlay", KEY_ADDRESS, HOST(underlay) },
	{ "cpus", KEY_NUMBER, HOST(cpus), .min = 1, .max = 4096 },
	{ "memory", KEY_MIB, HOST(memory_mib), .min = 256, .max = 64u << 20 },
	{ "nodes", KEY_TEXT, HOST(nodes) },
	{ "number", KEY_NUMBER, HOST(number), .min = 1, .max = 1024 },
	{ "given_up", KEY_FLAG, HOST(given_up), .words = truth_words },
	{ 0 },
};
const struct key node_keys[] = {
	{ "name", KEY_TEXT, NODE(name), .form = form_node_name },
	{ "cpus", CPUS, NODE(cpus) },
	{ "memory", MEMORY, NODE(memory_mib) },
	{ "disk", DISK, NODE(disk_gib) },
	{ "address", KEY_ADDRESS, NODE(ip) },
	{ 0 },
};

bool yaml_is_null(const yaml_node_t *node)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };

	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (unsigned i = 0; i < ARRAY_COUNT(nulls); i++)
		if (!strcmp((const char *)node->data.scalar.value, nulls[i]))
			return true;
	return false;
}

static const char *type_name(const yaml_node_t *node)
{
	if (node->type == YAML_MAPPING_NODE)
		return "a map";
	return node->type == YAML_SEQUENCE_NODE ? "a list" : yaml_is_null(node) ? "nothing" : "a single value";
}

void schema_origin(struct source *s, const char *path, const yaml_node_t *node)
{
	*arena_push(s->lab->arena, s->origins, s->origin_count) =
		(struct origin){ path, (int)node->start_mark.line + 1 };
}

const char *schema_text(struct source *s, yaml_node_t *node, const char *path)
{
	const char *text = (const char *)node->data.scalar.value, *bad;

	if (node->type != YAML_SCALAR_NODE || yaml_is_null(node)) {
		source_problem(s, path, "must be a single value, got %s", type_name(node));
		return NULL;
	}
	bad = strlen(text) != node->data.scalar.length ? "must not contain control characters" : form_clean(text);
	if (!bad && node->data.scalar.length > TEXT_MAX)
		bad = "must be at most 128 KiB";
	if (!bad && !*text)
		bad = "must not be empty";
	if (bad) {
		source_problem(s, path, "%s", bad);
		return NULL;
	}
	return arena_strdup(s->lab->arena, text);
}

/* Whole number without sign; the value of a size or address is quoted text as well, a number is not. */
static void read_number(struct source *s, const struct key *k, yaml_node_t *node, const char *path, unsigned *field)
{
	const char *text = schema_text(s, node, path);
	uint64_t value = 0;
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return;
	if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || len > 9 || strspn(text, "0123456789") != len) {
		source_problem(s, path, "must be a whole number from %u to %u, got '%.40s'", (unsigned)k->min,
			       (unsigned)k->max, text);
		return;
	}
	for (size_t i = 0; i < len; i++)
		value = value * 10 + (uint64_t)(text[i] - '0');
	if (value < k->min || value > k->max)
		source_problem(s, path, "must be from %u to %u, got %s", (unsigned)k->min, (unsigned)k->max, text);
	else
		*field = (unsigned)value;
}

static void read_size(struct source *s, const struct key *k, yaml_node_t *node, const char *path, uint64_t *field)
{
	uint64_t unit = k->kind == KEY_GIB ? 1024 : 1, mib;
	const char *text = schema_text(s, node, path);
	char low[32], high[32];

	if (!text)
		return;
	size_text(k->min * unit, low);
	size_text(k->max * unit, high);
	if (!size_parse_mib(text, &mib))
		source_problem(s, path, "must be a whole number with a unit (MiB, GiB, TiB), got '%.40s'%s", text,
			       strspn(text, "0123456789") == strlen(text) ? ": the unit is missing" : "");
	else if (mib < k->min * unit || mib > k->max * unit)
		source_problem(s, path, "must be from %s to %s, got %s", low, high, text);
	else if (mib % unit)
		source_problem(s, path, "must be a multiple of 1 GiB, got %s", text);
	else
		*field = mib / unit;
}

void schema_word(struct source *s, const struct key *k, yaml_node_t *node, const char *path, void *field)
{
	const char *text = schema_text(s, node, path), *near;

	if (!text)
		return;
	for (unsigned i = 0; k->words[i]; i++) {
		if (strcmp(k->words[i], text))
			continue;
		if (k->kind == KEY_FLAG)
			*(bool *)field = i;
		else
			memcpy(field, &(unsigned){ i }, sizeof(unsigned)); /* an enum without negative values */
		return;
	}
	near = suggest(text, k->words);
	if (near) {
		source_problem(s, path, "unknown value '%.40s' (did you mean %s?)", text, near);
	} else {
		auto_(strbuf_clear) struct strbuf known = {0};

		for (unsigned i = 0; k->words[i]; i++)
			strbuf_printf(&known, "%s%s", i ? ", " : "", k->words[i]);
		source_problem(s, path, "unknown value '%.40s'; known: %s", text, strbuf_text(&known));
	}
}

static void read_text(struct source *s, const struct key *k, yaml_node_t *node, const char *path, const char **field)
{
	const char *text = schema_text(s, node, path), *bad = text && k->form ? k->form(text) : NULL;

	if (bad)
		source_problem(s, path, "'%.80s' %s", text, bad);
	else if (text)
		*field = text;
}

static void read_address(struct source *s, yaml_node_t *node, const char *path, uint32_t *field)
{
	const char *text = schema_text(s, node, path);

	if (text && !ip_parse(text, field))
		source_problem(s, path, "must be an IPv4 address like 192.168.122.171, got '%.40s'", text);
}

static void read_value(struct source *s, const struct key *k, yaml_node_t *node, void *object, const char *path)
{
	void *field = (char *)object + k->offset;

	if (k->read) {
		k->read(s, k, node, path);
		return;
	}
	switch (k->kind) {
	case KEY_TEXT: read_text(s, k, node, path, field); break;
	case KEY_WORD:
	case KEY_FLAG: schema_word(s, k, node, path, field); break;
	case KEY_NUMBER: read_number(s, k, node, path, field); break;
	case KEY_MIB:
	case KEY_GIB: read_size(s, k, node, path, field); break;
	case KEY_ADDRESS: read_address(s, node, path, field); break;
	case KEY_MAP: schema_read_map(s, node, k->sub, object, path); break;
	case KEY_CUSTOM: break;
	}
}

const char *schema_key(struct source *s, const yaml_node_pair_t *pair)
{
	return (const char *)yaml_document_get_node(s->doc, pair->key)->data.scalar.value;
}

/* The pair before @p with the same key, or NULL. */
static const yaml_node_pair_t *same_before(struct source *s, const yaml_node_t *map, const yaml_node_pair_t *p)
{
	for (const yaml_node_pair_t *q = map->data.mapping.pairs.start; q < p; q++)
		if (!strcmp(schema_key(s, q), schema_key(s, p)))
			return q;
	return NULL;
}

bool schema_pairs(struct source *s, yaml_node_t *node, const char *path)
{
	yaml_node_pair_t *first = node->data.mapping.pairs.start, *end = node->data.mapping.pairs.top;

	if (node->type != YAML_MAPPING_NODE) {
		if (!yaml_is_null(node)) /* an empty "network:" is fine */
			problem_add(&s->problems, *path ? source_line(s, path) : (int)node->start_mark.line + 1,
				    *path ? path : "yaml", "must be a map (key: value), got %s", type_name(node));
		return false;
	}
	if (end - first > KEYS_MAX) {
		problem_add(&s->problems, (int)node->start_mark.line + 1, *path ? path : "yaml", "has more than %d keys",
			    KEYS_MAX);
		return false;
	}
	for (yaml_node_pair_t *p = first; p < end; p++) {
		yaml_node_t *key = yaml_document_get_node(s->doc, p->key);
		int line = (int)key->start_mark.line + 1;
		const char *text = (const char *)key->data.scalar.value;
		const yaml_node_pair_t *same;

		if (key->type != YAML_SCALAR_NODE || strlen(text) != key->data.scalar.length || form_clean(text) ||
		    strlen(text) > 255) {
			problem_add(&s->problems, line, *path ? path : "yaml", "a key must be a plain word");
			return false;
		}
		same = same_before(s, node, p);
		if (same)
			problem_add(&s->problems, line, arena_printf(s->lab->arena, "%s%s%s", path, *path ? "." : "", text),
				    "duplicate key, first in line %d",
				    (int)yaml_document_get_node(s->doc, same->key)->start_mark.line + 1);
	}
	return true;
}

static void unknown_key(struct source *s, const struct key *keys, const char *name, const char *path)
{
	const char *words[KEYS_MAX + 1], *near;
	auto_(strbuf_clear) struct strbuf known = {0};
	unsigned n = 0;

	for (; keys[n].name && n < KEYS_MAX; n++) {
		words[n] = keys[n].name;
		strbuf_printf(&known, "%s%s", n ? ", " : "", words[n]);
	}
	words[n] = NULL;
	near = suggest(name, words);
	if (near)
		source_problem(s, path, "unknown key (did you mean %s?)", near);
	else
		source_problem(s, path, "unknown key; known here: %s", strbuf_text(&known));
}

void schema_read_map(struct source *s, yaml_node_t *node, const struct key *keys, void *object, const char *path)
{
	if (!schema_pairs(s, node, path))
		return;
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
		const char *name = schema_key(s, p);
		const char *below = arena_printf(s->lab->arena, "%s%s%s", path, *path ? "." : "", name);
		const struct key *k = keys;

		if (same_before(s, node, p)) /* a duplicate, reported already: do not read the key a second time */
			continue;
		schema_origin(s, below, yaml_document_get_node(s->doc, p->key));
		while (k->name && strcmp(k->name, name))
			k++;
		if (k->name)
			read_value(s, k, yaml_document_get_node(s->doc, p->value), object, below);
		else
			unknown_key(s, keys, name, below);
	}
}

static void profile_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	/* Their names in older records, in the order of tuning_profiles. */
	static const char *const former[] = { "modern", "seed", "seed-el5" };
	const char *name = node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
	unsigned i = 0;

	while (i < ARRAY_COUNT(former) && strcmp(name, former[i]) != 0)
		i++;
	if (i == ARRAY_COUNT(former))
		schema_word(s, &(struct key){ k->name, KEY_WORD, .words = tuning_profiles }, node, path, &i);
	if (i < ARRAY_COUNT(former))
		s->lab->tuning.profile = tuning_profiles[i];
}

static void subnet_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	const char *text = schema_text(s, node, path), *slash = text ? strchr(text, '/') : NULL;
	unsigned len = 0, n = 0;
	uint32_t ip;
	char address[16] = "", fixed[16];

	(void)k;
	if (!text)
		return;
	if (slash && slash - text < 16)
		memcpy(address, text, (size_t)(slash - text));
	for (; slash && isdigit((unsigned char)slash[n + 1]) && n < 3; n++)
		len = len * 10 + (unsigned)(slash[n + 1] - '0');
	if (!slash || !ip_parse(address, &ip) || !n || slash[n + 1]) {
		source_problem(s, path, "must be an IPv4 subnet like 192.168.122.0/24, got '%.40s'", text);
	} else if (len < 16 || len > 29) {
		source_problem(s, path, "the prefix must be from /16 to /29, got /%u", len);
	} else if (ip & ~(UINT32_MAX << (32 - len))) {
		ip_format(ip & UINT32_MAX << (32 - len), fixed);
		source_problem(s, path, "%s has host bits set (did you mean %s/%u?)", text, fixed, len);
	} else if (ip >> 24 == 0 || ip >> 24 == 127 || ip >> 24 >= 224 || ip >> 16 == 0xa9fe) {
		source_problem(s, path, "%s cannot be the subnet of a lab: loopback, link-local, multicast or reserved", text);
	} else {
		s->lab->net.subnet = ip;
		s->lab->net.prefix_len = len;
	}
}

static void nodes_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	static const struct key number = { "nodes", KEY_NUMBER, .min = 1, .max = LAB_NODES_MAX };
	struct lab *lab = s->lab;
	size_t count;

	(void)k;
	if (node->type == YAML_SCALAR_NODE) {
		read_number(s, &number, node, path, &lab->node_count);
		return;
	}
	if (node->type != YAML_SEQUENCE_NODE) {
		source_problem(s, path, "must be a number or a list of {name, cpus, memory, disk, address}, got %s",
			       type_name(node));
		return;
	}
	count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (!count || count > LAB_NODES_MAX) {
		source_problem(s, path, "must list 1 to %d nodes, got %zu", LAB_NODES_MAX, count);
		return;
	}
	s->nodes_listed = true;
	lab->node_count = (unsigned)count;
	lab->nodes = arena_alloc(lab->arena, count * sizeof *lab->nodes);
	for (unsigned i = 0; i < count; i++) {
		yaml_node_t *item = yaml_document_get_node(s->doc, node->data.sequence.items.start[i]);
		const char *below = arena_printf(lab->arena, "%s[%u]", path, i + 1);

		schema_origin(s, below, item);
		schema_read_map(s, item, node_keys, &lab->nodes[i], below);
	}
}
