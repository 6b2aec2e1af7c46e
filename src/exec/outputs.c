/* SPDX-License-Identifier: PostgreSQL */
#include "outputs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUTS_MAX 16

struct outputs {
	pthread_mutex_t lock;
	struct output { char name[32]; unsigned long long value; } outputs[OUTPUTS_MAX];
	unsigned count;
};

struct outputs *outputs_new(void)
{
	struct outputs *o = calloc(1, sizeof *o);

	if (!o)
		abort();
	pthread_mutex_init(&o->lock, NULL);
	return o;
}

void outputs_free(struct outputs *o)
{
	if (!o)
		return;
	pthread_mutex_destroy(&o->lock);
	free(o);
}

void outputs_set(struct outputs *o, const char *name, unsigned long long value)
{
	struct output *at = o->outputs;

	pthread_mutex_lock(&o->lock);
	while (at < o->outputs + o->count && strcmp(at->name, name) != 0)
		at++;
	if (at == o->outputs + o->count && o->count < OUTPUTS_MAX) {
		snprintf(at->name, sizeof at->name, "%s", name);
		o->count++;
	}
	if (at < o->outputs + o->count && value > at->value)
		at->value = value;
	pthread_mutex_unlock(&o->lock);
}

unsigned long long outputs_get(struct outputs *o, const char *name)
{
	unsigned long long value = 0;

	pthread_mutex_lock(&o->lock);
	for (unsigned i = 0; i < o->count; i++)
		if (!strcmp(o->outputs[i].name, name))
			value = o->outputs[i].value;
	pthread_mutex_unlock(&o->lock);
	return value;
}
