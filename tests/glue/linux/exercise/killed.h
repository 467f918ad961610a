/* A program to be killed while its launches are under way, and its memory afterwards. */
#ifndef KILLED_H
#define KILLED_H

#include <stdint.h>
#include <sys/types.h>

enum output { IN_THE_ARENA, IN_A_DMA_BUF };

struct busy {
    pid_t program;
    uint64_t address;            /* of its arena, or of the dma-buf it writes to */
    volatile uint32_t in_flight; /* launches, to its last moment */
};

/* Starts one; returns while the hardware writes for the first of its launches. */
struct busy *busy_program(enum output where, int arena_is_closed);

struct next; /* who wants to claim the accelerator meanwhile, or NULL */

/* Returns the address. */
uint64_t kill_busy(struct busy *busy, struct next *next);

/* Another gets the memory at this address, and finds in it what it has put there. */
void memory_is_left_alone(enum output where, uint64_t address);

#endif /* KILLED_H */
