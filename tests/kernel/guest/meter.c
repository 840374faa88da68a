/* The measuring end: asks the guest of probe.h and prints what it saw as `key=value` words.
 *
 *   meter echo ADDRESS COUNT GAP_US WAIT_MS   round trip and both one-way times (medians, in us)
 *   meter in   ADDRESS COUNT SIZE GAP_US      a flow into the guest, as the guest counted it
 *   meter out  ADDRESS COUNT SIZE GAP_US      a flow out of the guest, as it is counted here
 *
 * A question that goes unanswered (the fault may eat it) is asked again. */
#define _GNU_SOURCE
#include "probe.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int sock, v6;
static uint8_t seen[MAX_SEQ];

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static long median(int64_t *v, size_t n)
{
	if (!n)
		return -1;
	qsort(v, n, sizeof *v, by_value);
	return (long)(v[n / 2] / 1000);
}

/* Waits until `until` for one message; 0 when the time has passed. */
static int receive(struct msg *m, uint64_t until)
{
	static uint8_t buf[2048];
	struct pollfd p = { sock, POLLIN, 0 };
	for (;;) {
		uint64_t now = now_ns();
		struct timespec left = { 0, 0 };
		if (now < until)
			left = (struct timespec){ (time_t)((until - now) / 1000000000u), (long)((until - now) % 1000000000u) };
		if (ppoll(&p, 1, &left, NULL) <= 0)
			return 0;
		ssize_t n = recv(sock, buf, sizeof buf, MSG_DONTWAIT);
		if (n < (ssize_t)sizeof *m)
			continue;
		memcpy(m, buf, sizeof *m);
		if (m->magic == PROBE_MAGIC)
			return (int)n;
	}
}

static void post(const struct msg *m, size_t size)
{
	static uint8_t buf[1500];
	memset(buf, 0x55, size);
	memcpy(buf, m, sizeof *m);
	(void)!send(sock, buf, size, 0);
}

/* Asks until the answer with the same operation and flow has come; gives up after ten tries. */
static struct msg ask(struct msg q)
{
	struct msg a;
	for (int i = 0; i < 10; i++) {
		post(&q, sizeof q);
		for (uint64_t until = now_ns() + 1000000000u; receive(&a, until);)
			if (a.op == q.op && a.flow == q.flow)
				return a;
	}
	puts("error=no-answer");
	exit(1);
}

/* UDP checksum failures the kernel has counted in this network namespace. */
static uint32_t checksum_errors(void)
{
	char line[1024], names[1024] = "";
	unsigned long total = 0, v;
	FILE *f = fopen("/proc/net/snmp", "r");
	while (f && fgets(line, sizeof line, f)) {
		if (!strncmp(line, "Udp: I", 6))
			strcpy(names, line);
		else if (!strncmp(line, "Udp: ", 5)) {
			char *n, *w, *sn, *sv;
			for (n = strtok_r(names, " \n", &sn), w = strtok_r(line, " \n", &sv); n && w; n = strtok_r(NULL, " \n", &sn), w = strtok_r(NULL, " \n", &sv))
				if (!strcmp(n, "InCsumErrors"))
					total += strtoul(w, NULL, 10);
		}
	}
	if (f)
		fclose(f);
	f = fopen("/proc/net/snmp6", "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "Udp6InCsumErrors %lu", &v) == 1)
			total += v;
	if (f)
		fclose(f);
	return (uint32_t)total;
}

static void print_tally(const struct tally *t, uint32_t sent)
{
	double span = t->mark_ns && t->last_ns > t->mark_ns ? (double)(t->last_ns - t->mark_ns) : 0;
	printf("sent=%u got=%u unique=%u lost=%u dup=%u late=%u bad=%u kbit=%.0f\n", sent, t->got, t->unique,
	       sent - t->unique, t->dup, t->late, t->bad, span > 0 ? (double)t->bytes * 8e6 / span : 0);
}

static int echo(uint32_t count, uint32_t gap_us, uint32_t wait_ms)
{
	struct msg m = { .magic = PROBE_MAGIC, .op = OP_ECHO, .flow = (uint32_t)getpid() }, a;
	int64_t *rtt = calloc(count, 8), *in = calloc(count, 8), *out = calloc(count, 8);
	uint64_t next = now_ns(), end = next + (uint64_t)count * gap_us * 1000u + wait_ms * 1000000ull;
	uint32_t got = 0, dup = 0;
	while (got < count && now_ns() < end) {
		if (m.seq < count && now_ns() >= next) {
			m.sent_ns = now_ns();
			post(&m, sizeof m);
			m.seq++;
			next += (uint64_t)gap_us * 1000u;
		}
		if (!receive(&a, m.seq < count ? next : end) || a.op != OP_ECHO || a.flow != m.flow || a.seq >= count)
			continue;
		if (seen[a.seq]) {
			dup++;
			continue;
		}
		uint64_t now = now_ns();
		seen[a.seq] = 1;
		rtt[got] = (int64_t)(now - a.sent_ns);
		in[got] = (int64_t)(a.guest_ns - a.sent_ns);
		out[got++] = (int64_t)(now - a.guest_ns);
	}
	printf("sent=%u got=%u lost=%u dup=%u rtt=%ld in=%ld out=%ld\n", m.seq, got, m.seq - got, dup, median(rtt, got),
	       median(in, got), median(out, got));
	return 0;
}

static int flow_in(uint32_t count, uint32_t size, uint32_t gap_us)
{
	struct msg m = { .magic = PROBE_MAGIC, .op = OP_RESET, .flow = (uint32_t)getpid(), .n = count };
	struct msg before, after;
	ask(m);
	uint64_t next = now_ns();
	for (m.op = OP_COUNT, m.seq = 0; m.seq < count; m.seq++) {
		post(&m, size);
		next += (uint64_t)gap_us * 1000u;
		struct timespec t = { (time_t)(next / 1000000000u), (long)(next % 1000000000u) };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	}
	/* What is still queued arrives before two reports in a row, half a second apart, agree. */
	m.op = OP_REPORT;
	for (after = ask(m), before = after, before.tally.got++; after.tally.got != before.tally.got || after.tally.bad != before.tally.bad;) {
		before = after;
		poll(NULL, 0, 500);
		m.flow++;
		after = ask(m);
	}
	print_tally(&after.tally, count);
	return 0;
}

static int flow_out(uint32_t count, uint32_t size, uint32_t gap_us)
{
	struct msg m = { .magic = PROBE_MAGIC, .op = OP_SEND, .flow = (uint32_t)(now_ns() / 1000) | 1, .n = count, .size = size, .gap_us = gap_us }, a;
	struct tally t = { 0 };
	uint32_t bad = checksum_errors();
	int n;
	for (int i = 0; i < 10 && !t.got; i++) {
		post(&m, sizeof m);
		while ((n = receive(&a, now_ns() + 2000000000u)))
			if (a.op == OP_DATA && a.flow == m.flow)
				tally_add(&t, seen, &a, (uint32_t)n + (v6 ? 62 : 42));
	}
	t.bad = checksum_errors() - bad;
	print_tally(&t, count);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET, .sin_port = htons(PROBE_PORT) };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(PROBE_PORT) };
	int big = 4 << 20;
	v6 = argc == 6 && inet_pton(AF_INET6, argv[2], &to6.sin6_addr) == 1;
	if (argc != 6 || (!v6 && inet_pton(AF_INET, argv[2], &to4.sin_addr) != 1)) {
		fprintf(stderr, "usage: meter echo|in|out ADDRESS COUNT A B\n");
		return 2;
	}
	uint32_t count = (uint32_t)atoi(argv[3]), a = (uint32_t)atoi(argv[4]), b = (uint32_t)atoi(argv[5]);
	sock = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
	setsockopt(sock, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
	setsockopt(sock, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big);
	if (sock < 0 || count > MAX_SEQ ||
	    connect(sock, v6 ? (struct sockaddr *)&to6 : (struct sockaddr *)&to4, v6 ? sizeof to6 : sizeof to4) < 0) {
		perror("meter: connect");
		return 1;
	}
	if (!strcmp(argv[1], "echo"))
		return echo(count, a, b);
	if (a < sizeof(struct msg) || a > 1400) {
		fprintf(stderr, "meter: a packet has %zu to 1400 bytes\n", sizeof(struct msg));
		return 2;
	}
	return !strcmp(argv[1], "in") ? flow_in(count, a, b) : flow_out(count, a, b);
}
