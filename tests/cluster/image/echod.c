/* Sends back what it gets, on every port named, over UDP and TCP, IPv4 and IPv6. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX = 256 };
static struct pollfd fds[MAX];
static enum { FREE, UDP, LISTENER, TCP } kind[MAX];
static char buffer[65536];

static void add(int fd, int what)
{
	for (int i = 0; i < MAX; i++)
		if (kind[i] == FREE) {
			fds[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
			kind[i] = what;
			return;
		}
	close(fd);
}

static void serve(int port, int type)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	int fd = socket(AF_INET6, type, 0), one = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) || (type == SOCK_STREAM && listen(fd, 64))) {
		perror("echod");
		exit(1);
	}
	add(fd, type == SOCK_STREAM ? LISTENER : UDP);
}

static void drop(int i)
{
	close(fds[i].fd);
	fds[i].fd = -1;
	kind[i] = FREE;
}

int main(int argc, char **argv)
{
	for (int i = 0; i < MAX; i++)
		fds[i].fd = -1;
	for (int i = 1; i < argc; i++) {
		serve(atoi(argv[i]), SOCK_DGRAM);
		serve(atoi(argv[i]), SOCK_STREAM);
	}
	while (poll(fds, MAX, -1) >= 0)
		for (int i = 0; i < MAX; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			if (kind[i] == LISTENER) {
				int fd = accept(fds[i].fd, NULL, NULL);
				if (fd >= 0)
					add(fd, TCP);
			} else if (kind[i] == UDP) {
				struct sockaddr_storage from;
				socklen_t length = sizeof from;
				ssize_t n = recvfrom(fds[i].fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &length);
				if (n >= 0)
					sendto(fds[i].fd, buffer, (size_t)n, 0, (struct sockaddr *)&from, length);
			} else {
				ssize_t n = read(fds[i].fd, buffer, sizeof buffer);
				if (n <= 0 || send(fds[i].fd, buffer, (size_t)n, MSG_NOSIGNAL) != n)
					drop(i);
			}
		}
	return 1;
}
