/* SPDX-License-Identifier: PostgreSQL */
/*
 * Downloads: CACHE/downloads/DIGEST12-NAME, ".part" while incomplete. A part is resumed only if the result can be
 * verified: by the wanted digest, or by the server's validator (kept in ".part.tag", sent as If-Range).
 */
#include "fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"
#include "clock.h"
#include "digest.h"
#include "file.h"
#include "quote.h"

#define TRIES_MAX 5
#define STALL_SECONDS 30L /* a transfer with less than STALL_BYTES per second for this time is aborted */
#define STALL_BYTES 512L

DEFINE_AUTO(CURL *, curl_easy_cleanup)

struct download {
	const struct fetch *f;
	const char *name; /* the URL without user and password, for messages */
	const char *path, *part, *tag;
	FILE *file;
	int64_t from_bytes; /* size of the part when this attempt started */
	char validator[256];
	char last_modified[128];
	bool canceled;
	int write_errno;
};

static void init_once(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* --- callbacks of curl --- */

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct download *d = ctx;

	size_t done = fwrite(data, size, count, d->file);

	if (done < count)
		d->write_errno = errno;
	return done;
}

static void header_value(char *ret, size_t room, const char *header, size_t len, const char *name)
{
	size_t name_len = strlen(name), end = len;

	if (len < name_len || strncasecmp(header, name, name_len) != 0)
		return;
	while (name_len < len && (header[name_len] == ' ' || header[name_len] == '\t'))
		name_len++;
	while (end > name_len && (header[end - 1] == '\r' || header[end - 1] == '\n' || header[end - 1] == ' '))
		end--;
	if (end - name_len < room)
		snprintf(ret, room, "%.*s", (int)(end - name_len), header + name_len);
}

static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
	struct download *d = ctx;
	size_t len = size * count;

	if (len > 5 && strncmp(data, "HTTP/", 5) == 0) /* after a redirect only the last response counts */
		d->validator[0] = d->last_modified[0] = '\0';
	header_value(d->validator, sizeof d->validator, data, len, "ETag:");
	header_value(d->last_modified, sizeof d->last_modified, data, len, "Last-Modified:");
	return len;
}

static int on_progress(void *ctx, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
	struct download *d = ctx;

	(void)up_total;
	(void)up_now;
	if (d->f->cancel && atomic_load(d->f->cancel)) {
		d->canceled = true;
		return 1;
	}
	if (d->f->progress && (now || total))
		d->f->progress(d->f->ctx, d->from_bytes + now, total ? d->from_bytes + total : -1);
	return 0;
}

/* --- one try --- */

/* Saves the validator before any byte of the body, so that every part has one. */
static void keep_validator(const struct download *d)
{
	struct fail ignored = { 0 };
	/* a weak ETag does not guarantee identical bytes */
	const char *text = d->validator[0] && strncmp(d->validator, "W/", 2) != 0 ? d->validator : d->last_modified;

	if (d->from_bytes)
		return; /* unchanged */
	if (text[0])
		file_write(d->tag, text, strlen(text), 0600, &ignored);
	else
		unlink(d->tag);
}

static void forget_part(const struct download *d)
{
	unlink(d->part);
	unlink(d->tag);
}

/* How much of the part can be resumed; adds If-Range to *headers if that depends on a validator. */
static int64_t resumable_bytes(const struct download *d, struct curl_slist **headers)
{
	auto_(strbuf_clear) struct strbuf tag = { 0 }, line = { 0 };
	struct fail ignored = { 0 };
	struct stat st;

	if (stat(d->part, &st) || st.st_size == 0 || strncasecmp(d->f->source, "file:", 5) == 0)
		return 0;
	if (file_read(d->tag, 4096, &tag, &ignored) == 0 && tag.len) {
		strbuf_printf(&line, "If-Range: %s", strbuf_text(&tag));
		*headers = curl_slist_append(NULL, strbuf_text(&line));
		return st.st_size;
	}
	return d->f->sha256 ? st.st_size : 0;
}

static void set_options(CURL *curl, struct download *d, struct curl_slist *headers, char *error)
{
	int64_t left = clock_left_ms(d->f->deadline_ms);

	curl_easy_setopt(curl, CURLOPT_URL, d->f->source);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,ftp,file");
	curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https,ftp");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "labctl");
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 20L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES);
	if (d->f->deadline_ms != CLOCK_NEVER)
		curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(left < 1 ? 1 : left > 1L << 30 ? 1L << 30 : left));
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, d);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, d);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, d);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)d->from_bytes);
}

enum outcome { DONE, AGAIN, AGAIN_FROM_START, GIVE_UP };

static enum outcome judge(struct download *d, CURLcode code, long status, bool refused, const char *error, struct fail *e)
{
	const char *sentence = error[0] ? error : curl_easy_strerror(code);

	if (d->canceled) {
		fail(e, FAIL_CANCELED, "%s: download canceled", d->name);
		return GIVE_UP;
	}
	switch (code) {
	case CURLE_OK:
		if (status != 416 || d->f->sha256)
			return DONE; /* 416: the part is complete; if not, the digest will differ */
		/* fall through */
	case CURLE_RANGE_ERROR: /* the server cannot resume, or has a different file now */
	case CURLE_FTP_COULDNT_USE_REST:
	case CURLE_BAD_DOWNLOAD_RESUME:
		fail(e, FAIL_OTHER, "%s: %s", d->name, sentence);
		return AGAIN_FROM_START;
	case CURLE_HTTP_RETURNED_ERROR:
		if (status == 416 && d->f->sha256)
			return DONE;
		if (status == 416) {
			fail(e, FAIL_OTHER, "%s: %s", d->name, sentence);
			return AGAIN_FROM_START;
		}
		fail(e, status == 404 || status == 410 ? FAIL_NOT_FOUND : FAIL_OTHER, "%s: the server returned status %ld", d->name,
		     status);
		fail_next(e, "curl -IL %s", d->name);
		return status >= 500 ? AGAIN : GIVE_UP;
	case CURLE_FILE_COULDNT_READ_FILE:
	case CURLE_REMOTE_FILE_NOT_FOUND:
		fail(e, FAIL_NOT_FOUND, "%s: %s", d->name, sentence);
		return GIVE_UP;
	case CURLE_OPERATION_TIMEDOUT:
		fail(e, FAIL_TIMEOUT, "%s: %s", d->name, sentence);
		return clock_left_ms(d->f->deadline_ms) ? AGAIN : GIVE_UP;
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
		fail(e, FAIL_OTHER, "%s: %s", d->name, sentence);
		return AGAIN;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
		fail(e, FAIL_OTHER, "%s: %s", d->name, sentence);
		fail_cause(e, code == CURLE_COULDNT_CONNECT && refused ? CAUSE_REFUSED : CAUSE_UNREACHABLE);
		return GIVE_UP;
	default:
		fail(e, FAIL_OTHER, "%s: %s", d->name, sentence);
		return GIVE_UP;
	}
}

static enum outcome transfer(struct download *d, struct fail *e)
{
	auto_(curl_easy_cleanup) CURL *curl = curl_easy_init();
	char error[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = NULL;
	enum outcome outcome;
	long status = 0, os_error = 0;
	CURLcode code;

	if (!curl)
		abort();
	d->from_bytes = resumable_bytes(d, &headers);
	d->file = fopen(d->part, d->from_bytes ? "ae" : "we");
	if (!d->file) {
		curl_slist_free_all(headers);
		fail_errno(e, FAIL_OTHER, "%s", d->part);
		return GIVE_UP;
	}
	set_options(curl, d, headers, error);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	keep_validator(d);
	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
	outcome = judge(d, code, status, os_error == ECONNREFUSED, error, e);
	if (code == CURLE_WRITE_ERROR) {
		errno = d->write_errno;
		fail_errno(e, FAIL_OTHER, "%s: write", d->part);
		fail_next(e, "df -h %s", d->f->cache_dir);
	}
	if ((fflush(d->file) || fsync(fileno(d->file))) && outcome == DONE) {
		fail_errno(e, FAIL_OTHER, "%s: write", d->part);
		outcome = GIVE_UP;
	}
	fclose(d->file);
	curl_slist_free_all(headers);
	return outcome;
}

/* --- the whole --- */

/* @what is "download" or "file". */
static int differs(const struct fetch *f, const char *name, const char *found, const char *what, struct fail *e)
{
	fail(e, FAIL_OTHER, "%s: SHA-256 differs: wanted %s%s, found %s", name, f->sha256, f->pin ? " (as when it was first used)" : "",
	     found);
	if (f->pin)
		return fail_next(e, "check the digest with the publisher; rm %s accepts the new one", f->pin);
	return fail_next(e, "check the digest with the publisher; the %s was %s", what, strcmp(what, "file") ? "discarded" : "not used");
}

/* Adds the next command after a transfer that ended too early. */
static void say_what_is_kept(const struct download *d, struct fail *e)
{
	struct stat st;

	if (stat(d->part, &st) == 0 && st.st_size)
		fail_next(e, "run the same command again: %lld KiB are kept in %s, only the rest will be downloaded",
			  (long long)st.st_size >> 10, d->part);
	else
		fail_next(e, "curl -IL %s", d->name);
}

static int download(struct download *d, char ret_sha256[DIGEST_HEX], struct fail *e)
{
	struct fail last = { 0 };
	bool resumed;

	for (int try = 0; try < TRIES_MAX; try++) {
		enum outcome outcome = transfer(d, &last);

		resumed = d->from_bytes != 0;
		if (outcome == DONE) {
			if (digest_file(d->part, ret_sha256, e))
				return -1;
			if (!d->f->sha256 || strcasecmp(d->f->sha256, ret_sha256) == 0) {
				unlink(d->tag);
				if (rename(d->part, d->path))
					return fail_errno(e, FAIL_OTHER, "%s", d->path);
				return 0;
			}
			forget_part(d);
			differs(d->f, d->name, ret_sha256, "download", &last);
			if (!resumed)
				break;
		} else if (outcome == AGAIN_FROM_START) {
			forget_part(d);
		} else if (outcome == AGAIN) {
			clock_sleep_ms(100 << try);
		} else {
			break;
		}
	}
	*e = last;
	if (!*e->next)
		say_what_is_kept(d, e);
	return -1;
}

static const char *file_name(const char *url, struct arena *a)
{
	size_t len = strcspn(url, "?#");
	const char *slash = memrchr(url, '/', len);
	char *name = arena_strndup(a, slash + 1, len - (size_t)(slash + 1 - url)), *c;

	for (c = name; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_+", *c))
			*c = '_';
	return name[0] ? name : "archive";
}

static int fetch_url(const struct fetch *f, struct arena *a, const char **ret_path, char ret_sha256[DIGEST_HEX],
		     struct fail *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct download d = { .f = f, .name = quote_url(f->source, a) };
	char id[DIGEST_HEX], sha256[DIGEST_HEX];
	auto_(close) int lock = -1;
	const char *name;
	bool found = false;

	pthread_once(&once, init_once);
	digest_text(f->source, strlen(f->source), id);
	name = arena_printf(a, "%.*s-%s", CACHE_ID_LEN, id, file_name(f->source, a));
	d.path = cache_path(f->cache_dir, CACHE_DOWNLOAD, name, a);
	d.part = arena_printf(a, "%s.part", d.path);
	d.tag = arena_printf(a, "%s.part.tag", d.path);
	if (cache_lock_download(f->cache_dir, name, f->deadline_ms, &lock, e))
		return -1;
	if (file_exists(d.path)) {
		if (digest_file(d.path, sha256, e))
			return -1;
		found = !f->sha256 || strcasecmp(f->sha256, sha256) == 0;
	}
	if (!found && download(&d, sha256, e))
		return -1;
	snprintf(ret_sha256, DIGEST_HEX, "%s", sha256);
	*ret_path = d.path;
	return 0;
}

static int fetch_path(const struct fetch *f, struct arena *a, const char **ret_path, char ret_sha256[DIGEST_HEX],
		      struct fail *e)
{
	auto_(free) char *path = realpath(f->source, NULL);
	const char *what = f->what ? f->what : "source archive";
	char sha256[DIGEST_HEX];
	struct stat st;

	if (!path || stat(path, &st))
		return fail_errno(e, errno == ENOENT || errno == ENOTDIR ? FAIL_NOT_FOUND : FAIL_OTHER,
				  "%s %s", what, f->source);
	if (!S_ISREG(st.st_mode))
		return fail(e, FAIL_OTHER, "%s %s: is not a file", what, f->source);
	if (digest_file(path, sha256, e))
		return -1;
	if (f->sha256 && strcasecmp(f->sha256, sha256) != 0)
		return differs(f, f->source, sha256, "file", e);
	snprintf(ret_sha256, DIGEST_HEX, "%s", sha256);
	*ret_path = arena_strdup(a, path);
	return 0;
}

static const char *const schemes[] = { "http://", "https://", "ftp://", "file://" };

int fetch_archive(const struct fetch *f, struct arena *a, const char **ret_path, char ret_sha256[65], struct fail *e)
{
	if (!strstr(f->source, "://"))
		return fetch_path(f, a, ret_path, ret_sha256, e);
	for (size_t i = 0; i < ARRAY_COUNT(schemes); i++)
		if (strncasecmp(f->source, schemes[i], strlen(schemes[i])) == 0)
			return fetch_url(f, a, ret_path, ret_sha256, e);
	return fail(e, FAIL_OTHER, "%s: cannot be fetched: use a path or a http, https, ftp or file URL", quote_url(f->source, a));
}
