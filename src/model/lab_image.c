/* SPDX-License-Identifier: PostgreSQL */
/* What nodes boot from: a word (a recipe of ours), or a disk that anybody made, by path or URL. */
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "lab_source.h"

#define LAB(field) .offset = offsetof(struct lab, field)

const char *const boot_names[] = { "bios", "uefi", NULL };
static const char *const images[] = { "debian12", NULL };

static const struct key disk_keys[] = {
	{ "source", KEY_TEXT, LAB(image) },
	{ "sha256", KEY_TEXT, LAB(disk_image.sha256), .form = form_digest },
	{ "boot", KEY_WORD, LAB(disk_image.boot), .words = boot_names },
	{ 0 },
};

void image_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	struct lab *lab = s->lab;
	const char *text;
	unsigned i = UINT_MAX;

	if (node->type == YAML_MAPPING_NODE) {
		schema_read_map(s, node, disk_keys, lab, path);
		if (!lab->image)
			source_problem(s, path, "needs source: path or URL of a disk image");
		else if (!lab_boots_disk(lab)) /* a slash is what tells a file from a word */
			lab->image = arena_printf(lab->arena, "./%s", lab->image);
		return;
	}
	text = node->type == YAML_SCALAR_NODE ? schema_text(s, node, path) : NULL;
	if (text && strchr(text, '/')) {
		lab->image = text;
		return;
	}
	if (text || node->type != YAML_SCALAR_NODE)
		schema_word(s, &(struct key){ k->name, KEY_WORD, .words = images }, node, path, &i);
	if (i != UINT_MAX)
		lab->image = images[i];
}

void image_complete(struct source *s)
{
	struct lab *lab = s->lab;
	const char *said = s->options->image;

	if (said && (!lab->image || strcmp(said, lab->image) != 0)) {
		lab->image = arena_strdup(lab->arena, said);
		lab->disk_image.sha256 = NULL; /* of the other one */
	}
	if (!lab->image)
		lab->image = images[0];
	if (!lab_boots_disk(lab)) {
		lab->disk_image = (struct disk_image){ 0 };
		return;
	}
	if (lab->image[0] != '/' && !strstr(lab->image, "://") && s->dir)
		lab->image = arena_printf(lab->arena, "%s/%s", s->dir, lab->image + (strncmp(lab->image, "./", 2) ? 0 : 2));
}

void image_check(struct source *s)
{
	if (lab_boots_disk(s->lab) && s->lab->hypervisor == HYPERVISOR_LXC)
		source_problem(s, "image", "is a disk, which a machine can boot; containers (lxc) need a tree: image: %s",
			       images[0]);
}

void image_print(const struct lab *lab, struct strbuf *out)
{
	const struct disk_image *d = &lab->disk_image;

	if (!d->sha256 && d->boot == BOOT_BIOS) {
		strbuf_str(out, "image: ");
		yaml_text(out, lab->image);
	} else {
		strbuf_str(out, "image: {source: ");
		yaml_text(out, lab->image);
		if (d->sha256)
			strbuf_printf(out, ", sha256: \"%s\"", d->sha256);
		strbuf_printf(out, ", boot: %s}", boot_names[d->boot]);
	}
	strbuf_char(out, '\n');
}
