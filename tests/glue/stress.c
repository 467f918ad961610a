/* 64 threads drive the accelerator `sums` of designs.py at a time, by launches of their own and through its extern
   stage; one is cancelled, one never waits. Built with gcc's sanitizers, which end it with an error of their own. */
#define _GNU_SOURCE
#include "sums.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 64, AHEAD = 4, WIDTH = 40, HEIGHT = 12, LARGE = 50 };

static struct fluorite_device *device;
static struct fluorite_arena *arena;

static void check(int holds, const char *what, int number)
{
    if (!holds) {
        (void)fprintf(stderr, "%s (%d)\n", what, number);
        _exit(1);
    }
}

/* What the accelerator computes. */
static unsigned char expected(const unsigned char *source, int stride, int x, int y)
{
    return (unsigned char)(source[y * stride + x] + source[(y + 1) * stride + x + 2]);
}

static void fill(unsigned char *bytes, int count, unsigned seed)
{
    int i;
    for (i = 0; i < count; ++i) {
        seed = seed * 1103515245u + 12345u;
        bytes[i] = (unsigned char)(seed >> 16);
    }
}

struct image {
    unsigned char *source, *result;
};

static int submit(struct image *image, unsigned seed, uint64_t *ticket)
{
    const struct fluorite_sums_launch region = {0, WIDTH, 0, HEIGHT};
    uint32_t settings[FLUORITE_SUMS_SETTINGS];
    struct fluorite_view views[FLUORITE_SUMS_STREAMS];
    const struct fluorite_launch launch = {settings, views};
    image->source = fluorite_alloc(arena, (WIDTH + 2) * (HEIGHT + 1), 64);
    image->result = fluorite_alloc(arena, WIDTH * HEIGHT, 64);
    check(image->source != NULL && image->result != NULL, "the arena must have room", (int)seed);
    fill(image->source, (WIDTH + 2) * (HEIGHT + 1), seed);
    memset(image->result, 0, WIDTH * HEIGHT);
    (void)fluorite_sums_prepare(&region, settings, views);
    views[0].first = image->source;
    views[0].strides[0] = WIDTH + 2;
    views[1].first = image->result;
    views[1].strides[0] = WIDTH;
    return fluorite_submit(device, &launch, -1, ticket);
}

static void compare_and_free(struct image *image)
{
    int x, y;
    for (y = 0; y < HEIGHT; ++y) {
        for (x = 0; x < WIDTH; ++x) {
            check(image->result[y * WIDTH + x] == expected(image->source, WIDTH + 2, x, y), "wrong pixel", x + y * WIDTH);
        }
    }
    (void)fluorite_free(arena, image->source);
    (void)fluorite_free(arena, image->result);
}

/* Several launches ahead, waited for in the other order. */
static void launches(int number)
{
    struct image images[AHEAD];
    uint64_t tickets[AHEAD];
    int i, code;
    for (i = 0; i < AHEAD; ++i) {
        code = submit(&images[i], (unsigned)(number * AHEAD + i), &tickets[i]);
        check(code == FLUORITE_OK, "submit", code);
    }
    if (number % 8 == 0) { /* as one that gets no processor: all others start their launches meanwhile */
        const struct timespec time = {0, 300000000L};
        (void)nanosleep(&time, NULL);
    }
    for (i = AHEAD - 1; i >= 0; --i) {
        code = fluorite_wait(device, tickets[i], -1);
        check(code == FLUORITE_OK, "a launch that was accepted must be waited for", code);
        compare_and_free(&images[i]);
    }
}

/* An image larger than a launch, with copies. */
static void stage(int number)
{
    static const int source_bytes = (LARGE + 2) * (LARGE + 1);
    unsigned char *source = halide_malloc(NULL, (size_t)source_bytes), *result = halide_malloc(NULL, LARGE * LARGE);
    struct halide_dimension_t source_dims[2], result_dims[2];
    struct halide_buffer_t input, output;
    int x, y, code;
    memset(&input, 0, sizeof input);
    memset(&output, 0, sizeof output);
    memset(source_dims, 0, sizeof source_dims);
    memset(result_dims, 0, sizeof result_dims);
    check(source != NULL && result != NULL, "halide_malloc", number);
    fill(source, source_bytes, (unsigned)number);
    source_dims[0].min = -1;
    source_dims[0].extent = source_dims[1].stride = LARGE + 2;
    source_dims[1].extent = LARGE + 1;
    result_dims[0].extent = result_dims[1].extent = result_dims[1].stride = LARGE;
    source_dims[0].stride = result_dims[0].stride = 1;
    input.type.code = output.type.code = halide_type_uint;
    input.type.bits = output.type.bits = 8;
    input.type.lanes = output.type.lanes = 1;
    input.dimensions = output.dimensions = 2;
    input.host = source;
    input.dim = source_dims;
    output.host = result;
    output.dim = result_dims;
    code = fluorite_sums(&input, &output);
    check(code == 0, "extern stage", code);
    for (y = 0; y < LARGE; ++y) {
        for (x = 0; x < LARGE; ++x) {
            check(result[y * LARGE + x] == expected(source, LARGE + 2, x, y), "wrong pixel of a stage", x + y * LARGE);
        }
    }
    halide_free(NULL, source);
    halide_free(NULL, result);
}

static void *work(void *argument)
{
    const int number = (int)(intptr_t)argument;
    struct fluorite_counters counters;
    if (number % 3 == 0) {
        stage(number);
    } else {
        launches(number);
    }
    check(fluorite_counters(device, &counters) == FLUORITE_OK, "counters", number);
    return NULL;
}

static void *never_waits(void *image)
{
    uint64_t ticket;
    const int code = submit((struct image *)image, 1, &ticket);
    check(code == FLUORITE_OK, "submit", code);
    return NULL;
}

static void *waits_for_ever(void *image)
{
    uint64_t ticket;
    int i, code = submit((struct image *)image, 2, &ticket);
    check(code == FLUORITE_OK, "submit", code);
    code = fluorite_wait(device, ticket, -1);
    check(code == FLUORITE_OK, "wait", code);
    for (i = 0; i < 60; ++i) { /* it is cancelled by now, or soon */
        const struct timespec time = {1, 0};
        (void)nanosleep(&time, NULL);
    }
    check(0, "it was to be cancelled", 0);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS], dying, cancelled;
    static struct image left, broken;
    void *result = NULL;
    int i;
    check(fluorite_process_device(&fluorite_sums_accelerator, &device, NULL) == FLUORITE_OK, "open", 0);
    arena = fluorite_device_arena(device);
    check(pthread_create(&dying, NULL, never_waits, &left) == 0, "a thread", 0);
    check(pthread_create(&cancelled, NULL, waits_for_ever, &broken) == 0, "a thread", 1);
    check(pthread_join(dying, NULL) == 0 && pthread_cancel(cancelled) == 0, "two threads", 0);
    for (i = 0; i < THREADS; ++i) {
        check(pthread_create(&threads[i], NULL, work, (void *)(intptr_t)i) == 0, "threads", i);
    }
    for (i = 0; i < THREADS; ++i) {
        check(pthread_join(threads[i], NULL) == 0, "threads", i);
    }
    check(pthread_join(cancelled, &result) == 0 && result == PTHREAD_CANCELED, "a cancelled thread", 0);
    (void)fluorite_free(arena, left.source);
    (void)fluorite_free(arena, left.result);
    (void)fluorite_free(arena, broken.source);
    (void)fluorite_free(arena, broken.result);
    check(fluorite_process_close() == FLUORITE_OK, "nothing is left", 0);
    return 0;
}
