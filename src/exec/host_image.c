/* SPDX-License-Identifier: PostgreSQL */
/* Takes the lab's image from its master, on another host. The other end: hosts_image.c. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"
#include "clock.h"
#include "digest.h"
#include "file.h"
#include "host_server.h"
#include "images.h"

#define IMAGE_LOCK_MS 1800000 /* a build of the same image may take so long */

static bool has_image(const struct server *s, const char *name, const char *digest, struct arena *a, const char **ret_dir)
{
	*ret_dir = cache_image(runtime_paths(s->rt)->cache, name, digest, a);
	return file_exists(*ret_dir);
}

int server_want_image(struct server *s, const json_t *q, json_t *reply, struct fail *e)
{
	const struct paths *p = runtime_paths(s->rt);
	auto_(arena_free) struct arena *a = arena_new();
	const char *name = asked_text(q, "image"), *digest = asked_text(q, "digest"), *dir, *temp;
	int64_t deadline = clock_after_ms(IMAGE_LOCK_MS);

	if (s->lock_fd < 0 || strcmp(name, images_cache_name(s->lab, a)) || !digest || strlen(digest) != DIGEST_HEX - 1 || digest[strspn(digest, "0123456789abcdef")])
		return fail(e, FAIL_OTHER, "no image of this lab: %s", name);
	/* Before it is there: images_find() takes this one and no other. */
	if (server_write(arena_printf(a, "%s/image", p->lab), arena_printf(a, "%s\n", digest), e) < 0)
		return -1;
	if (has_image(s, name, digest, a, &dir))
		return 0;
	if (s->image_fd < 0 && cache_lock_image(p->cache, name, "copy of an image", deadline, &s->image_fd, e) < 0)
		return -1;
	temp = cache_path(p->cache, CACHE_IMAGE_NEW, name, a);
	if (file_remove_tree(temp, e) < 0 || file_mkdirs(temp, 0700, e) < 0)
		return -1;
	return json_object_set_new(reply, "put", json_string(temp));
}

int server_place_image(struct server *s, const json_t *q, struct fail *e)
{
	const struct paths *p = runtime_paths(s->rt);
	auto_(arena_free) struct arena *a = arena_new();
	auto_(strbuf_clear) struct strbuf has = { 0 };
	const char *name = asked_text(q, "placed"), *digest = asked_text(q, "digest"), *temp = cache_path(p->cache, CACHE_IMAGE_NEW, name, a), *dir;
	int r = -1;

	if (s->image_fd < 0 || strcmp(name, images_cache_name(s->lab, a)) || !digest)
		return fail(e, FAIL_OTHER, "no image is being copied");
	/* tar writes the files in the order of the directory: this one does not show that it is complete, but tar's end did. */
	if (file_read(arena_printf(a, "%s/digest", temp), 4096, &has, e) < 0 || chmod(temp, 0755) < 0 || strncmp(strbuf_text(&has), digest, DIGEST_HEX - 1)) {
		struct fail ignored = { 0 };

		if (!e->code)
			fail(e, FAIL_OTHER, "the copy of image %s has another digest", name);
		file_remove_tree(temp, &ignored);
	} else {
		r = has_image(s, name, digest, a, &dir) ? 0 : cache_publish(temp, dir, false, e);
	}
	close(s->image_fd);
	s->image_fd = -1;
	return r;
}
