/* The access layer on a board: registers and interrupt through UIO, or fluorite's own kernel driver. fluorite_dma.c has
   the memory. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* flock, O_CLOEXEC; _GNU_SOURCE asks for a strtoull of newer C libraries */
#endif

#include "fluorite_sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

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
        if (fluorite_sysfs_line(path, name, sizeof name) == FLUORITE_OK && strcmp(name, wanted) == 0) {
            found = number;
        }
    }
    (void)closedir(folder);
    return found;
}

/* Whether the kernel has a device of a name, ADDRESS.NAME, whether or not a driver took it. */
static int is_in_tree(const char *name)
{
    DIR *folder = opendir(FLUORITE_SYS "/bus/platform/devices");
    const struct dirent *entry;
    int found = 0;
    if (folder == NULL) {
        return 0;
    }
    while (!found && (entry = readdir(folder)) != NULL) {
        const char *dot = strchr(entry->d_name, '.');
        found = dot != NULL && strcmp(dot + 1, name) == 0;
    }
    (void)closedir(folder);
    return found;
}

static int cannot_open(const struct fluorite_accelerator *accelerator, const char *path, struct fluorite_error *error)
{
    return fluorite_fail(error, FLUORITE_ERROR_SYSTEM, "%s: %s: %s", accelerator->name, path, strerror(errno));
}

static int open_uio(struct uio *uio, const struct fluorite_accelerator *accelerator, char *path,
                    struct fluorite_error *error)
{
    const int number = find_uio(accelerator->uio_name);
    uint64_t size = 0;
    if (number < 0 && is_in_tree(accelerator->uio_name)) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_DEVICE,
                             "%s: the device tree overlay is loaded, but no driver took %s: dmesg says why (an "
                             "interrupt that is taken, a module that is not there)", accelerator->name,
                             accelerator->uio_name);
    }
    if (number < 0) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_DEVICE,
                             "%s: no UIO device is named %s: is the device tree overlay loaded?", accelerator->name,
                             accelerator->uio_name);
    }
    (void)snprintf(path, PATH_BYTES, FLUORITE_SYS "/class/uio/uio%d/maps/map0/size", number);
    if (fluorite_sysfs_number(path, &size) != FLUORITE_OK || size < accelerator->size_bytes) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_DEVICE,
                             "%s: uio%d maps %llu bytes of registers, the accelerator has %u: correct the device "
                             "tree's reg", accelerator->name, number, (unsigned long long)size,
                             (unsigned)accelerator->size_bytes);
    }
    (void)snprintf(path, PATH_BYTES, FLUORITE_DEV "/uio%d", number);
    uio->file = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (uio->file < 0) {
        return cannot_open(accelerator, path, error);
    }
    if (flock(uio->file, LOCK_EX | LOCK_NB) != 0) {
        return fluorite_fail(error, FLUORITE_ERROR_BUSY, "%s: %s is already in use", accelerator->name, path);
    }
    return FLUORITE_OK;
}

/* Through fluorite's kernel driver if it has the accelerator, else through UIO: their files work the same way. */
static int open_either(struct uio *uio, const struct fluorite_accelerator *accelerator, char *path,
                       struct fluorite_error *error)
{
    (void)snprintf(path, PATH_BYTES, FLUORITE_DEV "/fluorite-%s", accelerator->uio_name);
    uio->file = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (uio->file >= 0) {
        return fluorite_kernel_claim(uio->file, path, accelerator, uio->memory, error);
    }
    return errno == ENOENT ? open_uio(uio, accelerator, path, error) : cannot_open(accelerator, path, error);
}

static int open_registers(struct uio *uio, const struct fluorite_accelerator *accelerator, struct fluorite_error *error)
{
    char path[PATH_BYTES];
    void *mapped;
    const int code = open_either(uio, accelerator, path, error);
    if (code != FLUORITE_OK) {
        return code;
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
    const uint32_t unmask = 1;
    struct uio *uio = (struct uio *)calloc(1, sizeof *uio);
    int code;
    if (uio == NULL) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_MEMORY, "%s: no memory for its state", accelerator->name);
    }
    uio->file = -1;
    uio->memory = memory;
    code = open_registers(uio, accelerator, error);
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
