// SPDX-License-Identifier: GPL-2.0-or-later
#include "oracle.h"

#include <cjson/cJSON.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devmemcat.h"

#define INVENTORY "devmemls -j --iovs"
#define BUFINFO "/sys/kernel/debug/dma_buf/bufinfo"
#define TRIES 600	/* a tenth of a second each; generous, for slow machines */

static void pause_tenth(void)
{
	usleep(100000);
}

/* The whole output of a command, or NULL. */
static char *output_of(const char *command)
{
	FILE *pipe = popen(command, "re");
	size_t size = 0, len = 0, got;
	char *text = NULL;

	if (!pipe)
		return NULL;
	do {
		if (len + 1 >= size) {
			size = size ? 2 * size : 65536;
			text = realloc(text, size);
		}
		got = fread(text + len, 1, size - len - 1, pipe);
		len += got;
	} while (got);
	text[len] = '\0';
	if (pclose(pipe)) {
		free(text);
		return NULL;
	}
	return text;
}

/* All bindings, as the tool that walks over them sees them, or NULL. */
static cJSON *inventory(void)
{
	char *text = output_of(INVENTORY);
	cJSON *json = text ? cJSON_Parse(text) : NULL;

	free(text);
	if (!json)
		complain("%s: failed", INVENTORY);
	return json;
}

static long number(const cJSON *obj, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(obj, name);

	return cJSON_IsNumber(item) ? (long)item->valuedouble : -1;
}

static unsigned int in_state(const cJSON *list, const char *state)
{
	const cJSON *iov, *item;
	unsigned int num = 0;

	cJSON_ArrayForEach(iov, list) {
		item = cJSON_GetObjectItemCaseSensitive(iov, "state");
		num += cJSON_IsString(item) && !strcmp(item->valuestring, state);
	}
	return num;
}

static unsigned int sum_of(const cJSON *list, const char *name)
{
	unsigned int sum = 0;
	const cJSON *obj;

	cJSON_ArrayForEach(obj, list)
		sum += number(obj, name);
	return sum;
}

static bool same(long id, const char *what, long counted, long walked, bool tell)
{
	if (counted != walked && tell)
		complain("binding %ld: %s is %ld, a walk over its iovs finds %ld", id, what,
			 counted, walked);
	return counted == walked;
}

/* Whether a binding's counters are what its iovs say. */
static bool binding_exact(const cJSON *binding, struct sight *sight, bool tell)
{
	const cJSON *iovs = cJSON_GetObjectItemCaseSensitive(binding, "iovs");
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(binding, "iov_list");
	const cJSON *holders = cJSON_GetObjectItemCaseSensitive(binding, "holders");
	unsigned int num = cJSON_GetArraySize(list), tokens = sum_of(list, "tokens");
	unsigned int free = in_state(list, "free"), user = in_state(list, "user");
	const long id = number(binding, "id");
	bool ok = true;

	sight->bindings++;
	sight->iovs += num;
	sight->user += user;
	sight->tokens += tokens;
	ok &= same(id, "total", number(iovs, "total"), num, tell);
	ok &= same(id, "free", number(iovs, "free"), free, tell);
	ok &= same(id, "user", number(iovs, "user"), user, tell);
	ok &= same(id, "allocs - releases",
		   number(binding, "allocs") - number(binding, "releases"), num - free, tell);
	/* A closed socket may wait for its peer with tokens, and nobody has it open */
	if (sum_of(holders, "tokens") > tokens) {
		ok = false;
		if (tell)
			complain("binding %ld: sockets hold %u tokens, its iovs only know of %u",
				 id, sum_of(holders, "tokens"), tokens);
	}
	return ok;
}

static bool all_exact(struct sight *sight, bool tell)
{
	const cJSON *binding;
	cJSON *json = inventory();
	bool ok = json;

	memset(sight, 0, sizeof(*sight));
	cJSON_ArrayForEach(binding, cJSON_GetObjectItemCaseSensitive(json, "bindings"))
		ok &= binding_exact(binding, sight, tell);
	cJSON_Delete(json);
	return ok;
}

int oracle_at_rest(struct sight *sight)
{
	int i;

	/* What was on its way comes to rest soon */
	for (i = 0; i < 5; i++) {
		if (all_exact(sight, false))
			return 0;
		pause_tenth();
	}
	return all_exact(sight, true) ? 0 : -1;
}

/*
 * An skb that was read may wait in a list of deferred frees of another processor
 * until that one receives something. So let each receive something.
 */
static void poke_processors(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	cpu_set_t before, set;
	int cpu, fd;
	char byte = 0;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sched_getaffinity(0, sizeof(before), &before);
	if (!bind(fd, (struct sockaddr *)&addr, len) &&
	    !getsockname(fd, (struct sockaddr *)&addr, &len)) {
		for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
			CPU_ZERO(&set);
			CPU_SET(cpu, &set);
			if (!sched_setaffinity(0, sizeof(set), &set))
				sendto(fd, &byte, 1, 0, (struct sockaddr *)&addr, len);
		}
	}
	sched_setaffinity(0, sizeof(before), &before);
	close(fd);
}

/* How many dma-bufs there are, or -1. */
static int dmabufs(void)
{
	FILE *file = fopen(BUFINFO, "re");
	char line[512];
	int num = -1;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		sscanf(line, "Total %d objects", &num);
	fclose(file);
	return num;
}

static int tell_bindings(void)
{
	cJSON *json = inventory(), *binding;
	int num = 0;

	cJSON_ArrayForEach(binding, cJSON_GetObjectItemCaseSensitive(json, "bindings")) {
		char *text;

		cJSON_DeleteItemFromObjectCaseSensitive(binding, "iov_list");
		text = cJSON_PrintUnformatted(binding);
		complain("still there: %s", text);
		free(text);
		num++;
	}
	cJSON_Delete(json);
	return json ? num : -1;
}

int oracle_all_gone(void)
{
	int i;

	for (i = 0; i < TRIES && dmabufs(); i++) {
		poke_processors();
		pause_tenth();
	}
	if (dmabufs())
		complain("%d dma-bufs are left", dmabufs());
	return tell_bindings() || dmabufs() ? -1 : 0;
}
