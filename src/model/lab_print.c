/* SPDX-License-Identifier: PostgreSQL */
/* lab_print(). Uses the same tables as reading, so that lab_parse() reads back an equal lab. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lab_source.h"

/* Plain where every YAML reader takes it for this text, "quoted" otherwise. */
void yaml_text(struct strbuf *out, const char *text)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
	static const char *const words[] = { "null", "Null", "NULL", "true", "false", "yes", "no", "on", "off" };
	bool plain = (isalnum((unsigned char)text[0]) || text[0] == '/') && !text[strspn(text, safe)];

	for (unsigned i = 0; i < ARRAY_COUNT(words); i++)
		plain = plain && strcasecmp(text, words[i]);
	if (plain) {
		strbuf_str(out, text);
		return;
	}
	strbuf_char(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			strbuf_char(out, '\\');
		strbuf_char(out, *text);
	}
	strbuf_char(out, '"');
}

void subnet_print(const struct lab *lab, struct strbuf *out)
{
	char text[16];

	ip_format(lab->net.subnet, text);
	if (lab->net.subnet)
		strbuf_printf(out, "  subnet: %s/%u\n", text, lab->net.prefix_len);
}

/* True when "nodes: N" gives the same node. */
static bool node_is_default(const struct lab *lab, const struct node *n)
{
	char name[16];

	snprintf(name, sizeof name, "node%u", n->index);
	return !strcmp(name, n->name) && n->cpus == lab->cpus && n->memory_mib == lab->memory_mib &&
	       n->disk_gib == lab->disk_gib &&
	       (!lab->net.subnet || n->ip == lab->net.subnet + lab->net.first_host + n->index - 1);
}

void nodes_print(const struct lab *lab, struct strbuf *out)
{
	bool plain = true;

	for (unsigned i = 0; i < lab->node_count && plain; i++)
		plain = node_is_default(lab, &lab->nodes[i]);
	if (plain) {
		strbuf_printf(out, "nodes: %u\n", lab->node_count);
		return;
	}
	node_list_print(lab, out);
}

void node_list_print(const struct lab *lab, struct strbuf *out)
{
	strbuf_str(out, "nodes:\n");
	for (unsigned i = 0; i < lab->node_count; i++) {
		const struct node *n = &lab->nodes[i];
		char memory[32];

		strbuf_printf(out, "  - {name: ");
		yaml_text(out, n->name);
		size_text(n->memory_mib, memory);
		strbuf_printf(out, ", cpus: %u, memory: %s, disk: %lluGiB", n->cpus, memory, (unsigned long long)n->disk_gib);
		if (lab->net.subnet)
			strbuf_printf(out, ", address: %s", n->ip_text);
		strbuf_str(out, "}\n");
	}
}

bool value_print(const void *object, const struct key *k, struct strbuf *out)
{
	const void *field = (const char *)object + k->offset;
	char text[32];

	if (k->kind == KEY_TEXT && *(const char *const *)field) {
		yaml_text(out, *(const char *const *)field);
	} else if (k->kind == KEY_WORD) {
		unsigned word;

		memcpy(&word, field, sizeof word);
		strbuf_str(out, k->words[word]);
	} else if (k->kind == KEY_FLAG && *(const bool *)field) {
		strbuf_str(out, k->words[1]);
	} else if (k->kind == KEY_NUMBER && *(const unsigned *)field) {
		strbuf_printf(out, "%u", *(const unsigned *)field);
	} else if (k->kind == KEY_MIB || k->kind == KEY_GIB) {
		size_text(*(const uint64_t *)field * (k->kind == KEY_GIB ? 1024 : 1), text);
		strbuf_str(out, text);
	} else if (k->kind == KEY_ADDRESS && *(const uint32_t *)field) {
		ip_format(*(const uint32_t *)field, text);
		strbuf_str(out, text);
	} else {
		return false;
	}
	return true;
}

static bool print_value(const struct lab *lab, const struct key *k, struct strbuf *out, const char *indent)
{
	size_t before = out->len;

	strbuf_printf(out, "%s%s: ", indent, k->name);
	if (!value_print(lab, k, out)) {
		strbuf_truncate(out, before);
		return false;
	}
	strbuf_char(out, '\n');
	return true;
}

void sources_print(const struct lab *lab, struct strbuf *out)
{
	size_t before = out->len;
	bool any = false;

	strbuf_str(out, "sources:\n");
	for (const struct key *k = sources_keys; k->name; k++)
		any = print_value(lab, k, out, "  ") || any;
	if (!any)
		strbuf_truncate(out, before);
}

static void print_keys(const struct lab *lab, const struct key *keys, struct strbuf *out, const char *indent)
{
	for (const struct key *k = keys; k->name; k++) {
		if (k->print) {
			k->print(lab, out);
		} else if (k->kind == KEY_MAP) {
			strbuf_printf(out, "%s:\n", k->name);
			print_keys(lab, k->sub, out, "  ");
		} else {
			print_value(lab, k, out, indent);
		}
	}
}

void lab_print(const struct lab *lab, struct strbuf *out)
{
	print_keys(lab, lab_keys, out, "");
}

