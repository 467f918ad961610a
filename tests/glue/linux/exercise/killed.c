/* Programs that are killed while the hardware is at work for them: nothing is written to their memory once it is given
   back. Nobody else opens the accelerator before that was looked at, since opening stops it too. */
#define _GNU_SOURCE

#include "exercise.h"
#include "fluorite_registers.h"
#include "killed.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARENA "kernel:16384"
#define ARENA_BYTES 16384
#define HEAP "/dev/dma_heap/reserved"
#define PATTERN 0xa5

/* --- a program that is busy --------------------------------------------------------------------------------------- */

/* Fills the hardware's queue and tells how far it gets, for ever. */
static void be_busy(struct busy *busy, enum output where, int arena_is_closed)
{
    struct opened all = open_all(ARENA);
    unsigned char *memory = (unsigned char *)fluorite_alloc(all.arena, 2 * FRAME_BYTES, 64);
    struct fluorite_memory *arena = fluorite_arena_memory(all.arena);
    struct fluorite_imported block = {0, 0, arena->physical};
    void *output = memory + FRAME_BYTES;
    struct frame frame;
    uint64_t ticket;
    int i;
    if (where == IN_A_DMA_BUF) {
        struct fluorite_error error;
        size_t size;
        CHECK(fluorite_arena_import(all.arena, heap_buffer(HEAP, FRAME_BYTES), &output, &size, &error) == FLUORITE_OK);
        CHECK(fluorite_arena_block(all.arena, output, &block) == FLUORITE_OK);
    }
    busy->address = block.physical;
    prepare(&frame, memory, output);
    fill(memory, 1);
    for (i = 0; i < QUEUE; ++i) {
        CHECK(fluorite_submit(all.device, &frame.launch, 0, &ticket) == FLUORITE_OK);
    }
    if (arena_is_closed) {
        arena->close(arena->context);
    }
    for (;;) {
        struct fluorite_counters counters;
        CHECK(fluorite_counters(all.device, &counters) == FLUORITE_OK);
        busy->in_flight = counters.launches_started - counters.launches_completed;
    }
}

struct busy *busy_program(enum output where, int arena_is_closed)
{
    struct busy *busy = (struct busy *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t program;
    CHECK(busy != MAP_FAILED);
    program = fork();
    if (program == 0) {
        be_busy(busy, where, arena_is_closed);
    }
    busy->program = program;
    while (busy->in_flight == 0) {
        sleep_us(100);
    }
    sleep_us(3 * LATENCY_US); /* rows have been read, and rows are being written */
    CHECK(busy->in_flight == QUEUE);
    return busy;
}

/* --- the accelerator, as the next who claims it finds it ----------------------------------------------------------- */

struct next {
    int arena, file;
    volatile uint32_t *registers;
    uint32_t status; /* as it was first of all */
};

static void find(struct next *next)
{
    while (claim_on(next->file, next->arena) != 0) { /* the hardware is being stopped */
        if (errno != EBUSY) {
            CHECK(0);
        }
        sleep_us(10);
    }
    next->registers = (volatile uint32_t *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, next->file, 0);
    CHECK(next->registers != MAP_FAILED);
    next->status = next->registers[FLUORITE_STATUS / 4];
}

/* It was before it could be claimed, and nobody has touched it since. */
static void is_at_rest(struct next *next)
{
    CHECK((next->status & FLUORITE_STATUS_IDLE_MASK) != 0);
    CHECK(next->registers[FLUORITE_LAUNCHES_STARTED / 4] == 0);
    CHECK(next->registers[FLUORITE_INTERRUPT_ENABLE / 4] == 0);
    CHECK(munmap((void *)(uintptr_t)next->registers, 4096) == 0);
    close(next->file);
    close(next->arena);
}

uint64_t kill_busy(struct busy *busy, struct next *next)
{
    const uint64_t address = busy->address;
    int status = 0;
    CHECK(3 * LATENCY_US < LEAST_LAUNCH_US && busy->in_flight == QUEUE);
    CHECK(kill(busy->program, SIGKILL) == 0);
    if (next != NULL) {
        find(next);
    }
    CHECK(waitpid(busy->program, &status, 0) == busy->program && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CHECK(munmap(busy, 4096) == 0);
    return address;
}

/* --- its memory, as others get it --------------------------------------------------------------------------------- */

struct owned {
    int file, arena;
    uint64_t address;
    unsigned char *bytes;
    size_t size;
};

static struct owned own(enum output where)
{
    struct owned owned = {opened(), -1, 0, NULL, ARENA_BYTES};
    struct fluorite_kernel_arena arena = {ARENA_BYTES, 0};
    off_t offset = FLUORITE_KERNEL_ARENA_OFFSET;
    CHECK(request(owned.file, FLUORITE_KERNEL_ALLOC, &arena) == 0);
    owned.address = arena.device_address;
    owned.arena = owned.file;
    if (where == IN_A_DMA_BUF) { /* the buffer's address is that of its import */
        struct fluorite_kernel_import import = {heap_buffer(HEAP, FRAME_BYTES), 0, 0, 0};
        CHECK(request(owned.arena, FLUORITE_KERNEL_IMPORT, &import) == 0);
        owned.address = import.device_address;
        owned.file = import.fd;
        owned.size = FRAME_BYTES;
        offset = 0;
    }
    owned.bytes = (unsigned char *)mmap(NULL, owned.size, PROT_READ | PROT_WRITE, MAP_SHARED, owned.file, offset);
    CHECK(owned.bytes != MAP_FAILED);
    memset(owned.bytes, PATTERN, owned.size);
    return owned;
}

static int is_untouched(const struct owned *owned)
{
    size_t i;
    for (i = 0; i < owned->size && owned->bytes[i] == PATTERN; ++i) {
    }
    return i == owned->size;
}

static void disown(struct owned *owned)
{
    CHECK(munmap(owned->bytes, owned->size) == 0);
    if (owned->arena != owned->file) {
        close(owned->arena);
    }
    close(owned->file);
}

void memory_is_left_alone(enum output where, uint64_t address)
{
    struct owned owned = own(where);
    CHECK(owned.address == address); /* it is the very same memory */
    sleep_us(QUEUE * MOST_LAUNCH_US);
    CHECK(is_untouched(&owned)); /* all of its launches would have ended by now */
    disown(&owned);
}

/* --- what is checked ---------------------------------------------------------------------------------------------- */

static void killed_writing(enum output where)
{
    struct busy *busy = busy_program(where, 0);
    struct next next = {opened(), opened(), NULL, 0};
    uint64_t address;
    CHECK(arena_of(next.arena, 4096) == 0);
    address = kill_busy(busy, &next);
    memory_is_left_alone(where, address);
    is_at_rest(&next);
    one_program();
}

/* The arena's file and mapping are gone, the accelerator's file is not: the memory stays its own. */
static void killed_after_the_arena_was_closed(void)
{
    struct busy *busy = busy_program(IN_THE_ARENA, 1);
    struct owned owned = own(IN_THE_ARENA);
    uint64_t address;
    CHECK(owned.address != busy->address);
    address = kill_busy(busy, NULL);
    CHECK(is_untouched(&owned));
    disown(&owned);
    memory_is_left_alone(IN_THE_ARENA, address);
}

void killed_programs(void)
{
    killed_writing(IN_THE_ARENA);
    killed_writing(IN_A_DMA_BUF);
    killed_after_the_arena_was_closed();
}
