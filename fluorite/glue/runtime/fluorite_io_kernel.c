/* Memory and the accelerator through fluorite's own kernel driver: /dev/fluorite-NAME. Its memory needs no u-dma-buf,
   and buffers of others (dma-buf) can be imported into it. The kernel stops the accelerator when the program ends,
   however that comes about.

   Imported buffers are mapped behind the arena, into addresses reserved for them, so that offsets from the arena's
   beginning name bytes of either. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* O_CLOEXEC, MAP_ANONYMOUS; _GNU_SOURCE asks for a strtoull of newer C libraries */
#endif

#include "fluorite_kernel.h"
#include "fluorite_sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define DEVICE_PREFIX "fluorite-"
#define IMPORTS 64u
#define IMPORT_BYTES ((uint64_t)1 << (sizeof(void *) == 8 ? 34 : 28)) /* of addresses reserved */
#define USUAL_BYTES ((uint64_t)64 << 20) /* of an arena; less if there is no more */
#define LEAST_BYTES ((uint64_t)4 << 20)

/* --- the arena ---------------------------------------------------------------------------------------------------- */

struct import {
    uint64_t offset, size; /* size 0: free */
    uint32_t handle;
};

struct kernel_memory {
    int file;
    int coherent;
    unsigned char *window; /* the arena, then imported buffers */
    uint64_t window_bytes, arena_bytes;
    pthread_mutex_t lock; /* imports */
    struct import imports[IMPORTS];
};

static void memory_close(void *context)
{
    struct kernel_memory *memory = (struct kernel_memory *)context;
    if (memory->window != NULL) {
        (void)munmap(memory->window, (size_t)memory->window_bytes);
    }
    if (memory->file >= 0) {
        (void)close(memory->file);
    }
    (void)pthread_mutex_destroy(&memory->lock);
    free(memory);
}

/* The import that an offset lies in; 0 for the arena itself. */
static uint32_t handle_at(struct kernel_memory *memory, uint64_t offset)
{
    uint32_t i, handle = 0;
    pthread_mutex_lock(&memory->lock);
    for (i = 0; i < IMPORTS; ++i) {
        const struct import *import = &memory->imports[i];
        if (offset >= import->offset && offset - import->offset < import->size) {
            handle = import->handle;
        }
    }
    pthread_mutex_unlock(&memory->lock);
    return handle;
}

/* Imported buffers are synced even if the accelerator sees the caches: others may not. */
static int memory_sync(void *context, uint64_t offset, uint64_t size, enum fluorite_direction direction, int for_cpu)
{
    struct kernel_memory *memory = (struct kernel_memory *)context;
    struct fluorite_kernel_sync request;
    memset(&request, 0, sizeof request);
    if (offset >= memory->arena_bytes) {
        request.handle = handle_at(memory, offset);
    } else if (memory->coherent) {
        return FLUORITE_OK;
    }
    request.direction = (uint32_t)direction;
    request.for_cpu = (uint32_t)for_cpu;
    request.offset = offset;
    request.size = size;
    return ioctl(memory->file, FLUORITE_KERNEL_SYNC, &request) == 0 ? FLUORITE_OK : FLUORITE_ERROR_SYSTEM;
}

/* --- buffers of others -------------------------------------------------------------------------------------------- */

/* Where in the window there is room, whole pages apart; the window's size if nowhere. With the lock held. */
static uint64_t room_for(const struct kernel_memory *memory, uint64_t size)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t offset = memory->arena_bytes;
    uint32_t i = 0;
    while (i < IMPORTS) {
        const struct import *import = &memory->imports[i];
        if (import->size != 0 && offset < import->offset + import->size && import->offset < offset + size) {
            offset = (import->offset + import->size + page - 1) / page * page; /* behind it, and look again at all */
            i = 0;
        } else {
            ++i;
        }
    }
    return size <= memory->window_bytes && offset <= memory->window_bytes - size ? offset : memory->window_bytes;
}

static struct import *free_import(struct kernel_memory *memory)
{
    uint32_t i;
    for (i = 0; i < IMPORTS; ++i) {
        if (memory->imports[i].size == 0) {
            return &memory->imports[i];
        }
    }
    return NULL;
}

static void release_handle(const struct kernel_memory *memory, uint32_t handle)
{
    struct fluorite_kernel_release request;
    memset(&request, 0, sizeof request);
    request.handle = handle;
    (void)ioctl(memory->file, FLUORITE_KERNEL_RELEASE, &request);
}

static int map_import(struct kernel_memory *memory, int file, const struct fluorite_kernel_import *request,
                      uint64_t *offset, struct fluorite_error *error)
{
    struct import *import;
    int code = FLUORITE_OK;
    pthread_mutex_lock(&memory->lock);
    import = free_import(memory);
    *offset = room_for(memory, request->size);
    if (import == NULL || *offset == memory->window_bytes) {
        code = fluorite_fail(error, FLUORITE_ERROR_NO_MEMORY,
                             "no room for a dma-buf of %llu bytes beside what is imported already",
                             (unsigned long long)request->size);
    } else if (mmap(memory->window + *offset, (size_t)request->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                    file, 0) == MAP_FAILED) {
        code = fluorite_fail(error, FLUORITE_ERROR_SYSTEM, "mmap of a dma-buf: %s", strerror(errno));
    } else {
        import->offset = *offset;
        import->size = request->size;
        import->handle = request->handle;
    }
    pthread_mutex_unlock(&memory->lock);
    return code;
}

static int memory_import(void *context, int file, struct fluorite_imported *imported, struct fluorite_error *error)
{
    struct kernel_memory *memory = (struct kernel_memory *)context;
    struct fluorite_kernel_import request;
    int code;
    memset(&request, 0, sizeof request);
    request.fd = file;
    if (ioctl(memory->file, FLUORITE_KERNEL_IMPORT, &request) != 0) {
        return fluorite_fail(error, FLUORITE_ERROR_ARGUMENT, "file %d cannot be imported: %s", file,
                             errno == EFBIG ? "its memory is not in one piece: it must come from a CMA heap"
                                            : strerror(errno));
    }
    code = map_import(memory, file, &request, &imported->offset, error);
    if (code != FLUORITE_OK) {
        release_handle(memory, request.handle);
        return code;
    }
    imported->size = request.size;
    imported->physical = request.device_address;
    return FLUORITE_OK;
}

static void memory_release(void *context, uint64_t offset)
{
    struct kernel_memory *memory = (struct kernel_memory *)context;
    uint32_t i;
    pthread_mutex_lock(&memory->lock);
    for (i = 0; i < IMPORTS; ++i) {
        struct import *import = &memory->imports[i];
        if (import->size != 0 && import->offset == offset) {
            /* The addresses stay reserved. */
            (void)mmap(memory->window + offset, (size_t)import->size, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
            release_handle(memory, import->handle);
            import->size = 0;
            break;
        }
    }
    pthread_mutex_unlock(&memory->lock);
}

/* --- opening an arena --------------------------------------------------------------------------------------------- */

/* The path of one of the driver's devices: memory of one serves all. 0 if there is none. */
static int find_any(char *path)
{
    DIR *folder = opendir(FLUORITE_DEV);
    const struct dirent *entry;
    *path = '\0';
    while (folder != NULL && *path == '\0' && (entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, DEVICE_PREFIX, sizeof DEVICE_PREFIX - 1) == 0) {
            (void)snprintf(path, PATH_BYTES, FLUORITE_DEV "/%.60s", entry->d_name);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return *path != '\0';
}

int fluorite_kernel_is_there(void)
{
    char path[PATH_BYTES];
    return find_any(path);
}

static int open_any(char *path, struct fluorite_error *error)
{
    int file;
    if (!find_any(path)) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA,
                             "there is no %s/" DEVICE_PREFIX "*: are fluorite.ko and the device tree overlay loaded?",
                             FLUORITE_DEV);
    }
    file = open(path, O_RDWR | O_CLOEXEC);
    return file >= 0 ? file : fluorite_fail(error, FLUORITE_ERROR_NO_ARENA, "%s: %s", path, strerror(errno));
}

static int check_version(int file, const char *path, struct fluorite_kernel_info *info, struct fluorite_error *error)
{
    if (ioctl(file, FLUORITE_KERNEL_INFO, info) != 0) {
        return fluorite_fail(error, FLUORITE_ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    }
    if (info->version != FLUORITE_KERNEL_VERSION) {
        return fluorite_fail(error, FLUORITE_ERROR_WRONG_VERSION,
                             "%s: fluorite.ko has interface %u, this program %u: build both from one design", path,
                             (unsigned)info->version, (unsigned)FLUORITE_KERNEL_VERSION);
    }
    return FLUORITE_OK;
}

/* `size` 0: as much as there is, up to the usual. */
static int allocate(int file, const char *path, uint64_t size, struct fluorite_kernel_arena *arena,
                    struct fluorite_error *error)
{
    uint64_t wanted = size != 0 ? size : USUAL_BYTES;
    for (;;) {
        arena->size = wanted;
        arena->device_address = 0;
        if (ioctl(file, FLUORITE_KERNEL_ALLOC, arena) == 0) {
            if (wanted < USUAL_BYTES && size == 0) {
                fluorite_less_memory(error, path, arena->size, USUAL_BYTES);
            }
            return FLUORITE_OK;
        }
        if (errno != ENOMEM || size != 0 || wanted <= LEAST_BYTES) {
            return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA, "%s: %llu bytes of DMA memory: %s", path,
                                 (unsigned long long)wanted, strerror(errno));
        }
        wanted /= 2;
    }
}

static int map_arena(struct kernel_memory *memory, const char *path, struct fluorite_error *error)
{
    void *window;
    memory->window_bytes = memory->arena_bytes + IMPORT_BYTES;
    window = mmap(NULL, (size_t)memory->window_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (window == MAP_FAILED) {
        return fluorite_fail(error, FLUORITE_ERROR_SYSTEM, "%s: no room for %llu bytes of addresses: %s", path,
                             (unsigned long long)memory->window_bytes, strerror(errno));
    }
    memory->window = (unsigned char *)window;
    if (mmap(window, (size_t)memory->arena_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memory->file,
             FLUORITE_KERNEL_ARENA_OFFSET) == MAP_FAILED) {
        return fluorite_fail(error, FLUORITE_ERROR_SYSTEM, "mmap of %s: %s", path, strerror(errno));
    }
    return FLUORITE_OK;
}

static int open_arena(struct kernel_memory *memory, uint64_t size, uint64_t *physical, struct fluorite_error *error)
{
    struct fluorite_kernel_info info;
    struct fluorite_kernel_arena arena;
    char path[PATH_BYTES];
    int code;
    memset(&info, 0, sizeof info);
    memory->file = open_any(path, error);
    if (memory->file < 0) {
        return memory->file;
    }
    if ((code = check_version(memory->file, path, &info, error)) != FLUORITE_OK ||
        (code = allocate(memory->file, path, size, &arena, error)) != FLUORITE_OK) {
        return code;
    }
    memory->coherent = (info.flags & FLUORITE_KERNEL_COHERENT) != 0;
    memory->arena_bytes = arena.size;
    *physical = arena.device_address;
    return map_arena(memory, path, error);
}

int fluorite_kernel_memory(struct fluorite_memory *memory, const char *size_text, struct fluorite_error *error)
{
    struct kernel_memory *made;
    char *end;
    const uint64_t size = strtoull(size_text, &end, 0);
    int code;
    if (*size_text != '\0' && (*end != '\0' || size == 0 || size > SIZE_MAX - IMPORT_BYTES)) {
        return fluorite_fail(error, FLUORITE_ERROR_ARGUMENT, "an arena must be kernel or kernel:BYTES, not kernel:%s",
                             size_text);
    }
    made = (struct kernel_memory *)calloc(1, sizeof *made);
    if (made == NULL || pthread_mutex_init(&made->lock, NULL) != 0) {
        free(made);
        return fluorite_fail(error, FLUORITE_ERROR_NO_MEMORY, "no memory for an arena's state");
    }
    code = open_arena(made, size, &memory->physical, error);
    if (code != FLUORITE_OK) {
        memory_close(made);
        return code;
    }
    memory->base = made->window;
    memory->size = (size_t)made->arena_bytes;
    memory->context = made;
    memory->sync = memory_sync;
    memory->close = memory_close;
    memory->import = memory_import;
    memory->release = memory_release;
    return FLUORITE_OK;
}

int fluorite_kernel_claim(int file, const char *path, const struct fluorite_accelerator *accelerator,
                          const struct fluorite_memory *memory, struct fluorite_error *error)
{
    struct fluorite_kernel_info info;
    struct fluorite_kernel_claim request;
    int code;
    memset(&info, 0, sizeof info);
    if (memory->import != memory_import) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA,
                             "%s: %s takes memory of the kernel driver only: FLUORITE_ARENA=kernel:BYTES",
                             accelerator->name, path);
    }
    if ((code = check_version(file, path, &info, error)) != FLUORITE_OK) {
        return code;
    }
    if (info.register_bytes < accelerator->size_bytes) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_DEVICE,
                             "%s: %s has %u bytes of registers, the accelerator has %u: correct the device tree's reg",
                             accelerator->name, path, (unsigned)info.register_bytes, (unsigned)accelerator->size_bytes);
    }
    memset(&request, 0, sizeof request);
    request.arena = ((const struct kernel_memory *)memory->context)->file;
    if (ioctl(file, FLUORITE_KERNEL_CLAIM, &request) == 0) {
        return FLUORITE_OK;
    }
    if (errno == EBUSY) {
        return fluorite_fail(error, FLUORITE_ERROR_BUSY, "%s: %s is already in use", accelerator->name, path);
    }
    return fluorite_fail(error, FLUORITE_ERROR_SYSTEM, "%s: %s: %s", accelerator->name, path,
                         errno == EXDEV    ? "behind an IOMMU, each accelerator needs an arena of its own"
                         : errno == ERANGE ? "the arena lies beyond its addresses"
                                           : strerror(errno));
}
