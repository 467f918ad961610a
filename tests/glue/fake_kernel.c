/* The kernel driver's side of /dev/fluorite-NAME, for files that are plain ones: what it answers, and a log of what it was
   asked. The access layer is compiled with -Dioctl=fake_ioctl, -Dwrite=fake_write and so on. */
#include "fluorite_kernel.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

struct fake_request {
    uint32_t command, handle, direction, for_cpu;
    int32_t file, argument;
    uint64_t offset, size;
};

struct {
    /* what it is like */
    uint32_t version, register_bytes, flags, piece; /* piece: whether imports are in one */
    uint64_t most, address, import_size, import_address;
    int32_t claim_errno, interrupts, poll_errno;
    /* what happened */
    uint32_t handles, count;
    struct fake_request log[256];
} fake_kernel;

int fake_ioctl(int file, unsigned long command, ...);
ssize_t fake_write(int file, const void *data, size_t size);
ssize_t fake_read(int file, void *data, size_t size);
int fake_poll(struct pollfd *files, nfds_t count, int milliseconds);

static struct fake_request *logged(int file, uint32_t command)
{
    struct fake_request *request = &fake_kernel.log[fake_kernel.count++ % 256];
    memset(request, 0, sizeof *request);
    request->file = file;
    request->command = command;
    return request;
}

static int refused(int code)
{
    errno = code;
    return -1;
}

int fake_ioctl(int file, unsigned long command, ...)
{
    struct fake_request *request = logged(file, (uint32_t)command & 0xff);
    va_list arguments;
    void *data;
    va_start(arguments, command);
    data = va_arg(arguments, void *);
    va_end(arguments);
    if (command == FLUORITE_KERNEL_INFO) {
        struct fluorite_kernel_info *info = data;
        info->version = fake_kernel.version;
        info->register_bytes = fake_kernel.register_bytes;
        info->address_bits = 32;
        info->flags = fake_kernel.flags;
    } else if (command == FLUORITE_KERNEL_ALLOC) {
        struct fluorite_kernel_arena *arena = data;
        request->size = arena->size;
        if (arena->size > fake_kernel.most) {
            return refused(ENOMEM);
        }
        arena->size = (arena->size + 4095) / 4096 * 4096;
        arena->device_address = fake_kernel.address;
    } else if (command == FLUORITE_KERNEL_IMPORT) {
        struct fluorite_kernel_import *import = data;
        request->argument = import->fd;
        if (!fake_kernel.piece) {
            return refused(EFBIG);
        }
        import->handle = ++fake_kernel.handles;
        import->size = fake_kernel.import_size;
        import->device_address = fake_kernel.import_address;
        request->handle = import->handle;
    } else if (command == FLUORITE_KERNEL_RELEASE) {
        request->handle = ((struct fluorite_kernel_release *)data)->handle;
    } else if (command == FLUORITE_KERNEL_SYNC) {
        const struct fluorite_kernel_sync *sync = data;
        request->handle = sync->handle;
        request->direction = sync->direction;
        request->for_cpu = sync->for_cpu;
        request->offset = sync->offset;
        request->size = sync->size;
    } else if (command == FLUORITE_KERNEL_CLAIM) {
        request->argument = ((struct fluorite_kernel_claim *)data)->arena;
        if (fake_kernel.claim_errno) {
            return refused(fake_kernel.claim_errno);
        }
    } else {
        return refused(ENOTTY);
    }
    return 0;
}

ssize_t fake_write(int file, const void *data, size_t size)
{
    struct fake_request *request = logged(file, 1);
    memcpy(&request->argument, data, size == 4 ? 4 : 0);
    return (ssize_t)size;
}

ssize_t fake_read(int file, void *data, size_t size)
{
    (void)logged(file, 2);
    memset(data, 0, size);
    return (ssize_t)size;
}

int fake_poll(struct pollfd *files, nfds_t count, int milliseconds)
{
    (void)milliseconds;
    (void)logged(files->fd, 3);
    if (fake_kernel.poll_errno) {
        return refused(fake_kernel.poll_errno);
    }
    return fake_kernel.interrupts-- > 0 ? (int)count : 0;
}
