/* The devices of the simulated board, for board_preload.c (which says what it is), board_access.c and board_client.c.
   Nothing of this is visible to the program that the library is preloaded into. */
#ifndef BOARD_H
#define BOARD_H

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "fluorite_sim_protocol.h"

#pragma GCC visibility push(hidden)

#define DEVICES 16

struct device {
    int file;       /* what the program has of /dev/uioN; -1: free */
    int socket;     /* for everything but the interrupt */
    int interrupts; /* a connection of its own, since waiting takes long */
    unsigned char *registers;
    size_t size;
    int enabled;               /* the interrupt is not masked */
    uint32_t count, delivered; /* interrupts, and how many of them read() has told of */
};

extern struct device board_devices[DEVICES];
extern pthread_mutex_t board_lock; /* of the devices' sockets */

__attribute__((noreturn, format(printf, 1, 2))) void board_die(const char *format, ...);

int board_connect(const char *path);

/* One request, answered with an errno; the caller holds the connection's lock. */
int board_request(int socket, uint32_t op, uint64_t address, uint64_t value, uint64_t *result);

/* Handler of SIGSEGV: does the load or store of a register that the program tried. */
void board_fault(int number, siginfo_t *info, void *context);

#pragma GCC visibility pop

#endif /* BOARD_H */
