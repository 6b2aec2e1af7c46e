/* SPDX-License-Identifier: PostgreSQL */
/* doctor --kvm: a guest that boots an image's disk and powers itself off. */
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "defaults.h"
#include "doctor.h"
#include "image.h"
#include "virt.h"
#include "xml.h"

#define GUEST_NAME "labctl-doctor-guest"
/* Not in "qemu" below it, which libvirt makes with the first log of a machine. */
#define GUEST_CONSOLE LIBVIRT_LOG_DIR "/" GUEST_NAME ".console"
#define GUEST_MS 120000
#define SLOW_MS 20000 /* with KVM it takes 1 to 3 s, emulated 15 to 40 s */
#define POWER_DOWN "reboot: Power down" /* the kernel's last words, whatever its loglevel */

/* The default image, or another that has what a machine boots from. */
static bool choose_image(struct doctor *d, struct image *ret)
{
	struct cli *c = d->c;
	struct image_env env = { .cache_dir = c->cache_dir, .deadline_ms = CLOCK_NEVER,
				 .kickstart = arena_printf(c->arena, "%s/kickstart", library_dir(c->lib)) };
	struct fail ignored = { 0 };
	struct image *images;
	unsigned count;

	if (image_find(&env, doctor_image(d), c->arena, ret, &ignored) == 0)
		return true;
	if (image_list(&env, c->arena, &images, &count, &ignored) < 0)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (images[i].disk && images[i].kernel && images[i].initrd) {
			*ret = images[i];
			return true;
		}
	return false;
}

/* The last line of @text that has something to say, or the last with @word; NULL = none. */
static const char *last_line(struct arena *a, const char *text, const char *word)
{
	const char *found = NULL;

	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\r\n"), blank = strspn(line, " \t");
		char *copy = arena_printf(a, "%.*s", (int)(len < 200 ? len : 200), line);

		if (blank < len && (!word || strstr(copy, word)))
			found = copy;
		line += len + strspn(line + len, "\r\n");
	}
	return found;
}

static const char *seconds(struct arena *a, int64_t ms)
{
	return arena_printf(a, "%.1f s", (double)ms / 1000);
}

/* What became of the guest, in words; true: it booted. */
static bool judge(struct arena *a, bool kvm, const struct virt_boot *b, const char **ret_words)
{
	static const char *const signs[] = { "Kernel panic", "KVM internal error", "kvm run failed", "error:" };
	const char *console = strbuf_text(&b->console), *why = NULL, *last = last_line(a, console, NULL), *missing;

	if (b->ended && strstr(console, POWER_DOWN)) {
		*ret_words = arena_printf(a, "boots and ends in %s", seconds(a, b->ms));
		return true;
	}
	for (size_t i = 0; i < ARRAY_COUNT(signs) && !why; i++) {
		why = last_line(a, console, signs[i]);
		why = why ? why : last_line(a, strbuf_text(&b->log), signs[i]);
	}
	if (b->ended)
		*ret_words = arena_printf(a, "ends after %s without having booted", seconds(a, b->ms));
	else if (!strncmp(b->state, "paused", 6))
		*ret_words = arena_printf(a, "is %s after %s", b->state, seconds(a, b->ms));
	else if (!last)
		*ret_words = arena_printf(a, "says nothing for %s", seconds(a, b->ms));
	else
		*ret_words = arena_printf(a, "has not booted after %s", seconds(a, b->ms));
	if (why || last)
		*ret_words = arena_printf(a, "%s: %s", *ret_words, why ? why : last);
	if (kvm && !virt_kvm_works(&missing))
		*ret_words = arena_printf(a, "%s; %s", *ret_words, missing);
	return false;
}

static int boot(struct cli *c, const struct image *image, const char *type, struct virt_boot *ret, struct fail *e)
{
	struct xml_guest g = { .name = GUEST_NAME, .type = type, .disk = image->disk, .kernel = image->kernel, .initrd = image->initrd,
			       .console = GUEST_CONSOLE };
	struct virt_guest guest = { .name = GUEST_NAME, .console = GUEST_CONSOLE, .cancel = c->cancel,
				    .timeout_ms = c->timeout_ms >= 0 ? c->timeout_ms : (int64_t)GUEST_MS * c->patience };
	auto_(virt_close) struct virt *v = NULL;

	if (virt_open(c->connect ? c->connect : LIBVIRT_QEMU, &v, e) < 0 || virt_dac_label(v, type, c->arena, &g.label, e) < 0 ||
	    xml_guest(&g, c->lib, c->arena, &guest.xml, e) < 0)
		return -1;
	return virt_guest_boot(v, &guest, ret, e);
}

void look_guest(struct doctor *d, const struct check *k)
{
	struct cli *c = d->c;
	const char *type = c->hypervisor.type == HYPERVISOR_QEMU ? "qemu" : "kvm", *words = "";
	struct virt_boot b = { 0 };
	struct check row = *k;
	struct image image;
	struct fail e = { 0 };
	bool good;

	if (!d->only || strcmp(d->only, k->name) != 0)
		return;
	if (!strcmp(type, "kvm") && access("/dev/kvm", R_OK | W_OK) < 0) {
		virt_kvm_works(&words);
		doctor_add(d, k, false, words, NULL);
		return;
	}
	if (!choose_image(d, &image)) {
		row.advice = "labctl image build";
		doctor_add(d, &row, false, "no image is built that it could boot", NULL);
		return;
	}
	if (boot(c, &image, type, &b, &e) < 0) {
		doctor_add(d, k, false, e.text, NULL);
	} else {
		good = judge(c->arena, *type == 'k', &b, &words);
		row.missing = good ? WARN : FAULT;
		/* No patience helps a processor that does not virtualize. */
		if (!good && !b.ended && strncmp(b.state, "paused", 6) != 0 && (*type != 'k' || virt_kvm_works(NULL)))
			row.advice = "if this host is only slow, LABCTL_PATIENCE=10 labctl doctor --kvm waits longer; other causes: "
				     "docs/why/001-kvm-that-is-not-kvm.md";
		row.why = good ? "this is as slow as an emulated machine: the host itself is emulated, or busy" : NULL;
		doctor_add(d, &row, good && (b.ms < SLOW_MS || *type != 'k'), arena_printf(c->arena, "a guest of %s %s%s", image.name,
			   *type == 'k' ? "" : "(emulated) ", words), NULL);
	}
	strbuf_clear(&b.console);
	strbuf_clear(&b.log);
}
