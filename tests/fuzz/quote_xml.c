/* SPDX-License-Identifier: PostgreSQL */
/* Quoting for XML, read back by libxml2 from text and from an attribute. */
#include "fuzz.h"

#include <libxml/chvalid.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "quote.h"

/* Only characters that XML 1.0 allows, in their shortest encoding? XML cannot represent others. */
static bool xml_text(const char *text)
{
	for (int len; *text; text += len) {
		int c;

		len = (int)strnlen(text, 4);
		c = xmlGetUTF8Char((const unsigned char *)text, &len);
		if (c < 0 || !xmlIsCharQ(c) || len != (c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4))
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_(free) char *text = fuzz_text(data, size);
	auto_(strbuf_clear) struct strbuf xml = { 0 };
	xmlChar *content, *attribute;
	xmlDocPtr doc;

	if (!xmlCheckUTF8((const unsigned char *)text) || !xml_text(text))
		return 0;
	strbuf_str(&xml, "<a b=\"");
	quote_add(&xml, QUOTE_XML, text);
	strbuf_str(&xml, "\" c='");
	quote_add(&xml, QUOTE_XML, text);
	strbuf_str(&xml, "'>");
	quote_add(&xml, QUOTE_XML, text);
	strbuf_str(&xml, "</a>");
	doc = xmlReadMemory(xml.text, (int)xml.len, "x", NULL, XML_PARSE_NONET);
	PROMISE(doc, "%s", xml.text);
	content = xmlNodeGetContent(xmlDocGetRootElement(doc));
	PROMISE(!strcmp((const char *)content, text), "%s", xml.text);
	for (const char *name = "b"; *name <= 'c'; name = *name == 'b' ? "c" : "z") {
		attribute = xmlGetNoNsProp(xmlDocGetRootElement(doc), (const xmlChar *)name);
		PROMISE(attribute && !strcmp((const char *)attribute, text), "%s", xml.text);
		xmlFree(attribute);
	}
	xmlFree(content);
	xmlFreeDoc(doc);
	return 0;
}
