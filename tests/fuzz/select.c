/* SPDX-License-Identifier: PostgreSQL */
/* "SELECTOR\nROLE" on several labs: selects nodes or fails; the numbers of the selected nodes select the same nodes. */
#include "fuzz.h"
#include "lab.h"

static const char *const shapes[] = {
	"nodes: 1\n",
	"nodes: 200\n",
	"{nodes: [{}, {}, {name: db-3}, {}, {}, {name: gtm}], cluster: {kind: pgxc}}",
	"{nodes: 4, cluster: {kind: postgres}}",
};
static struct lab *parsed[ARRAY_COUNT(shapes)];

static struct lab *lab_number(unsigned i)
{
	struct fail e = { 0 };

	if (!parsed[i])
		PROMISE(lab_parse(shapes[i], strlen(shapes[i]), "f", NULL, &parsed[i], &e) == 0, "%s", e.evidence);
	return parsed[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct lab *lab = lab_number(size ? data[0] % ARRAY_COUNT(shapes) : 0);
	auto_(free) char *text = fuzz_text(data + (size > 0), size - (size > 0));
	auto_(strbuf_clear) struct strbuf numbers = { 0 };
	bool set[LAB_NODES_MAX] = { 0 }, again[LAB_NODES_MAX] = { 0 };
	char *role = strchr(text, '\n');
	unsigned low, high;
	struct fail e = { 0 };
	int end = 0;

	if (role)
		*role++ = '\0';
	if (lab_select(lab, text, role, set, &e) < 0) {
		fuzz_failure(&e);
		PROMISE(e.code == FAIL_USAGE || e.code == FAIL_NOT_FOUND, "%s", e.text);
		PROMISE(!memchr(set, true, sizeof set), "%s", e.text);
		return 0;
	}
	for (unsigned i = 0; i < lab->node_count; i++) {
		if (!set[i])
			continue;
		PROMISE(!role || node_has_role(&lab->nodes[i], lab_role(lab, role)));
		strbuf_printf(&numbers, "%s%u", numbers.len ? "," : "", i + 1);
	}
	if (!role && sscanf(text, "%6u-%6u%n", &low, &high, &end) == 2 && !text[end])
		for (unsigned i = 0; i < lab->node_count; i++)
			PROMISE(set[i] == (i + 1 >= low && i + 1 <= high), "%s", text);
	PROMISE(numbers.len && !memchr(set + lab->node_count, true, LAB_NODES_MAX - lab->node_count));
	PROMISE(lab_select(lab, numbers.text, role, again, &e) == 0 && !memcmp(set, again, sizeof set), "%s", numbers.text);
	return 0;
}
