/* The exercise of the kernel driver: runs in a simulated machine, against the real driver and the accelerator `sums`.
   Each of its files is about one thing; main.c runs them all. */
#ifndef EXERCISE_H
#define EXERCISE_H

#include "fluorite_kernel.h"
#include "sums.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DEVICE "/dev/fluorite-sums_axi"
#define OVERLAY "/sys/kernel/config/device-tree/overlays/sums"
#define MIB (1u << 20)
#define QUEUE 4 /* launches */
#define WIDTH 40
#define HEIGHT 30
#define PITCH 64
#define FRAME_BYTES 4096 /* of the arena, enough for an input or an output */
#ifndef LATENCY_US
#error "LATENCY_US: how long the memory takes to answer the accelerator"
#endif
/* Rows are read and written eight at a time at most, each time as long as the memory takes; and at least one at a time. */
#define LEAST_LAUNCH_US ((HEIGHT + 7) / 8 * LATENCY_US)
#define MOST_LAUNCH_US ((HEIGHT + 2) * LATENCY_US)
#define LAUNCH_MS (QUEUE * MOST_LAUNCH_US / 1000) /* how long any is waited for */

/* The first check that does not hold is printed, and the machine restarts: what follows might wait for ever. */
void check(int holds, const char *file, int line, const char *text);

#define CHECK(condition) check((condition), __FILE__, __LINE__, #condition)
#define REFUSES(code, call) check((errno = 0, (call) == -1) && errno == (code), __FILE__, __LINE__, #call " is " #code)

/* --- the driver's files, without fluorite's runtime --- */

int opened(void);
int request(int file, unsigned long command, void *data);
int arena_of(int file, uint64_t size);
int claim_on(int file, int arena);
int heap_buffer(const char *heap, uint64_t size); /* a dma-buf */

/* --- with it --- */

struct opened {
    struct fluorite_arena *arena;
    struct fluorite_device *device;
};

struct opened open_all(const char *arena);
void close_all(struct opened *all);
int claiming_file(void); /* through which it has claimed the accelerator */

struct frame { /* a launch */
    uint32_t settings[64];
    struct fluorite_view views[2];
    struct fluorite_launch launch;
};

void prepare(struct frame *frame, void *input, void *output);
void fill(unsigned char *input, int seed);
int is_right(const unsigned char *input, const unsigned char *output);
void launches(struct opened *all, unsigned char *input, unsigned char *output);
void one_program(void); /* opens, launches, closes */

void sleep_us(long microseconds);
int ends_within(pid_t child, int milliseconds, int *status);

/* --- the parts --- */

void refusals(void);
void imports(void);
void killed_programs(void);
void several_programs(void);
void signals(void);
void overlays_that_go(void);

#endif /* EXERCISE_H */
