// SPDX-License-Identifier: GPL-2.0-or-later
#include "report.h"

#include <stdio.h>
#include <string.h>

static unsigned long long total(const struct intake *in)
{
	return in->devmem + in->linear + in->host;
}

/* Nothing that was compared can be called verified. */
static bool compared(const struct report *rep)
{
	return !rep->opt->output && !rep->opt->discard && total(rep->in);
}

static void print_json_string(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if ((unsigned char)*s < ' ')
			fprintf(out, "\\u%04x", *s);
		else
			fputc(*s, out);
	}
	fputc('"', out);
}

static void print_json(FILE *out, const struct report *rep)
{
	const struct options *opt = rep->opt;
	const struct intake *in = rep->in;
	unsigned int i;

	if (in->binding)
		fprintf(out, "{\"binding\":%u,\"ifname\":", in->binding->id);
	else
		fprintf(out, "{\"binding\":null,\"ifname\":");
	print_json_string(out, opt->ifname);
	fprintf(out, ",\"queues\":[");
	for (i = 0; i < opt->num_queues; i++)
		fprintf(out, "%s%u", i ? "," : "", opt->queues[i]);
	fprintf(out, "],\"dmabuf_bytes\":%zu,\"connections\":%u,\"seconds\":%.3f",
		rep->memory, rep->connections, rep->seconds);
	fprintf(out, ",\"bytes\":%llu,\"devmem_bytes\":%llu", total(in), in->devmem);
	fprintf(out, ",\"linear_bytes\":%llu,\"host_bytes\":%llu", in->linear, in->host);
	fprintf(out, ",\"frags\":%llu,\"peeked_frags\":%llu", in->frags, in->peeked);
	fprintf(out, ",\"tokens_returned\":%llu,\"tokens_held\":%llu", in->returned, in->held);
	fprintf(out, ",\"verified\":%s,\"first_bad_offset\":",
		!compared(rep) ? "null" : rep->mismatch ? "false" : "true");
	if (rep->mismatch)
		fprintf(out, "%llu}\n", rep->bad_offset);
	else
		fprintf(out, "null}\n");
}

static const char *verdict(const struct report *rep)
{
	if (!compared(rep))
		return "not verified";
	return rep->mismatch ? "DIFFERENT from what was sent" : "verified";
}

static void print_text(FILE *out, const struct report *rep)
{
	const struct intake *in = rep->in;

	fprintf(out, "received %llu bytes in %.1f s over %u connection%s: %s\n", total(in),
		rep->seconds, rep->connections, rep->connections == 1 ? "" : "s", verdict(rep));
	fprintf(out, "  in %s %llu (%llu frags), ",
		rep->opt->zcrx ? "the ring's area" : "device memory", in->devmem, in->frags);
	fprintf(out, "copied from linear parts %llu, in host memory %llu\n", in->linear, in->host);
	fprintf(out, "  %s returned %llu, held %llu", rep->opt->zcrx ? "buffers" : "tokens",
		in->returned, in->held);
	if (in->peeked)
		fprintf(out, ", of the returned from peeking %llu", in->peeked);
	fprintf(out, "\n");
}

void report_print(const struct report *rep)
{
	bool to_stdout = rep->opt->output && !strcmp(rep->opt->output, "-");
	FILE *out = to_stdout ? stderr : stdout;

	if (rep->opt->json)
		print_json(out, rep);
	else
		print_text(out, rep);
}
