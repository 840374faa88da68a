/* What the guest behind the tap and the meter outside it say to each other.
 *
 * Both run on one machine, so the structure goes over the wire as it is in memory and
 * CLOCK_MONOTONIC is the same clock at both ends: one-way times are simple differences. */
#ifndef PROBE_H
#define PROBE_H
#include <stdint.h>
#include <time.h>

#define PROBE_MAGIC 0x766d6368u
#define PROBE_PORT 7007

enum probe_op {
	OP_ECHO = 1,  /* the guest stamps it and sends it back */
	OP_COUNT = 2, /* the guest counts it */
	OP_REPORT = 3, /* the guest answers with what it counted */
	OP_SEND = 4,  /* the guest sends n packets of `size` bytes, gap_us apart */
	OP_DATA = 5,  /* one of those */
	OP_RESET = 6, /* the guest forgets its counters and says so */
};

/* Counters of one flow; rate is over the last three quarters, so that the burst of a token
 * bucket and the start of a queue do not count. */
struct tally {
	uint32_t got, unique, dup, late, bad;
	uint32_t highest;
	uint64_t mark_ns, last_ns, bytes;
};

struct msg {
	uint32_t magic, op, flow, seq;
	uint64_t sent_ns, guest_ns;
	uint32_t n, size, gap_us, pad;
	struct tally tally;
};

#define MAX_SEQ 65536

static inline uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Counts one packet of `bytes` on the wire. `seen` has MAX_SEQ entries. */
static inline void tally_add(struct tally *t, uint8_t *seen, const struct msg *m, uint32_t bytes)
{
	uint64_t now = now_ns();
	if (m->seq >= MAX_SEQ)
		return;
	t->got++;
	if (seen[m->seq])
		t->dup++;
	else
		t->unique++;
	if (!seen[m->seq] && t->unique > 1 && m->seq < t->highest)
		t->late++;
	seen[m->seq] = 1;
	if (m->seq > t->highest)
		t->highest = m->seq;
	if (!t->mark_ns && t->got >= m->n / 4) {
		t->mark_ns = now;
		return;
	}
	if (t->mark_ns) {
		t->bytes += bytes;
		t->last_ns = now;
	}
}
#endif
