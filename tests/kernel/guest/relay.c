/* A guest with a kernel's whole protocol stack, behind a tap: its operating system is a network
 * namespace, its network card a tap in there, and this program is the emulator between the two.
 *
 *   relay TAP NETNS CARD
 *
 * TAP is the VM's, in the network namespace the program is started in; NETNS is the file of the
 * guest's, CARD a tap in it. Frames go over as they are, VLAN tags included; no offloads, so that what
 * the hooks see is what is on the wire. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int open_tap(const char *name)
{
	struct ifreq r;
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	memset(&r, 0, sizeof r);
	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	r.ifr_flags = IFF_TAP | IFF_NO_PI;
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0) {
		perror("relay: TUNSETIFF");
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	static char frame[65536];
	struct pollfd p[2];
	if (argc != 4) {
		fprintf(stderr, "usage: relay TAP NETNS CARD\n");
		return 2;
	}
	p[0] = (struct pollfd){ open_tap(argv[1]), POLLIN, 0 };
	/* There only to open the card: an emulator lives in the pod's network namespace. */
	int pod = open("/proc/self/ns/net", O_RDONLY), guest = open(argv[2], O_RDONLY);
	if (pod < 0 || guest < 0 || setns(guest, CLONE_NEWNET) < 0) {
		perror("relay: setns");
		return 1;
	}
	p[1] = (struct pollfd){ open_tap(argv[3]), POLLIN, 0 };
	if (setns(pod, CLONE_NEWNET) < 0) {
		perror("relay: setns");
		return 1;
	}
	close(pod);
	close(guest);
	while (poll(p, 2, -1) > 0) {
		for (int i = 0; i < 2; i++) {
			ssize_t n;
			while (p[i].revents && (n = read(p[i].fd, frame, sizeof frame)) > 0)
				(void)!write(p[1 - i].fd, frame, (size_t)n);
		}
	}
	return 1;
}
