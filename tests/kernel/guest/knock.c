/* Knocks at doors and opens them: tells within one wait which ports and protocols of a host answer.
 *
 *   knock serve PORT…            answers on TCP, UDP and (where the kernel has it) SCTP, IPv4 and IPv6
 *   knock ADDRESS[,…] MS DOOR…   tries all doors of all addresses at once: tcp/PORT udp/PORT sctp/PORT
 *                                big/PORT (a datagram in fragments) ping; a line for each address
 *   knock keep ADDRESS PORT      one TCP connection; echoes a line of stdin through it, prints `echo LINE`
 *   knock frame DEVICE N         sends N times the frame that stdin has in hexadecimal
 *
 * A door prints as DOOR=open (said something back), refused (an error came back) or silent (nothing
 * came within MS), with the milliseconds of the slowest answer at the end. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DOORS 128
#define BIG 4000

union address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static socklen_t to(union address *a, const char *host, int port)
{
	memset(a, 0, sizeof *a);
	if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons((uint16_t)port);
		return sizeof a->v4;
	}
	if (inet_pton(AF_INET6, host, &a->v6.sin6_addr) != 1) {
		fprintf(stderr, "knock: no address: %s\n", host);
		exit(2);
	}
	a->v6.sin6_family = AF_INET6;
	a->v6.sin6_port = htons((uint16_t)port);
	return sizeof a->v6;
}

static int listener(int type, int protocol, int port)
{
	union address a;
	int on = 1, s = socket(AF_INET6, type | SOCK_NONBLOCK, protocol);
	socklen_t n = to(&a, "::", port);
	if (s < 0)
		return -1;
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(s, &a.sa, n) < 0 || (type == SOCK_STREAM && listen(s, 64) < 0)) {
		perror("knock: listen");
		exit(1);
	}
	return s;
}

/* One loop for everybody: connections are few and short. */
static int serve(int n, char **ports)
{
	static struct pollfd p[1024];
	static char buf[2 * BIG];
	int used = 0, listening, udp[DOORS] = { 0 };
	for (int i = 0; i < n && i < DOORS / 3; i++) {
		p[used++] = (struct pollfd){ listener(SOCK_STREAM, IPPROTO_TCP, atoi(ports[i])), POLLIN, 0 };
		udp[used] = 1;
		p[used++] = (struct pollfd){ listener(SOCK_DGRAM, IPPROTO_UDP, atoi(ports[i])), POLLIN, 0 };
		if ((p[used].fd = listener(SOCK_STREAM, IPPROTO_SCTP, atoi(ports[i]))) >= 0)
			p[used++].events = POLLIN;
	}
	for (listening = used; poll(p, (nfds_t)used, -1) > 0;) {
		for (int i = 0; i < used; i++) {
			union address a;
			socklen_t len = sizeof a;
			ssize_t got;
			if (!p[i].revents)
				continue;
			if (i < listening && udp[i]) {
				while ((got = recvfrom(p[i].fd, buf, sizeof buf, 0, &a.sa, &len)) >= 0)
					sendto(p[i].fd, buf, (size_t)got, 0, &a.sa, len);
			} else if (i < listening) {
				int s = accept4(p[i].fd, NULL, NULL, SOCK_NONBLOCK);
				if (s >= 0 && used < 1024)
					p[used++] = (struct pollfd){ s, POLLIN, 0 };
				else if (s >= 0)
					close(s);
			} else if ((got = recv(p[i].fd, buf, sizeof buf, 0)) > 0) {
				(void)!send(p[i].fd, buf, (size_t)got, MSG_NOSIGNAL);
			} else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
				close(p[i].fd);
				p[i--] = p[--used];
			}
		}
	}
	return 1;
}

struct door {
	const char *host, *name, *state;
	int stream, asked;
	long ms;
};

static int is(const struct door *d, const char *kind) { return !strncmp(d->name, kind, strlen(kind)); }

static int open_door(struct door *d)
{
	union address a;
	const char *slash = strchr(d->name, '/');
	socklen_t n = to(&a, d->host, slash ? atoi(slash + 1) : 0);
	int s, family = a.sa.sa_family;
	if (is(d, "tcp"))
		d->stream = 1, s = socket(family, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);
	else if (is(d, "sctp"))
		d->stream = 1, s = socket(family, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_SCTP);
	else if (is(d, "udp") || is(d, "big"))
		s = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDP);
	else
		s = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	if (s < 0 || (connect(s, &a.sa, n) < 0 && errno != EINPROGRESS))
		d->state = s < 0 ? "unknown" : "refused";
	return s;
}

/* Sends the question; an ICMP socket fills in the checksum and the identifier. */
static void ask(struct door *d, int s)
{
	static const char big[BIG] = "knock";
	static const uint8_t echo4[12] = { 8 }, echo6[12] = { 128 };
	d->asked = 1;
	if (is(d, "ping"))
		(void)!send(s, strchr(d->host, ':') ? echo6 : echo4, 12, MSG_NOSIGNAL);
	else
		(void)!send(s, big, is(d, "big") ? BIG : 5, MSG_NOSIGNAL);
}

/* What a door has come to, if it has: an answer or an error. */
static const char *answer(struct door *d, struct pollfd *p)
{
	static char buf[2 * BIG];
	int error = 0;
	socklen_t len = sizeof error;
	if (d->stream && !d->asked) {
		getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error)
			return "refused";
		ask(d, p->fd);
		p->events = POLLIN;
		return NULL;
	}
	if (recv(p->fd, buf, sizeof buf, 0) > 0)
		return "open";
	return errno == EAGAIN ? NULL : "refused";
}

static int knock(char *hosts, long wait, int n, char **names)
{
	static struct pollfd p[DOORS];
	static struct door d[DOORS];
	long start = now_ms();
	int all = 0, left = 0;
	for (char *host = strtok(hosts, ","); host; host = strtok(NULL, ",")) {
		for (int i = 0; i < n && all < DOORS; i++, all++) {
			d[all] = (struct door){ .host = host, .name = names[i] };
			p[all] = (struct pollfd){ open_door(&d[all]), POLLIN, 0 };
			if (d[all].state) {
				p[all].fd = -1;
				continue;
			}
			left++;
			if (d[all].stream)
				p[all].events = POLLOUT;
			else
				ask(&d[all], p[all].fd);
		}
	}
	while (left && now_ms() < start + wait && poll(p, (nfds_t)all, (int)(start + wait - now_ms())) > 0) {
		for (int i = 0; i < all; i++) {
			if (p[i].fd < 0 || !p[i].revents || !(d[i].state = answer(&d[i], &p[i])))
				continue;
			d[i].ms = now_ms() - start;
			close(p[i].fd);
			p[i].fd = -1;
			left--;
		}
	}
	for (int i = 0; i < all; i += n) {
		long slowest = 0;
		printf("%s:", d[i].host);
		for (int j = i; j < i + n && j < all; j++) {
			printf(" %s=%s", d[j].name, d[j].state ? d[j].state : "silent");
			slowest = d[j].ms > slowest ? d[j].ms : slowest;
		}
		printf(" ms=%ld\n", slowest);
	}
	return 0;
}

/* Lines go through the connection one by one: the next is read when the one before has come back. */
static int keep(const char *host, int port)
{
	union address a;
	char line[256];
	socklen_t n = to(&a, host, port);
	int s = socket(a.sa.sa_family, SOCK_STREAM, 0);
	if (s < 0 || connect(s, &a.sa, n) < 0) {
		perror("knock: connect");
		return 1;
	}
	puts("connected");
	fflush(stdout);
	for (ssize_t got; (got = read(0, line, sizeof line - 1)) > 0;) {
		if (send(s, line, (size_t)got, MSG_NOSIGNAL) != got || recv(s, line, (size_t)got, MSG_WAITALL) != got) {
			perror("knock: keep");
			return 1;
		}
		printf("echo %.*s", (int)got, line);
		fflush(stdout);
	}
	return 0;
}

static int frame(const char *device, int n)
{
	static uint8_t f[2048];
	size_t len = 0;
	unsigned byte;
	int s = socket(AF_PACKET, SOCK_RAW, 0);
	struct sockaddr_ll to_device = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(device) };
	while (len < sizeof f && scanf("%2x", &byte) == 1)
		f[len++] = (uint8_t)byte;
	for (; n > 0; n--) {
		if (sendto(s, f, len, 0, (struct sockaddr *)&to_device, sizeof to_device) < 0) {
			perror("knock: frame");
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "serve"))
		return serve(argc - 2, argv + 2);
	if (argc == 4 && !strcmp(argv[1], "keep"))
		return keep(argv[2], atoi(argv[3]));
	if (argc == 4 && !strcmp(argv[1], "frame"))
		return frame(argv[2], atoi(argv[3]));
	if (argc > 3)
		return knock(argv[1], atol(argv[2]), argc - 3, argv + 3);
	fprintf(stderr, "usage: knock serve PORT…|keep ADDRESS PORT|frame DEVICE N|ADDRESS[,…] MS DOOR…\n");
	return 2;
}
