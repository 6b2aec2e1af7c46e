/* SPDX-License-Identifier: PostgreSQL */
/* XML of every lab that the loader accepts: well-formed, valid by libvirt's schemas, with labctl's tags. */
#include "fuzz_lab.h"

#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <libxml/tree.h>

#include "library.h"
#include "virt.h"
#include "xml.h"

#define SCHEMAS "/usr/share/libvirt/schemas/" /* of the package libvirt0 */
#define NODES 3u                              /* nodes of a lab; the others differ only in numbers */

static struct library *lib;
static xmlRelaxNGPtr domain_schema, network_schema;

static xmlRelaxNGPtr schema(const char *path)
{
	xmlRelaxNGParserCtxtPtr parser = xmlRelaxNGNewParserCtxt(path);
	xmlRelaxNGPtr parsed = xmlRelaxNGParse(parser);

	xmlRelaxNGFreeParserCtxt(parser);
	PROMISE(parsed, "%s cannot be read", path);
	return parsed;
}

static void start(void)
{
	struct fail e = { 0 };

	if (lib)
		return;
	PROMISE(library_load(SOURCE_DIR, &lib, &e) == 0, "%s", e.text);
	domain_schema = schema(SCHEMAS "domain.rng");
	network_schema = schema(SCHEMAS "network.rng");
}

static void check(const struct lab *lab, const char *node, const char *xml, xmlRelaxNGPtr rng, struct arena *a)
{
	xmlDocPtr doc = xmlReadMemory(xml, (int)strlen(xml), "x", NULL, XML_PARSE_NONET);
	xmlRelaxNGValidCtxtPtr valid = xmlRelaxNGNewValidCtxt(rng);
	struct virt_tag tag = { 0 };

	PROMISE(doc, "%s", xml);
	PROMISE(xmlRelaxNGValidateDoc(valid, doc) == 0, "%s", xml);
	PROMISE(virt_read_tag(xml, a, &tag), "%s", xml);
	PROMISE(!strcmp(tag.lab, lab->name) && !strcmp(tag.lab_uuid, lab->uuid), "%s", xml);
	PROMISE(node ? !strcmp(tag.node, node) : !tag.node, "%s", xml);
	xmlRelaxNGFreeValidCtxt(valid);
	xmlFreeDoc(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct node_paths paths = { .base = "/c/ba<se>.qcow2", .disk = "/s/<disk> & \"co\".qcow2",
						 .seed = "/s/]]>.tar", .root = "/s/ro'ot",
						 .console = "/s/\xc3\xa4.log", .kernel = "/c/vmlinuz", .initrd = "/c/initrd" };
	auto_(free) char *text = fuzz_text(data, size);
	auto_(lab_free) struct lab *lab = NULL;
	auto_(arena_free) struct arena *a = arena_new();
	struct fail e = { 0 };
	const char *xml;

	start();
	lab = fuzz_lab(text, size, &e);
	if (!lab)
		return 0;
	if (!lab->net.subnet)
		lab_set_subnet(lab, 0x0a580000, lab->node_count > 240 ? 21 : 24);
	for (unsigned i = 0; i < lab->node_count && i < NODES; i++) {
		PROMISE(xml_domain(lab, &lab->nodes[i], &paths, lib, a, &xml, &e) == 0, "%s", e.text);
		check(lab, lab->nodes[i].name, xml, domain_schema, a);
	}
	PROMISE(xml_network(lab, 0, lib, a, &xml, &e) == 0, "%s", e.text);
	check(lab, NULL, xml, network_schema, a);
	return 0;
}
