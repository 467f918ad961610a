/* The access layer on a board: registers and interrupt through UIO, memory through u-dma-buf or a dma-heap. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* flock, O_CLOEXEC; g++ defines it itself */
#endif

#include "fluorite_runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifndef FLUORITE_SYS
#define FLUORITE_SYS "/sys" /* tests put a folder of their own here */
#endif
#ifndef FLUORITE_DEV
#define FLUORITE_DEV "/dev"
#endif
#ifndef FLUORITE_PAGEMAP
#define FLUORITE_PAGEMAP "/proc/self/pagemap"
#endif

#define PATH_BYTES 320

/* --- small files -------------------------------------------------------------------------------------------------------- */

/* The first line of a file of sysfs, without its end. */
static int read_line(const char *path, char *line, size_t size)
{
    ssize_t got;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return FLUORITE_ERROR_SYSTEM;
    }
    got = read(file, line, size - 1);
    (void)close(file);
    if (got < 0) {
        return FLUORITE_ERROR_SYSTEM;
    }
    line[got] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return FLUORITE_OK;
}

static int read_number(const char *path, uint64_t *value)
{
    char line[64], *end;
    if (read_line(path, line, sizeof line) != FLUORITE_OK) {
        return FLUORITE_ERROR_SYSTEM;
    }
    errno = 0;
    *value = strtoull(line, &end, 0);
    return errno == 0 && end != line ? FLUORITE_OK : FLUORITE_ERROR_SYSTEM;
}

/* --- the accelerator ---------------------------------------------------------------------------------------------------- */

struct uio {
    int file;
    volatile uint32_t *registers;
    size_t size;
    struct fluorite_memory *memory;
};

static int uio_read(void *context, uint32_t offset, uint32_t *value)
{
    *value = ((struct uio *)context)->registers[offset / 4];
    return FLUORITE_OK;
}

static int uio_write(void *context, uint32_t offset, uint32_t value)
{
    ((struct uio *)context)->registers[offset / 4] = value;
    return FLUORITE_OK;
}

static int uio_sleep(void *context, int milliseconds)
{
    struct timespec time;
    (void)context;
    time.tv_sec = milliseconds / 1000;
    time.tv_nsec = (milliseconds % 1000) * 1000000L;
    (void)nanosleep(&time, NULL);
    return 0;
}

/* The kernel masks the interrupt when it comes; writing 1 unmasks it. It is a level: if it came in between, it comes
   again at once. */
static int uio_wait(void *context, int milliseconds)
{
    const int file = ((struct uio *)context)->file;
    const uint32_t unmask = 1;
    uint32_t count = 0;
    struct pollfd events;
    int ready;
    if (write(file, &unmask, sizeof unmask) != (ssize_t)sizeof unmask) {
        return FLUORITE_ERROR_SYSTEM;
    }
    events.fd = file;
    events.events = POLLIN;
    events.revents = 0;
    ready = poll(&events, 1, milliseconds);
    if (ready < 0) {
        return errno == EINTR ? 1 : FLUORITE_ERROR_SYSTEM; /* a signal: look at the registers */
    }
    if (ready == 0) {
        return 0;
    }
    if (read(file, &count, sizeof count) < 0 && errno != EAGAIN) {
        return FLUORITE_ERROR_SYSTEM;
    }
    return 1;
}

static int uio_sync_for_device(void *context, uint64_t offset, uint64_t size, enum fluorite_direction direction)
{
    const struct fluorite_memory *memory = ((struct uio *)context)->memory;
    return memory->sync(memory->context, offset, size, direction, 0);
}

static int uio_sync_for_cpu(void *context, uint64_t offset, uint64_t size, enum fluorite_direction direction)
{
    const struct fluorite_memory *memory = ((struct uio *)context)->memory;
    return memory->sync(memory->context, offset, size, direction, 1);
}

static void uio_close(void *context)
{
    struct uio *uio = (struct uio *)context;
    if (uio->registers != NULL) {
        (void)munmap((void *)(uintptr_t)uio->registers, uio->size);
    }
    if (uio->file >= 0) {
        (void)close(uio->file);
    }
    free(uio);
}

/* The number of the UIO device of a name; negative if there is none. */
static int find_uio(const char *wanted)
{
    DIR *folder = opendir(FLUORITE_SYS "/class/uio");
    const struct dirent *entry;
    int found = -1;
    if (folder == NULL) {
        return -1;
    }
    while (found < 0 && (entry = readdir(folder)) != NULL) {
        char path[PATH_BYTES], name[128];
        int number = -1;
        if (sscanf(entry->d_name, "uio%d", &number) != 1) {
            continue;
        }
        (void)snprintf(path, sizeof path, FLUORITE_SYS "/class/uio/uio%d/name", number);
        if (read_line(path, name, sizeof name) == FLUORITE_OK && strcmp(name, wanted) == 0) {
            found = number;
        }
    }
    (void)closedir(folder);
    return found;
}

static int map_registers(struct uio *uio, const struct fluorite_accelerator *accelerator, int number,
                         struct fluorite_error *error)
{
    char path[PATH_BYTES];
    uint64_t size = 0;
    void *mapped;
    (void)snprintf(path, sizeof path, FLUORITE_SYS "/class/uio/uio%d/maps/map0/size", number);
    if (read_number(path, &size) != FLUORITE_OK || size < accelerator->size_bytes) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_DEVICE,
                             "%s: uio%d maps %llu bytes of registers, the accelerator has %u: correct the device tree's "
                             "reg", accelerator->name, number, (unsigned long long)size,
                             (unsigned)accelerator->size_bytes);
    }
    (void)snprintf(path, sizeof path, FLUORITE_DEV "/uio%d", number);
    uio->file = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (uio->file < 0) {
        return fluorite_fail(error, FLUORITE_ERROR_SYSTEM, "%s: %s: %s", accelerator->name, path, strerror(errno));
    }
    if (flock(uio->file, LOCK_EX | LOCK_NB) != 0) {
        return fluorite_fail(error, FLUORITE_ERROR_BUSY, "%s: %s is already in use", accelerator->name, path);
    }
    uio->size = accelerator->size_bytes;
    mapped = mmap(NULL, uio->size, PROT_READ | PROT_WRITE, MAP_SHARED, uio->file, 0);
    if (mapped == MAP_FAILED) {
        return fluorite_fail(error, FLUORITE_ERROR_SYSTEM, "%s: mmap of %s: %s", accelerator->name, path,
                             strerror(errno));
    }
    uio->registers = (volatile uint32_t *)mapped;
    return FLUORITE_OK;
}

int fluorite_io_open(struct fluorite_io *io, const struct fluorite_accelerator *accelerator,
                     struct fluorite_memory *memory, struct fluorite_error *error)
{
    const int number = find_uio(accelerator->uio_name);
    const uint32_t unmask = 1;
    struct uio *uio;
    int code;
    if (number < 0) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_DEVICE,
                             "%s: no UIO device is named %s: is the device tree overlay loaded?", accelerator->name,
                             accelerator->uio_name);
    }
    uio = (struct uio *)calloc(1, sizeof *uio);
    if (uio == NULL) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_MEMORY, "%s: no memory for its state", accelerator->name);
    }
    uio->file = -1;
    uio->memory = memory;
    code = map_registers(uio, accelerator, number, error);
    if (code != FLUORITE_OK) {
        uio_close(uio);
        return code;
    }
    io->context = uio;
    io->has_interrupt = write(uio->file, &unmask, sizeof unmask) == (ssize_t)sizeof unmask;
    io->read = uio_read;
    io->write = uio_write;
    io->wait = io->has_interrupt ? uio_wait : uio_sleep;
    io->sync_for_device = uio_sync_for_device;
    io->sync_for_cpu = uio_sync_for_cpu;
    io->close = uio_close;
    return FLUORITE_OK;
}

/* --- memory: u-dma-buf ----------------------------------------------------------------------------------------------- */

struct dma {
    int file;
    int sync_for_cpu, sync_for_device; /* sysfs files of u-dma-buf; -1: the memory is coherent */
    void *base;
    size_t size;
};

static void dma_close(void *context)
{
    struct dma *dma = (struct dma *)context;
    const int files[] = {dma->file, dma->sync_for_cpu, dma->sync_for_device};
    size_t i;
    if (dma->base != NULL) {
        (void)munmap(dma->base, dma->size);
    }
    for (i = 0; i < sizeof files / sizeof files[0]; ++i) {
        if (files[i] >= 0) {
            (void)close(files[i]);
        }
    }
    free(dma);
}

static struct dma *dma_new(void)
{
    struct dma *dma = (struct dma *)calloc(1, sizeof *dma);
    if (dma != NULL) {
        dma->file = dma->sync_for_cpu = dma->sync_for_device = -1;
    }
    return dma;
}

/* One write says all: offset << 32 | size | direction << 2 | go. So threads cannot get in each other's way. The low
   four bits of the size are not expressed: whole cache lines are synced. */
static int udmabuf_sync(void *context, uint64_t offset, uint64_t size, enum fluorite_direction direction, int for_cpu)
{
    const struct dma *dma = (const struct dma *)context;
    const int file = for_cpu ? dma->sync_for_cpu : dma->sync_for_device;
    const uint64_t first = offset & ~(uint64_t)63;
    const uint64_t end = (offset + size + 63) & ~(uint64_t)63;
    char text[40];
    int length;
    if (file < 0) {
        return FLUORITE_OK;
    }
    length = snprintf(text, sizeof text, "0x%08lX%08lX\n", (unsigned long)first,
                      (unsigned long)((end - first) | (uint64_t)direction << 2 | 1));
    return pwrite(file, text, (size_t)length, 0) == (ssize_t)length ? FLUORITE_OK : FLUORITE_ERROR_SYSTEM;
}

static int map_memory(struct dma *dma, const char *path, uint64_t size, struct fluorite_error *error)
{
    void *base = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, dma->file, 0);
    if (base == MAP_FAILED) {
        return fluorite_fail(error, FLUORITE_ERROR_SYSTEM, "mmap of %s: %s", path, strerror(errno));
    }
    dma->base = base;
    dma->size = (size_t)size;
    return FLUORITE_OK;
}

static int sysfs_udmabuf(const char *name, const char *file, char *path)
{
    return snprintf(path, PATH_BYTES, FLUORITE_SYS "/class/u-dma-buf/%s/%s", name, file);
}

static int open_udmabuf(struct dma *dma, const char *name, uint64_t *physical, struct fluorite_error *error)
{
    char path[PATH_BYTES];
    uint64_t size = 0, coherent = 0;
    (void)sysfs_udmabuf(name, "size", path);
    if (read_number(path, &size) != FLUORITE_OK || size == 0) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA, "there is no u-dma-buf %s (%s)", name, path);
    }
    (void)sysfs_udmabuf(name, "phys_addr", path);
    if (read_number(path, physical) != FLUORITE_OK) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA, "%s cannot be read", path);
    }
    (void)sysfs_udmabuf(name, "dma_coherent", path);
    if (read_number(path, &coherent) != FLUORITE_OK || coherent == 0) {
        (void)sysfs_udmabuf(name, "sync_for_cpu", path);
        dma->sync_for_cpu = open(path, O_WRONLY | O_CLOEXEC);
        (void)sysfs_udmabuf(name, "sync_for_device", path);
        dma->sync_for_device = open(path, O_WRONLY | O_CLOEXEC);
        if (dma->sync_for_cpu < 0 || dma->sync_for_device < 0) {
            return fluorite_fail(error, FLUORITE_ERROR_SYSTEM, "%s: %s: caches cannot be maintained", path,
                                 strerror(errno));
        }
    }
    (void)snprintf(path, sizeof path, FLUORITE_DEV "/%s", name);
    dma->file = open(path, O_RDWR | O_CLOEXEC); /* without O_SYNC: cached */
    if (dma->file < 0) {
        return fluorite_fail(error, FLUORITE_ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    }
    return map_memory(dma, path, size, error);
}

/* --- memory: dma-heap ------------------------------------------------------------------------------------------------ */

struct heap_allocation { /* of <linux/dma-heap.h>, which not every sysroot has */
    uint64_t size;
    uint32_t file;
    uint32_t file_flags;
    uint64_t heap_flags;
};
#define HEAP_ALLOCATE _IOWR('H', 0, struct heap_allocation)

/* Physical address of the pages, which must be neighbours. */
static int physical_address(const struct dma *dma, uint64_t *physical, struct fluorite_error *error)
{
    const uint64_t frame_mask = ((uint64_t)1 << 55) - 1, present = (uint64_t)1 << 63;
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    const int file = open(FLUORITE_PAGEMAP, O_RDONLY | O_CLOEXEC);
    uint64_t offset, first = 0;
    int found = file >= 0;
    for (offset = 0; found && offset < dma->size; offset += page) {
        volatile unsigned char *touched = (volatile unsigned char *)dma->base + offset;
        uint64_t entry = 0;
        *touched = 0; /* so that it is mapped */
        found = pread(file, &entry, sizeof entry, (off_t)((uint64_t)(uintptr_t)touched / page * sizeof entry)) ==
                    (ssize_t)sizeof entry &&
                (entry & present) != 0 && (entry & frame_mask) != 0;
        if (offset == 0) {
            first = (entry & frame_mask) * page;
        }
        found = found && (entry & frame_mask) * page == first + offset;
    }
    if (file >= 0) {
        (void)close(file);
    }
    *physical = first;
    return found ? FLUORITE_OK
                 : fluorite_fail(error, FLUORITE_ERROR_NO_ARENA,
                                 "the physical address of the dma-heap's memory cannot be learnt (not root?), or it is "
                                 "not in one piece");
}

static int open_heap(struct dma *dma, const char *spec, uint64_t *physical, struct fluorite_error *error)
{
    char path[PATH_BYTES];
    const char *colon = strrchr(spec, ':');
    struct heap_allocation allocation;
    int heap, code;
    memset(&allocation, 0, sizeof allocation);
    allocation.size = colon != NULL ? strtoull(colon + 1, NULL, 0) : 0;
    if (allocation.size == 0) {
        return fluorite_fail(error, FLUORITE_ERROR_ARGUMENT, "an arena must be dma-heap:NAME:BYTES, not dma-heap:%s",
                             spec);
    }
    (void)snprintf(path, sizeof path, FLUORITE_DEV "/dma_heap/%.*s", (int)(colon - spec), spec);
    heap = open(path, O_RDONLY | O_CLOEXEC);
    if (heap < 0) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA, "%s: %s", path, strerror(errno));
    }
    allocation.file_flags = O_RDWR | O_CLOEXEC;
    code = ioctl(heap, HEAP_ALLOCATE, &allocation);
    (void)close(heap);
    if (code < 0) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA, "%s: %llu bytes: %s", path,
                             (unsigned long long)allocation.size, strerror(errno));
    }
    dma->file = (int)allocation.file;
    code = map_memory(dma, path, allocation.size, error);
    return code != FLUORITE_OK ? code : physical_address(dma, physical, error);
}

/* --- memory: either -------------------------------------------------------------------------------------------------- */

int fluorite_io_memory(struct fluorite_memory *memory, const char *source, struct fluorite_error *error)
{
    static const char UDMABUF[] = "u-dma-buf:", HEAP[] = "dma-heap:";
    struct dma *dma;
    int code;
    if (source == NULL && (source = getenv("FLUORITE_ARENA")) == NULL) {
        source = "u-dma-buf:udmabuf0";
    }
    if ((dma = dma_new()) == NULL) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_MEMORY, "no memory for an arena's state");
    }
    if (strncmp(source, UDMABUF, sizeof UDMABUF - 1) == 0) {
        code = open_udmabuf(dma, source + sizeof UDMABUF - 1, &memory->physical, error);
    } else if (strncmp(source, HEAP, sizeof HEAP - 1) == 0) {
        code = open_heap(dma, source + sizeof HEAP - 1, &memory->physical, error);
    } else {
        code = fluorite_fail(error, FLUORITE_ERROR_ARGUMENT,
                             "an arena must be u-dma-buf:NAME or dma-heap:NAME:BYTES, not %s", source);
    }
    if (code != FLUORITE_OK) {
        dma_close(dma);
        return code;
    }
    memory->base = (unsigned char *)dma->base;
    memory->size = dma->size;
    memory->context = dma;
    memory->sync = udmabuf_sync;
    memory->close = dma_close;
    return FLUORITE_OK;
}
