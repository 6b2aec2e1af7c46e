/* SPDX-License-Identifier: PostgreSQL */
/* What nodes boot from: a word (an image that labctl builds, a disk in the store), or any disk image by path or URL. */
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "config.h"
#include "defaults.h"
#include "family.h"
#include "lab_source.h"
#include "platform.h"
#include "recipe.h"

#define LAB(field) .offset = offsetof(struct lab, field)

const char *const boot_names[] = { "bios", "uefi", NULL };
const char *const seed_names[] = { "nocloud", "labctl", NULL };
/* What labctl builds for nodes. */
static const char *const images[] = { "debian12", "debian13", NULL };

static const char *form_release(const char *text)
{
	return family_find(text) ? NULL : "is not a known release (el5 to el10 and names like rocky9, debian12, debian13)";
}

static const struct key disk_keys[] = {
	{ "source", KEY_TEXT, LAB(image) },
	{ "sha256", KEY_TEXT, LAB(disk_image.sha256), .form = form_digest },
	{ "stored", KEY_TEXT, LAB(disk_image.stored) },
	{ "boot", KEY_WORD, LAB(disk_image.boot), .words = boot_names },
	{ "seed", KEY_WORD, LAB(disk_image.seed), .words = seed_names },
	{ "release", KEY_TEXT, LAB(disk_image.release), .form = form_release },
	{ 0 },
};

/* labctl's own images first, then the store. */
static const char *const *known_words(const struct source *s)
{
	const struct lab_options *o = s->options;
	const char **words = NULL;
	unsigned count = 0;

	for (unsigned i = 0; images[i]; i++)
		*arena_push(s->lab->arena, words, count) = images[i];
	for (unsigned i = 0; i < o->stored_count; i++)
		*arena_push(s->lab->arena, words, count) = o->stored[i].name;
	*arena_push(s->lab->arena, words, count) = NULL;
	return words;
}

static bool is_built(const char *word)
{
	for (unsigned i = 0; images[i]; i++)
		if (!strcmp(word, images[i]))
			return true;
	return false;
}

static void take_word(struct source *s, const char *word)
{
	struct lab *lab = s->lab;

	lab->image = arena_strdup(lab->arena, word);
	for (unsigned i = 0; i < s->options->stored_count; i++) {
		const struct stored_disk *d = &s->options->stored[i];

		if (!strcmp(word, d->name) && !is_built(word))
			lab->disk_image = (struct disk_image){ .stored = lab->image, .boot = d->boot, .seed = d->seed,
								 .release = d->release };
	}
}

void image_read(struct source *s, const struct key *k, yaml_node_t *node, const char *path)
{
	const char *const *words = known_words(s);
	struct lab *lab = s->lab;
	const char *text;
	unsigned i = UINT_MAX;

	/* Nothing of the image that a configuration names. */
	lab->image = NULL;
	lab->disk_image = (struct disk_image){ 0 };
	if (node->type == YAML_MAPPING_NODE) {
		schema_read_map(s, node, disk_keys, lab, path);
		if (lab->disk_image.stored)
			lab->image = lab->disk_image.stored;
		else if (!lab->image)
			source_problem(s, path, "needs source: path or URL of a disk image");
		else if (!lab_boots_disk(lab)) /* without a slash it would be read as a word */
			lab->image = arena_printf(lab->arena, "./%s", lab->image);
		return;
	}
	text = node->type == YAML_SCALAR_NODE ? schema_text(s, node, path) : NULL;
	if (text && strchr(text, '/')) {
		lab->image = text;
		return;
	}
	if (text || node->type != YAML_SCALAR_NODE)
		schema_word(s, &(struct key){ k->name, KEY_WORD, .words = words }, node, path, &i);
	if (i != UINT_MAX)
		take_word(s, words[i]);
}

/* The release in the file name of a vendor's cloud image; NULL when there is none, or it is what is assumed without one. */
static const char *guess_release(const char *source)
{
	const char *slash = strrchr(source, '/');
	const struct release *r = family_guess(slash ? slash + 1 : source);

	return r && r != &releases[RELEASE_DEBIAN12] ? r->name : NULL;
}

/* Until a lab has a cluster it boots DEFAULT_IMAGE, on which every kind is proven. */
static const char *default_image(const struct source *s)
{
	const struct lab *lab = s->lab;
	const struct recipe *r = lab->cluster.recipe;
	const struct config *config = s->options->config;
	const char *source = lab->cluster.archive, *image;

	if (!r)
		return DEFAULT_IMAGE;
	if (!source)
		source = lab_source(&lab->sources, r->kind);
	if (!source && config)
		source = lab_source(&config->lab.sources, r->kind);
	image = platform_image(r->kind, source);
	return image ? image : DEFAULT_IMAGE;
}

void image_complete(struct source *s)
{
	struct lab *lab = s->lab;
	const char *said = s->options->image;

	if (said && (!lab->image || strcmp(said, lab->image) != 0)) {
		lab->disk_image = (struct disk_image){ .boot = lab->disk_image.boot }; /* the rest is of the file's image */
		take_word(s, said);
	}
	if (!lab->image)
		lab->image = default_image(s);
	if (!lab_boots_disk(lab))
		lab->disk_image = (struct disk_image){ 0 };
	else if (!lab->disk_image.stored && !lab->disk_image.release)
		lab->disk_image.release = guess_release(lab->image);
	if (!lab_boots_disk(lab))
		lab->release = family_find(lab->image);
	else if (lab->disk_image.release)
		lab->release = family_find(lab->disk_image.release);
	if (!lab->release)
		lab->release = &releases[RELEASE_DEBIAN12];
	if (!lab_boots_disk(lab))
		return;
	if (!lab->disk_image.stored)
		lab->image = path_from(lab->arena, s->dir, lab->image);
}

/* Either the lab file asks for it, or v_mount_options() in scope.c replaces labctl's default by the family's version. */
bool lab_mounts_nfs3(const struct lab *lab)
{
	const char *options = lab->data.mount_options, *at = strstr(options, "vers=3");

	return (at && (!at[6] || at[6] == ',')) ||
	       (strstr(options, "vers=4.2") && !strcmp(lab->release->family->nfs, "vers=3"));
}

void image_check(struct source *s)
{
	const struct lab *lab = s->lab;
	bool chkconfig = !strcmp(lab->release->family->service_manager, "chkconfig");

	if (lab_boots_disk(lab) && lab->hypervisor == HYPERVISOR_LXC)
		source_problem(s, "image", "is a disk, which only a machine can boot; containers (lxc) need a tree: image: %s",
			       DEFAULT_IMAGE);
	/* The profile uses yum, chkconfig and iptables. */
	if (!strcmp(lab->tuning.profile, "classic-el5") && !chkconfig)
		source_problem(s, "tuning.profile", "classic-el5 is for el5 and el6, but the image has %s (did you mean classic?)",
			       lab->release->name);
	if (lab_mounts_nfs3(lab) && lab->data.server == NFS_GANESHA)
		source_problem(s, "data.server", "nodes of %s mount NFS version 3, which only the kernel's server supports",
			       lab->release->name);
}

void image_print(const struct lab *lab, struct strbuf *out)
{
	const struct disk_image *d = &lab->disk_image;

	if (!d->sha256 && !d->stored && !d->release && d->boot == BOOT_BIOS && d->seed == SEED_NOCLOUD) {
		strbuf_str(out, "image: ");
		yaml_text(out, lab->image);
	} else {
		strbuf_printf(out, "image: {%s: ", d->stored ? "stored" : "source");
		yaml_text(out, lab->image);
		if (d->sha256)
			strbuf_printf(out, ", sha256: \"%s\"", d->sha256);
		strbuf_printf(out, ", boot: %s, seed: %s", boot_names[d->boot], seed_names[d->seed]);
		if (d->release)
			strbuf_printf(out, ", release: %s", lab->release->name);
		strbuf_char(out, '}');
	}
	strbuf_char(out, '\n');
}
