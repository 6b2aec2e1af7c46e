/* SPDX-License-Identifier: PostgreSQL */
/* Output of a serial console, in pieces of any size: what is kept is bounded and has no control characters. */
#include "fuzz.h"

#include "console.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct console c = { 0 };
	size_t piece = size ? data[0] + 1u : 1;

	for (size_t at = size > 0; at < size; at += piece)
		console_feed(&c, (const char *)data + at, size - at < piece ? size - at : piece);
	for (const char *p = strbuf_text(&c.text); *p; p++)
		PROMISE(*p == '\n' || (unsigned char)*p >= ' ', "%02x", *p);
	for (const char *p = strbuf_text(&c.notes); *p; p++)
		PROMISE(*p == '\n' || (unsigned char)*p >= ' ', "%02x", *p);
	for (const char *p = c.progress; *p; p++)
		PROMISE((unsigned char)*p >= ' ', "%02x", *p);
	PROMISE(c.text.len < 32768 && c.line.len <= 4096);
	PROMISE(c.state <= CONSOLE_PANICS);
	console_clear(&c);
	return 0;
}
