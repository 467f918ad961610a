/* zocl's side of a render node, for files that are plain ones: what it answers, and a log of what it was asked. Written
   from the interface's description and not from the access layer's structures: requests are bytes here, of the size
   that their numbers say. The access layer is compiled with -Dioctl=fake_zocl_ioctl. */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#ifndef FAKE_GIVEN
#define FAKE_GIVEN 0 /* what it gives until it is told otherwise */
#endif

struct fake_zocl_request {
    uint64_t command, handle, direction, offset, size, flags;
};

struct {
    /* what it is like */
    char name[16]; /* the driver's, of every node */
    uint64_t most, physical, offset, given; /* given: bytes of a buffer; 0: what was asked for */
    int32_t create_errno, about_errno, sync_errno, reserved;
    /* what happened */
    uint64_t count;
    struct fake_zocl_request log[64];
} fake_zocl = {.name = "zocl", .most = 1 << 20, .physical = 0x170000000, .given = FAKE_GIVEN};

static uint64_t asked; /* bytes of the last buffer */

int fake_zocl_ioctl(int file, unsigned long command, ...);

static int refused(int code)
{
    errno = code;
    return -1;
}

/* What every DRM driver says: three numbers, then lengths and pointers of texts. */
static int tell_name(unsigned char *data)
{
    const size_t length_at = sizeof(void *) == 8 ? 16 : 12;
    size_t room;
    char *name;
    memcpy(&room, data + length_at, sizeof room);
    memcpy(&name, data + length_at + sizeof room, sizeof name);
    if (name != NULL) {
        const size_t length = strlen(fake_zocl.name);
        memcpy(name, fake_zocl.name, length < room ? length : room);
    }
    room = strlen(fake_zocl.name);
    memcpy(data + length_at, &room, sizeof room);
    return 0;
}

static uint64_t number(const unsigned char *data, size_t bytes)
{
    uint64_t value = 0;
    memcpy(&value, data, bytes);
    return value;
}

int fake_zocl_ioctl(int file, unsigned long command, ...)
{
    struct fake_zocl_request *request = &fake_zocl.log[fake_zocl.count++ % 64];
    const uint32_t handle = 7;
    va_list arguments;
    unsigned char *data;
    va_start(arguments, command);
    data = va_arg(arguments, unsigned char *);
    va_end(arguments);
    (void)file;
    memset(request, 0, sizeof *request);
    request->command = command & 0xffffffffu;
    switch (command & 0xffffffffu) {
    case 0xc0106440u: /* create: size, handle, flags */
        request->size = asked = number(data, 8);
        request->flags = number(data + 12, 4);
        if (fake_zocl.create_errno || asked > fake_zocl.most) {
            return refused(fake_zocl.create_errno ? fake_zocl.create_errno : ENOMEM);
        }
        memcpy(data + 8, &handle, 4);
        return 0;
    case 0xc0106443u: /* map: handle, nothing, offset */
        request->handle = number(data, 4);
        memcpy(data + 8, &fake_zocl.offset, 8);
        return 0;
    case 0xc0186444u: /* sync: handle, direction, offset, size */
        request->handle = number(data, 4);
        request->direction = number(data + 4, 4);
        request->offset = number(data + 8, 8);
        request->size = number(data + 16, 8);
        return fake_zocl.sync_errno ? refused(fake_zocl.sync_errno) : 0;
    case 0xc0186445u: /* about: handle, flags, size, physical address */
        request->handle = number(data, 4);
        memcpy(data + 8, fake_zocl.given ? &fake_zocl.given : &asked, 8);
        memcpy(data + 16, &fake_zocl.physical, 8);
        return fake_zocl.about_errno ? refused(fake_zocl.about_errno) : 0;
    case 0x40086409u: /* close: handle, nothing */
        request->handle = number(data, 4);
        return 0;
    default:
        return (command & 0xffu) == 0 ? tell_name(data) : refused(ENOTTY);
    }
}
