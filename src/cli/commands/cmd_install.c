/* SPDX-License-Identifier: PostgreSQL */
/* image install: an unattended installation, from the lab file's settings to a stored image. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "cli.h"
#include "config.h"
#include "complete.h"
#include "defaults.h"
#include "fetch.h"
#include "file.h"
#include "image_store.h"
#include "install.h"
#include "kickstart.h"
#include "kickstart_check.h"
#include "proc.h"
#include "suggest.h"
#include "virt.h"

#define TIMEOUT_MS (2 * 3600 * 1000ll) /* emulated machines are slow */
#define QUIET_MS (20 * 60 * 1000ll)    /* under emulation, single packages take minutes to unpack and configure */
#define DISK_GIB 10u                   /* virtual size: a node's disk may be larger, never smaller */
#define RECIPE "debian"                /* image recipe that is applied to an installed Debian */

/* Runs @argv; returns the text between @start and @end of the first line that has both; "" if none does. */
static const char *ask(struct cli *c, const char *const *argv, const char *start, const char *end)
{
	auto_(strbuf_clear) struct strbuf out = { 0 };
	size_t before = strlen(start), after = strlen(end), len;
	struct fail ignored = { 0 };
	const char *line;

	if (proc_check(&(struct proc){ .argv = argv, .out = &out, .deadline_ms = clock_after_ms(120000), .cancel = c->cancel },
		       &ignored))
		return "";
	for (line = strbuf_text(&out); *line; line += len + (line[len] == '\n')) {
		len = strcspn(line, "\n");
		if (len >= before + after && !strncmp(line, start, before) && !strncmp(line + len - after, end, after))
			return arena_strndup(c->arena, line + before, len - before - after);
	}
	return "";
}

/* Rewrites a proxy or mirror on the host itself: in the machine's network the host is 10.0.2.2. */
static const char *as_seen_inside(struct cli *c, const char *url)
{
	static const char *const local[] = { "http://localhost", "http://127.0.0.1", "http://[::1]" };

	for (size_t i = 0; i < ARRAY_COUNT(local); i++)
		if (!strncmp(url, local[i], strlen(local[i])) && strchr(":/", url[strlen(local[i])]))
			return arena_printf(c->arena, "http://10.0.2.2%s", url + strlen(local[i]));
	return url;
}

/* Finds the mirror ($LABCTL_MIRROR, as in build-image, else the host's) and the proxy of the host's apt. */
static int find_mirror(struct cli *c, struct install *i, struct fail *e)
{
	static const char *const proxy[] = { "apt-config", "dump", "--format", "%v%n", "Acquire::http::Proxy", NULL };
	const char *const sources[] = { "bash", arena_printf(c->arena, "%s/kickstart/build-image", library_dir(c->lib)),
					"--release", i->release->name, "--sources", NULL };
	const char *url = ask(c, sources, "deb ", arena_printf(c->arena, " %s main", i->release->suite)), *host, *path;

	if (strncmp(url, "http://", 7) != 0) {
		fail(e, FAIL_HOST, "%s%s%s", *url ? "the host's apt source is '" : "the host's apt has no source for ",
		     *url ? url : i->release->suite, *url ? "', but the installer supports only http://" : "");
		return fail_next(e, "LABCTL_MIRROR=http://HOST/DIRECTORY labctl image install ...");
	}
	host = as_seen_inside(c, url) + strlen("http://");
	path = host + strcspn(host, "/");
	i->mirror_host = arena_strndup(c->arena, host, (size_t)(path - host));
	i->mirror_dir = *path ? arena_strndup(c->arena, path, strlen(path) - (path[1] && path[strlen(path) - 1] == '/')) : "/";
	i->mirror_proxy = as_seen_inside(c, ask(c, proxy, "", ""));
	return 0;
}

/* If pykickstart is installed, validates the answers with its grammar of that release. */
static int validate(struct cli *c, const struct release *r, const char *answers, struct fail *e)
{
	char path[] = "/tmp/labctl-ks.XXXXXX";
	const char *const argv[] = { "ksvalidator", "-v", r->syntax, path, NULL };
	auto_(close) int fd = -1;
	struct fail said;
	int result;

	if (!r->syntax || !proc_found("ksvalidator"))
		return 0;
	fd = mkstemp(path);
	if (fd < 0)
		return fail_errno(e, FAIL_OTHER, "%s", path);
	result = write(fd, answers, strlen(answers)) == (ssize_t)strlen(answers) ?
			 proc_check(&(struct proc){ .argv = argv, .deadline_ms = clock_after_ms(60000), .cancel = c->cancel }, e) :
			 fail_errno(e, FAIL_HOST, "%s", path);
	unlink(path);
	if (result == 0 || e->code != FAIL_OTHER)
		return result;
	said = *e;
	fail(e, FAIL_OTHER, "ksvalidator reports errors in the kickstart for %s", r->name);
	fail_evidence(e, said.evidence, 15);
	return fail_next(e, "less %s/%s", library_dir(c->lib), r->template);
}

static int make_answers(struct cli *c, const struct release *r, const char *name, const char **ret_text, struct fail *e)
{
	struct problems problems = { .arena = c->arena };
	struct lab_options o = { .state_dir = c->state_dir };
	auto_(lab_free) struct lab *lab = NULL;
	struct install i;

	/* Time zone, locale, users and SELinux come from the lab file, else from the defaults. */
	if (config_load(c, &o.config, e) < 0 || lab_load(c->file, &o, &lab, e) < 0 ||
	    install_init(&i, lab, r, name, c->lib, c->arena, e) < 0 ||
	    (medium_of(r)->package && find_mirror(c, &i, e) < 0) ||
	    kickstart_render(&i, c->lib, c->arena, ret_text, e) < 0 ||
	    kickstart_check(r, medium_of(r)->answers, *ret_text, &problems, e) < 0)
		return -1;
	return validate(c, r, *ret_text, e);
}

struct install_words { const char *kickstart, *media, *disk, *sha256; };

static int parse_disk(const struct install_words *said, uint64_t *ret_gib, struct fail *e)
{
	char *end;
	unsigned long gib = said->disk ? strtoul(said->disk, &end, 10) : DISK_GIB;

	if (said->disk && (*said->disk < '0' || *said->disk > '9' || (*end && strcmp(end, "G") != 0) || gib < 2 || gib > 1024))
		return fail(e, FAIL_USAGE, "--disk: '%s' is not a size from 2G to 1024G", said->disk);
	*ret_gib = gib;
	return 0;
}

static int choose_release(const struct install_words *said, const struct release **ret, struct fail *e)
{
	*ret = family_find(said->kickstart);
	if (*ret)
		return medium_check(*ret, said->media, e);
	return suggest_fail(e, "--kickstart: unknown release", said->kickstart, release_names);
}

static int get_media(struct cli *c, const struct image_env *env, struct installer *i, struct fail *e)
{
	const struct install_words *said = c->options;
	struct fetch f = { .source = said->media, .what = "medium", .sha256 = said->sha256, .cache_dir = c->cache_dir,
			   .progress = image_download, .ctx = c, .cancel = c->cancel, .deadline_ms = env->deadline_ms };
	char *sha256 = arena_alloc(c->arena, 65);

	i->media = said->media;
	if (medium_of(i->release)->package)
		return 0;
	i->media_sha256 = sha256;
	return fetch_archive(&f, c->arena, &i->media, sha256, e);
}

static int install(struct cli *c, struct fail *e)
{
	const struct install_words *said = c->options;
	struct image_env env = image_env_of(c);
	struct installer i = { .name = c->args[0], .quiet_ms = QUIET_MS };
	struct inject *files = NULL;
	struct image image;
	const char *answers;
	unsigned count = 0;

	if (image_name_check(i.name, e) < 0 || choose_release(said, &i.release, e) < 0 || parse_disk(said, &i.disk_gib, e) < 0)
		return -1;
	if (c->hypervisor.type == HYPERVISOR_LXC)
		return fail(e, FAIL_USAGE, "an installer needs a virtual machine: use --hypervisor kvm or qemu");
	if (make_answers(c, i.release, i.name, &answers, e) < 0)
		return -1;
	if (c->dry_run) {
		fputs(answers, stdout);
		return 0;
	}
	if (c->timeout_ms < 0)
		env.deadline_ms = clock_after_ms(TIMEOUT_MS);
	i.kvm = c->hypervisor.type == HYPERVISOR_KVM || (c->hypervisor.type == HYPERVISOR_AUTO && virt_kvm_works(NULL));
	*arena_push(c->arena, files, count) = (struct inject){ .path = medium_of(i.release)->answers, .data = answers,
							       .len = strlen(answers), .mode = S_IFREG | 0600 };
	if ((medium_of(i.release)->package &&
	     inject_tree(arena_printf(c->arena, "%s/" RECIPE, env.kickstart), "labctl", c->arena, &files, &count, e) < 0) ||
	    get_media(c, &env, &i, e) < 0)
		return -1;
	i.files = files;
	i.file_count = count;
	env.line(env.line_ctx, arena_printf(c->arena, "installing %s %s", i.release->name,
					    i.kvm ? "(kvm)" : "in an emulated machine (takes half an hour or more)"));
	return install_image(&env, &i, c->arena, &image, e) < 0 ? -1 : image_report(c, &image, true, e);
}

static const struct option_row options[] = {
	{ "kickstart", .arg = "RELEASE", .required = true, .complete = complete_releases,
	  .at = offsetof(struct install_words, kickstart),
	  .text = "release to install: debian12, debian13, el5 to el10 or one of their clones (rocky9)" },
	{ "media", .arg = "FILE|URL", .required = true, .complete = complete_files, .at = offsetof(struct install_words, media),
	  .text = "ISO to install from; netboot for Debian" },
	{ "disk", .arg = "SIZE", .at = offsetof(struct install_words, disk),
	  .text = "size of the image's disk (10G); a node's disk may be larger" },
	{ "sha256", .arg = "DIGEST", .at = offsetof(struct install_words, sha256), .text = "expected digest of the file" },
	{ 0 },
};

const struct command cmd_image_install = {
	.name = "install", .run = install, .args = { { .name = "NAME" } },
	.options = options, .options_size = sizeof(struct install_words), .without = NO_LAB | NO_LIBVIRT,
	.summary = "install a release unattended in a temporary machine, and keep the disk as an image",
	.help =
	"Time zone, locale, user and SELinux mode come from the lab file given with -f. The default --timeout is two hours. "
	"-n prints the answers that the installer would get.",
};
