/* The process's arena and accelerators, and the memory that Halide allocates. */
#define _POSIX_C_SOURCE 200809L

#include "fluorite_call.h"

#include <pthread.h>
#include <stdlib.h>

#define MAX_DEVICES 16
#define ALIGNMENT 128u      /* what Halide expects; also keeps buffers from sharing cache lines */
#define SMALLEST_BYTES 256u /* less is not worth a place in the arena */

static struct {
    pthread_mutex_t lock;
    int tried; /* to open the arena */
    struct fluorite_arena *arena;
    struct fluorite_error error;
    int device_count;
    struct fluorite_device *devices[MAX_DEVICES];
} process = {PTHREAD_MUTEX_INITIALIZER, 0, NULL, {0, ""}, 0, {NULL}};

static struct fluorite_arena *arena_locked(struct fluorite_error *error)
{
    if (!process.tried) {
        process.tried = 1;
        (void)fluorite_arena_open(&process.arena, NULL, &process.error);
    }
    if (error != NULL) {
        *error = process.error;
    }
    return process.arena;
}

struct fluorite_arena *fluorite_process_arena(struct fluorite_error *error)
{
    struct fluorite_arena *arena;
    pthread_mutex_lock(&process.lock);
    arena = arena_locked(error);
    pthread_mutex_unlock(&process.lock);
    return arena;
}

static int device_locked(const struct fluorite_accelerator *accelerator, struct fluorite_device **device,
                         struct fluorite_error *error)
{
    struct fluorite_arena *arena;
    int i, code;
    for (i = 0; i < process.device_count; ++i) {
        if (fluorite_device_accelerator(process.devices[i]) == accelerator) {
            *device = process.devices[i];
            return FLUORITE_OK;
        }
    }
    if (process.device_count == MAX_DEVICES) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_MEMORY, "a process opens %d accelerators at most", MAX_DEVICES);
    }
    if ((arena = arena_locked(error)) == NULL) {
        return process.error.code;
    }
    code = fluorite_open(device, accelerator, arena, error);
    if (code == FLUORITE_OK) {
        process.devices[process.device_count++] = *device;
    }
    return code;
}

int fluorite_process_device(const struct fluorite_accelerator *accelerator, struct fluorite_device **device,
                            struct fluorite_error *error)
{
    int code;
    pthread_mutex_lock(&process.lock);
    code = device_locked(accelerator, device, error);
    pthread_mutex_unlock(&process.lock);
    return code;
}

int fluorite_process_close(void)
{
    int code = FLUORITE_OK;
    fluorite_kept_forget();
    pthread_mutex_lock(&process.lock);
    while (process.device_count > 0) {
        const int closed = fluorite_close(process.devices[--process.device_count]);
        code = code != FLUORITE_OK ? code : closed;
    }
    if (process.arena != NULL) {
        const int closed = fluorite_arena_close(process.arena);
        code = code != FLUORITE_OK ? code : closed;
        if (closed == FLUORITE_OK) {
            process.arena = NULL;
        }
    }
    process.tried = process.arena != NULL;
    pthread_mutex_unlock(&process.lock);
    return code;
}

void *halide_malloc(void *user_context, size_t size)
{
    void *block = NULL;
    (void)user_context;
    if (size > SIZE_MAX - ALIGNMENT) {
        return NULL;
    }
    if (size >= SMALLEST_BYTES) {
        struct fluorite_arena *arena = fluorite_process_arena(NULL);
        if (arena != NULL) {
            block = fluorite_alloc(arena, (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, ALIGNMENT);
        }
    }
    if (block == NULL && posix_memalign(&block, ALIGNMENT, size != 0 ? size : 1) != 0) {
        block = NULL;
    }
    return block;
}

void halide_free(void *user_context, void *block)
{
    struct fluorite_arena *arena;
    (void)user_context;
    pthread_mutex_lock(&process.lock);
    arena = process.arena;
    pthread_mutex_unlock(&process.lock);
    if (arena != NULL && fluorite_in_arena(arena, block, 1)) {
        (void)fluorite_free(arena, block);
    } else {
        free(block);
    }
}
