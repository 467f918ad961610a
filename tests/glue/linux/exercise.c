/* Runs in a simulated machine, against the real kernel driver and the accelerator `sums`: what the driver refuses, whose
   memory is whose, buffers of others, programs that are killed, an overlay that goes while programs have it open. Ends with
   the first check that fails; prints how many there were. */
#define _GNU_SOURCE

#include "fluorite_kernel.h"
#include "sums.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEVICE "/dev/fluorite-sums_axi"
#define OVERLAY "/sys/kernel/config/device-tree/overlays/sums"
#define MIB (1u << 20)
#define WIDTH 40
#define HEIGHT 30
#define PITCH 64

static int checks;

static void check(int holds, int line, const char *text)
{
    ++checks;
    if (!holds) {
        printf("line %d fails: %s (%s)\n", line, text, strerror(errno));
        exit(1); /* what follows might wait for ever */
    }
}

#define CHECK(condition) check((condition), __LINE__, #condition)
#define REFUSES(code, call) check((errno = 0, (call) == -1) && errno == (code), __LINE__, #call " is " #code)

static int opened(void)
{
    const int file = open(DEVICE, O_RDWR | O_CLOEXEC);
    CHECK(file >= 0);
    return file;
}

static int request(int file, unsigned long command, void *data)
{
    return ioctl(file, command, data) == 0 ? 0 : -1;
}

static int arena_of(int file, uint64_t size)
{
    struct fluorite_kernel_arena arena = {size, 0};
    return request(file, FLUORITE_KERNEL_ALLOC, &arena);
}

static int claim_on(int file, int arena)
{
    struct fluorite_kernel_claim claim = {arena, 0};
    return request(file, FLUORITE_KERNEL_CLAIM, &claim);
}

static int map_at(int file, size_t size, int flags, off_t offset)
{
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, file, offset);
    if (mapped == MAP_FAILED) {
        return -1;
    }
    return munmap(mapped, size);
}

/* --- what is refused ---------------------------------------------------------------------------------------------- */

static void refusals(void)
{
    const int arena = opened(), file = opened(), other = opened(), elsewhere = open("/dev/null", O_RDWR);
    struct fluorite_kernel_sync sync = {0, 1, 0, 0, 0, 4096};
    struct fluorite_kernel_import import = {elsewhere, 0, 0, 0};
    struct fluorite_kernel_release release = {5, 0};
    struct fluorite_kernel_arena large = {(uint64_t)1 << 30, 0};
    struct fluorite_kernel_info info;
    struct pollfd events = {0, POLLIN, 0};
    uint32_t word = 1;
    CHECK(request(file, FLUORITE_KERNEL_INFO, &info) == 0);
    CHECK(info.version == FLUORITE_KERNEL_VERSION && info.register_bytes == 0x10000 && info.address_bits == 32);
    CHECK(info.flags == FLUORITE_KERNEL_INTERRUPT);
    /* Neither arena nor claimed. */
    REFUSES(EACCES, map_at(file, 4096, MAP_SHARED, 0));
    REFUSES(EINVAL, map_at(file, 4096, MAP_SHARED, FLUORITE_KERNEL_ARENA_OFFSET));
    REFUSES(EACCES, (int)read(file, &word, 4));
    REFUSES(EACCES, (int)write(file, &word, 4));
    events.fd = file;
    CHECK(poll(&events, 1, 0) == 1 && events.revents == POLLERR);
    REFUSES(EINVAL, request(file, FLUORITE_KERNEL_SYNC, &sync));
    REFUSES(EINVAL, request(file, FLUORITE_KERNEL_IMPORT, &import));
    REFUSES(ENOENT, request(file, FLUORITE_KERNEL_RELEASE, &release));
    REFUSES(ENOTTY, request(file, _IO('F', 0x7f), NULL));
    REFUSES(ENOTTY, request(file, _IOW('G', 0x61, int), &word));
    REFUSES(EFAULT, request(file, FLUORITE_KERNEL_ALLOC, (void *)8));
    REFUSES(EINVAL, arena_of(file, 0));
    REFUSES(EINVAL, arena_of(file, ~(uint64_t)0));
    REFUSES(ENOMEM, request(file, FLUORITE_KERNEL_ALLOC, &large));
    REFUSES(EBADF, claim_on(file, 999));
    REFUSES(EINVAL, claim_on(file, elsewhere));
    REFUSES(EINVAL, claim_on(file, file));
    REFUSES(EINVAL, claim_on(file, other)); /* not an arena */
    /* The arena. */
    CHECK(arena_of(arena, 2 * MIB) == 0);
    REFUSES(EBUSY, arena_of(arena, 4096));
    REFUSES(EINVAL, claim_on(arena, arena));
    REFUSES(EINVAL, map_at(arena, 2 * MIB + 4096, MAP_SHARED, FLUORITE_KERNEL_ARENA_OFFSET));
    REFUSES(EINVAL, map_at(arena, 4096, MAP_PRIVATE, FLUORITE_KERNEL_ARENA_OFFSET));
    REFUSES(EINVAL, map_at(arena, 4096, MAP_SHARED, FLUORITE_KERNEL_ARENA_OFFSET + 4096));
    CHECK(map_at(arena, 2 * MIB, MAP_SHARED, FLUORITE_KERNEL_ARENA_OFFSET) == 0);
    CHECK(request(arena, FLUORITE_KERNEL_SYNC, &sync) == 0);
    sync.offset = 2 * MIB - 4095;
    REFUSES(EINVAL, request(arena, FLUORITE_KERNEL_SYNC, &sync));
    sync.offset = ~(uint64_t)0 - 100;
    REFUSES(EINVAL, request(arena, FLUORITE_KERNEL_SYNC, &sync));
    sync.offset = 0;
    sync.direction = 3;
    REFUSES(EINVAL, request(arena, FLUORITE_KERNEL_SYNC, &sync));
    sync.direction = 0;
    sync.handle = 3;
    REFUSES(ENOENT, request(arena, FLUORITE_KERNEL_SYNC, &sync));
    REFUSES(EINVAL, request(arena, FLUORITE_KERNEL_IMPORT, &import)); /* no dma-buf */
    /* The accelerator: one claims, and keeps the arena when that is closed. */
    CHECK(claim_on(file, arena) == 0);
    REFUSES(EBUSY, claim_on(other, arena));
    REFUSES(EINVAL, claim_on(file, arena));
    REFUSES(EBUSY, arena_of(file, 4096));
    REFUSES(EINVAL, claim_on(other, file)); /* claims, so no arena */
    CHECK(map_at(file, 0x10000, MAP_SHARED, 0) == 0);
    REFUSES(EINVAL, map_at(file, 0x11000, MAP_SHARED, 0));
    REFUSES(EINVAL, (int)read(file, &word, 3));
    REFUSES(EINVAL, (int)write(file, &word, 3));
    word = 2;
    REFUSES(EINVAL, (int)write(file, &word, 4));
    CHECK(fcntl(file, F_SETFL, O_NONBLOCK) == 0);
    REFUSES(EAGAIN, (int)read(file, &word, 4));
    CHECK(poll(&events, 1, 0) == 0);
    close(arena);
    close(file);
    CHECK(arena_of(other, 2 * MIB) == 0); /* what was claimed is free again */
    close(other);
    close(elsewhere);
}

/* --- launches ----------------------------------------------------------------------------------------------------- */

struct opened {
    struct fluorite_arena *arena;
    struct fluorite_device *device;
};

static struct opened open_all(void)
{
    struct opened all = {NULL, NULL};
    struct fluorite_error error = {0, ""};
    if (fluorite_arena_open(&all.arena, NULL, &error) != FLUORITE_OK ||
        fluorite_open(&all.device, &fluorite_sums_accelerator, all.arena, &error) != FLUORITE_OK) {
        printf("%s\n", error.text);
        CHECK(0);
    }
    return all;
}

static void close_all(struct opened *all)
{
    CHECK(fluorite_close(all->device) == FLUORITE_OK);
    CHECK(fluorite_arena_close(all->arena) == FLUORITE_OK);
}

static void prepare(struct fluorite_launch *launch, uint32_t *settings, struct fluorite_view *views, void *input,
                    void *output)
{
    const struct fluorite_sums_launch region = {0, WIDTH, 0, HEIGHT};
    fluorite_sums_prepare(&region, settings, views);
    views[0].first = input;
    views[1].first = output;
    views[0].strides[0] = views[1].strides[0] = PITCH;
    launch->settings = settings;
    launch->views = views;
}

/* Sums of neighbours, as the accelerator computes them. */
static int is_right(const unsigned char *input, const unsigned char *output)
{
    int x, y;
    for (y = 0; y < HEIGHT; ++y) {
        for (x = 0; x < WIDTH; ++x) {
            const unsigned char sum = (unsigned char)(input[y * PITCH + x] + input[(y + 1) * PITCH + x + 2]);
            if (output[y * PITCH + x] != sum) {
                return 0;
            }
        }
    }
    return 1;
}

static void fill(unsigned char *input, int seed)
{
    int i;
    for (i = 0; i < (HEIGHT + 1) * PITCH; ++i) {
        input[i] = (unsigned char)(i * 7 + seed * 31 + i / 64);
    }
}

static void launches(struct opened *all, unsigned char *input, unsigned char *output)
{
    uint32_t settings[64];
    struct fluorite_view views[2];
    struct fluorite_launch launch;
    int i;
    prepare(&launch, settings, views, input, output);
    for (i = 0; i < 3; ++i) {
        fill(input, i);
        memset(output, 0, HEIGHT * PITCH);
        CHECK(fluorite_run(all->device, &launch, 1000) == FLUORITE_OK);
        CHECK(is_right(input, output));
    }
}

/* --- buffers of others -------------------------------------------------------------------------------------------- */

struct heap_allocation { /* of <linux/dma-heap.h> */
    uint64_t size;
    uint32_t file, file_flags;
    uint64_t heap_flags;
};

static int heap_buffer(const char *heap, uint64_t size)
{
    struct heap_allocation allocation = {size, 0, O_RDWR | O_CLOEXEC, 0};
    const int file = open(heap, O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    CHECK(ioctl(file, _IOWR('H', 0, struct heap_allocation), &allocation) == 0);
    close(file);
    return (int)allocation.file;
}

static void imports(void)
{
    struct opened all = open_all();
    struct fluorite_error error = {0, ""};
    void *input = NULL, *output = NULL, *own = fluorite_alloc(all.arena, 4096, 64);
    size_t size = 0;
    int file = heap_buffer("/dev/dma_heap/reserved", 3 * 4096);
    CHECK(fluorite_arena_import(all.arena, file, &input, &size, &error) == FLUORITE_OK);
    CHECK(size == 3 * 4096);
    close(file); /* the arena keeps the buffer */
    file = heap_buffer("/dev/dma_heap/reserved", 4096);
    CHECK(fluorite_arena_import(all.arena, file, &output, &size, &error) == FLUORITE_OK);
    close(file);
    printf("%s", error.text);
    launches(&all, (unsigned char *)input, (unsigned char *)output); /* from one to the other */
    launches(&all, (unsigned char *)own, (unsigned char *)output);
    launches(&all, (unsigned char *)input, (unsigned char *)own);
    CHECK(fluorite_free(all.arena, input) == FLUORITE_OK && fluorite_free(all.arena, output) == FLUORITE_OK);
    /* Pages from anywhere are not in one piece. */
    file = heap_buffer("/dev/dma_heap/system", 9 * MIB);
    CHECK(fluorite_arena_import(all.arena, file, &input, &size, &error) == FLUORITE_ERROR_ARGUMENT);
    CHECK(strstr(error.text, "not in one piece") != NULL);
    close(file);
    CHECK(fluorite_free(all.arena, own) == FLUORITE_OK);
    close_all(&all);
}

/* --- programs that end badly -------------------------------------------------------------------------------------- */

static void a_killed_program(void)
{
    /* The child says in it how many of its launches are under way, to its last moment. */
    volatile uint32_t *in_flight = (volatile uint32_t *)mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                                                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const struct timespec a_while = {0, 20000000};
    struct opened all;
    int ready[2], status = 0;
    char byte;
    pid_t child;
    CHECK(pipe(ready) == 0);
    child = fork();
    if (child == 0) {
        uint32_t settings[64];
        struct fluorite_view views[2];
        struct fluorite_launch launch;
        uint64_t ticket;
        unsigned char *memory;
        all = open_all();
        memory = (unsigned char *)fluorite_alloc(all.arena, 16384, 64);
        prepare(&launch, settings, views, memory, memory + 8192);
        (void)write(ready[1], "x", 1);
        for (;;) { /* the hardware's queue is always full */
            struct fluorite_counters counters;
            (void)fluorite_submit(all.device, &launch, 1000, &ticket);
            (void)fluorite_counters(all.device, &counters);
            *in_flight = counters.launches_started - counters.launches_completed;
        }
    }
    CHECK(read(ready[0], &byte, 1) == 1);
    {
        struct fluorite_error error = {0, ""};
        struct fluorite_arena *arena;
        struct fluorite_device *device;
        CHECK(fluorite_arena_open(&arena, "kernel:65536", &error) == FLUORITE_OK);
        CHECK(fluorite_open(&device, &fluorite_sums_accelerator, arena, &error) == FLUORITE_ERROR_BUSY);
        CHECK(strstr(error.text, "already in use") != NULL);
        CHECK(fluorite_arena_close(arena) == FLUORITE_OK);
    }
    nanosleep(&a_while, NULL);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    CHECK(*in_flight > 1);
    all = open_all(); /* memory and accelerator are free again, as large as before */
    {
        unsigned char *memory = (unsigned char *)fluorite_alloc(all.arena, 16384, 64);
        launches(&all, memory, memory + 8192);
        CHECK(fluorite_free(all.arena, memory) == FLUORITE_OK);
    }
    close_all(&all);
}

/* --- the overlay goes --------------------------------------------------------------------------------------------- */

static void the_overlay_goes(void)
{
    const int arena = opened(), file = opened();
    struct pollfd events;
    struct timespec pause_time = {0, 200000000};
    int status = 0;
    uint32_t word;
    pid_t child;
    events.fd = file;
    events.events = POLLIN;
    events.revents = 0;
    CHECK(arena_of(arena, MIB) == 0 && claim_on(file, arena) == 0);
    child = fork();
    if (child == 0) {
        close(arena);
        close(file);
        _exit(rmdir(OVERLAY) == 0 ? 0 : 1);
    }
    CHECK(poll(&events, 1, 10000) == 1 && (events.revents & POLLHUP) != 0);
    REFUSES(ENODEV, (int)read(file, &word, 4));
    REFUSES(ENOENT, open(DEVICE, O_RDWR));
    nanosleep(&pause_time, NULL);
    CHECK(waitpid(child, &status, WNOHANG) == 0); /* it waits for us */
    close(file);
    close(arena);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void the_overlay_comes_back(void)
{
    struct opened all;
    unsigned char *memory;
    CHECK(system("mkdir " OVERLAY " && cat /root/sums.dtbo > " OVERLAY "/dtbo") == 0);
    all = open_all();
    memory = (unsigned char *)fluorite_alloc(all.arena, 16384, 64);
    launches(&all, memory, memory + 8192);
    CHECK(fluorite_free(all.arena, memory) == FLUORITE_OK);
    close_all(&all);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    refusals();
    imports();
    a_killed_program();
    the_overlay_goes();
    the_overlay_comes_back();
    CHECK(system("rmdir " OVERLAY " && rmmod fluorite") == 0);
    CHECK(system("dmesg | grep -v 'command line' | grep -iE 'warning: CPU|BUG|oops|not stop|is lost|call trace'") != 0);
    printf("%d checks hold\n", checks);
    return 0;
}
