/* A guest behind a tap, in one process: what QEMU and an operating system would be.
 *
 *   guest TAP QUEUES MAC IPV4 IPV6
 *
 * Holds the tap's file descriptors as QEMU does and answers ARP, neighbour discovery, ICMP echo
 * and the UDP probe of probe.h, IPv4 and IPv6. It never starts a conversation: every answer goes
 * back to the addresses of its question, so it needs no routes and no neighbour table. */
#include "probe.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ETH 14
static uint8_t my_mac[6], my4[4], my6[16];
static struct tally tally;
static uint8_t seen[MAX_SEQ];
static uint32_t last_send_flow;

static uint16_t be16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static void put16(uint8_t *p, uint32_t v) { p[0] = (uint8_t)(v >> 8); p[1] = (uint8_t)v; }

static uint32_t sum(const uint8_t *p, size_t n, uint32_t acc)
{
	for (; n > 1; p += 2, n -= 2)
		acc += be16(p);
	return n ? acc + (uint32_t)(*p << 8) : acc;
}

static uint16_t fold(uint32_t acc)
{
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return (uint16_t)~acc;
}

/* Checksum over pseudo header and payload; `ip` is 4 or 6, addrs the two addresses in a row. */
static uint16_t l4sum(int ip, const uint8_t *addrs, uint8_t proto, const uint8_t *l4, size_t n)
{
	return fold(sum(l4, n, sum(addrs, ip == 4 ? 8 : 32, (uint32_t)n + proto)));
}

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t t = a[i];
		a[i] = b[i];
		b[i] = t;
	}
}

static void transmit(int fd, const uint8_t *f, size_t n)
{
	if (write(fd, f, n) < 0)
		perror("guest: write");
}

static void mac_back(uint8_t *f)
{
	memcpy(f, f + 6, 6);
	memcpy(f + 6, my_mac, 6);
}

static void arp(int fd, uint8_t *f, size_t n)
{
	uint8_t *a = f + ETH;
	if (n < ETH + 28 || be16(a + 6) != 1 || memcmp(a + 24, my4, 4))
		return;
	put16(a + 6, 2);
	memcpy(a + 18, a + 8, 10);
	memcpy(a + 8, my_mac, 6);
	memcpy(a + 14, my4, 4);
	mac_back(f);
	transmit(fd, f, ETH + 28);
}

/* Sends a UDP frame whose headers are those of the question, turned round, with `len` of payload. */
static void udp_out(int fd, uint8_t *f, int ip, uint8_t *udp, size_t len)
{
	uint8_t *l3 = f + ETH, *addrs = l3 + (ip == 4 ? 12 : 8);
	put16(udp + 4, (uint32_t)len + 8);
	put16(udp + 6, 0);
	uint16_t c = l4sum(ip, addrs, 17, udp, len + 8);
	put16(udp + 6, c ? c : 0xffff);
	if (ip == 4) {
		put16(l3 + 2, (uint32_t)len + 28);
		put16(l3 + 10, 0);
		put16(l3 + 10, fold(sum(l3, 20, 0)));
	} else {
		put16(l3 + 4, (uint32_t)len + 8);
	}
	transmit(fd, f, (size_t)(udp - f) + 8 + len);
}

static void send_flow(int fd, uint8_t *f, int ip, uint8_t *udp, struct msg m)
{
	uint32_t n = m.n, size = m.size;
	uint64_t next = now_ns();
	if (m.flow == last_send_flow || size < sizeof m || size > 1400)
		return;
	last_send_flow = m.flow;
	memset(udp + 8, 0x55, size);
	for (m.op = OP_DATA, m.seq = 0; m.seq < n; m.seq++) {
		m.sent_ns = m.guest_ns = now_ns();
		memcpy(udp + 8, &m, sizeof m);
		udp_out(fd, f, ip, udp, size);
		next += (uint64_t)m.gap_us * 1000u;
		struct timespec t = { (time_t)(next / 1000000000u), (long)(next % 1000000000u) };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	}
}

static void udp_in(int fd, uint8_t *f, int ip, uint8_t *udp, size_t n)
{
	uint8_t *addrs = f + ETH + (ip == 4 ? 12 : 8);
	struct msg m;
	if (n < 8 || be16(udp + 4) > n || be16(udp + 4) < 8)
		return;
	n = be16(udp + 4);
	if (l4sum(ip, addrs, 17, udp, n)) {
		tally.bad++;
		return;
	}
	if (n < 8 + sizeof m || be16(udp + 2) != PROBE_PORT)
		return;
	memcpy(&m, udp + 8, sizeof m);
	if (m.magic != PROBE_MAGIC)
		return;
	if (m.op == OP_COUNT) {
		tally_add(&tally, seen, &m, (uint32_t)(udp - f) + (uint32_t)n);
		return;
	}
	mac_back(f);
	swap(addrs, addrs + (ip == 4 ? 4 : 16), ip == 4 ? 4 : 16);
	swap(udp, udp + 2, 2);
	if (m.op == OP_SEND) {
		send_flow(fd, f, ip, udp, m);
		return;
	}
	if (m.op == OP_RESET) {
		memset(&tally, 0, sizeof tally);
		memset(seen, 0, sizeof seen);
	}
	m.tally = tally;
	m.guest_ns = now_ns();
	memcpy(udp + 8, &m, sizeof m);
	udp_out(fd, f, ip, udp, n - 8);
}

static void ipv4(int fd, uint8_t *f, size_t n)
{
	uint8_t *l3 = f + ETH, *l4 = l3 + 20;
	size_t len = be16(l3 + 2);
	if (n < ETH + 28 || l3[0] != 0x45 || len > n - ETH || len < 28 || fold(sum(l3, 20, 0)) || memcmp(l3 + 16, my4, 4))
		return;
	if (l3[9] == 17) {
		udp_in(fd, f, 4, l4, len - 20);
	} else if (l3[9] == 1 && l4[0] == 8 && !fold(sum(l4, len - 20, 0))) {
		l4[0] = 0;
		put16(l4 + 2, 0);
		put16(l4 + 2, fold(sum(l4, len - 20, 0)));
		mac_back(f);
		swap(l3 + 12, l3 + 16, 4);
		transmit(fd, f, ETH + len);
	}
}

static void ipv6(int fd, uint8_t *f, size_t n)
{
	uint8_t *l3 = f + ETH, *l4 = l3 + 40;
	size_t len = be16(l3 + 4);
	if (n < ETH + 48 || len > n - ETH - 40 || len < 8)
		return;
	if (l3[6] == 17 && !memcmp(l3 + 24, my6, 16)) {
		udp_in(fd, f, 6, l4, len);
		return;
	}
	if (l3[6] != 58 || l4sum(6, l3 + 8, 58, l4, len))
		return;
	if (l4[0] == 135 && len >= 24 && !memcmp(l4 + 8, my6, 16)) {
		mac_back(f);
		memcpy(l3 + 24, l3 + 8, 16);
		l4[0] = 136;
		put16(l4 + 4, 0x6000); /* solicited, override */
		l4[24] = 2;
		l4[25] = 1;
		memcpy(l4 + 26, my_mac, 6);
		len = 32;
		put16(l3 + 4, 32);
	} else if (l4[0] == 128 && !memcmp(l3 + 24, my6, 16)) {
		mac_back(f);
		memcpy(l3 + 24, l3 + 8, 16);
		l4[0] = 129;
	} else {
		return;
	}
	memcpy(l3 + 8, my6, 16);
	l3[7] = 255;
	put16(l4 + 2, 0);
	put16(l4 + 2, l4sum(6, l3 + 8, 58, l4, len));
	transmit(fd, f, ETH + 40 + len);
}

static int open_tap(const char *name, int queues)
{
	struct ifreq r;
	int fd = open("/dev/net/tun", O_RDWR);
	memset(&r, 0, sizeof r);
	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	r.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | (queues > 1 ? IFF_MULTI_QUEUE : 0));
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0) {
		perror("guest: TUNSETIFF");
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	static uint8_t frame[65536];
	struct pollfd p[16];
	int queues = argc == 6 ? atoi(argv[2]) : 0;
	if (queues < 1 || queues > 16 || inet_pton(AF_INET, argv[4], my4) != 1 || inet_pton(AF_INET6, argv[5], my6) != 1 ||
	    sscanf(argv[3], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", my_mac, my_mac + 1, my_mac + 2, my_mac + 3, my_mac + 4, my_mac + 5) != 6) {
		fprintf(stderr, "usage: guest TAP QUEUES MAC IPV4 IPV6\n");
		return 2;
	}
	for (int i = 0; i < queues; i++)
		p[i] = (struct pollfd){ open_tap(argv[1], queues), POLLIN, 0 };
	for (;;) {
		if (poll(p, (nfds_t)queues, -1) < 0)
			return 1;
		for (int i = 0; i < queues; i++) {
			ssize_t n;
			if (!p[i].revents || (n = read(p[i].fd, frame, sizeof frame)) < ETH)
				continue;
			switch (be16(frame + 12)) {
			case 0x0806: arp(p[i].fd, frame, (size_t)n); break;
			case 0x0800: ipv4(p[i].fd, frame, (size_t)n); break;
			case 0x86dd: ipv6(p[i].fd, frame, (size_t)n); break;
			}
		}
	}
}
