/* SPDX-License-Identifier: PostgreSQL */
/* Checks whether KVM can work: docs/why/001-kvm-that-is-not-kvm.md. */
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "strbuf.h"
#include "virt.h"

#if defined(__x86_64__) || defined(__i386__)
/* True if the first processor has the flag vmx or svm. */
static bool processor_virtualizes(void)
{
	auto_(strbuf_clear) struct strbuf info = { 0 };
	struct fail ignored = { 0 };
	char *line, *end, *word, *rest;

	if (file_read("/proc/cpuinfo", 16u << 20, &info, &ignored))
		return false;
	line = strstr(info.text ? info.text : "", "\nflags");
	if (!line)
		return false;
	line++;
	end = strchr(line, '\n');
	if (end)
		*end = '\0';
	for (word = strtok_r(line, " \t:", &rest); word; word = strtok_r(NULL, " \t:", &rest))
		if (strcmp(word, "vmx") == 0 || strcmp(word, "svm") == 0)
			return true;
	return false;
}
#else
static bool processor_virtualizes(void)
{
	return true; /* other architectures have no such flag: only /dev/kvm tells */
}
#endif

bool virt_kvm_works(const char **ret_why)
{
	const char *why = NULL;

	if (!processor_virtualizes())
		why = access("/dev/kvm", F_OK) == 0
			      ? "the processor shows neither vmx nor svm, so /dev/kvm here runs no ordinary guest"
			      : "the processor shows neither vmx nor svm";
	else if (access("/dev/kvm", F_OK) != 0)
		why = "/dev/kvm does not exist (module kvm_intel or kvm_amd not loaded?)";
	else if (access("/dev/kvm", R_OK | W_OK) != 0)
		why = "/dev/kvm is not writable for this user";
	if (ret_why)
		*ret_why = why ? why : "the processor and /dev/kvm allow it";
	return !why;
}
