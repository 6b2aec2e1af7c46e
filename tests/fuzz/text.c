/* SPDX-License-Identifier: PostgreSQL */
/*
 * Short texts: addresses, compared with inet_pton(); sizes and names of leases, printed and read back; words that are found
 * or suggested; and text for terminals, which must have no control characters.
 */
#include "../../src/link/lease.c" /* parse_lease_name() */

#include "fuzz.h"

#include <arpa/inet.h>
#include <libxml/xmlstring.h>

#include "family.h"
#include "lab_source.h"
#include "quote.h"
#include "suggest.h"

static void address(const char *text)
{
	struct in_addr wanted;
	uint32_t ip = 0;
	char again[16];
	bool read = ip_parse(text, &ip);

	PROMISE(read == (inet_pton(AF_INET, text, &wanted) == 1), "%s", text);
	if (!read)
		return;
	ip_format(ip, again);
	PROMISE(ip == ntohl(wanted.s_addr) && !strcmp(again, text), "%s", text);
}

static void size_and_lease(const char *text)
{
	uint64_t mib = 0, mib_again = 0;
	uint32_t ip = 0;
	unsigned prefix_len = 0;
	char again[32];

	if (size_parse_mib(text, &mib) && mib <= 64u << 20) { /* 64 TiB is more than any lab has */
		size_text(mib, again);
		PROMISE(size_parse_mib(again, &mib_again) && mib == mib_again, "%s", text);
	}
	if (parse_lease_name(text, &ip, &prefix_len))
		PROMISE(prefix_len >= 1 && prefix_len <= 32, "%s", text);
}

static void words(const char *text)
{
	static const char *const known[] = { "datanode", "coordinator", "gtm", "x", "gtm_standby", NULL };
	const struct release *r = family_find(text);
	const char *near = suggest(text, known);
	bool found = !near;

	PROMISE(!r || (r >= releases && r < releases + RELEASE_COUNT));
	for (unsigned i = 0; known[i]; i++) {
		found |= near == known[i];
		PROMISE(strcmp(text, known[i]) != 0 || near == known[i], "%s", text);
	}
	PROMISE(found);
}

/* No control characters: C0 except newline and tab, DEL, and C1 in UTF-8. */
static void harmless(const char *text, const char *layout)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		PROMISE(*c >= 0x20 || strchr(layout, *c), "%02x", *c);
		PROMISE(*c != 0x7f && !(*c == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f), "%02x", *c);
	}
}

static void failures(const char *text, unsigned lines)
{
	auto_(free) char *tame = strdup(text);
	struct fail e = { 0 };

	if (!tame)
		abort();
	quote_tame(tame, strlen(tame));
	harmless(tame, "\n\t");
	PROMISE(strlen(tame) == strlen(text) && xmlCheckUTF8((const unsigned char *)tame), "%s", text);

	fail(&e, FAIL_OTHER, "%s", text);
	fail_wrap(&e, "%s", text);
	fail_next(&e, "%s", text);
	fail_evidence(&e, text, lines);
	harmless(e.text, "");
	harmless(e.next, "");
	harmless(e.evidence, "\n\t");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_(free) char *text = fuzz_text(data, size);

	address(text);
	size_and_lease(text);
	words(text);
	failures(text, size ? data[0] % 8 : 0);
	return 0;
}
