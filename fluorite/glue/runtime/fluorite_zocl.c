/* Memory on a board whose image has AMD's XRT, as PYNQ's and Kria's have: a buffer of zocl, the kernel's driver behind
   it. Its render node is for all users (or for those in the group render), so this needs neither a module nor root.

   Numbers and structures are those of XRT's zynq_ioctl.h (not needed here) since it has DRM_ZOCL_GET_HOST_BO;
   older ones numbered them otherwise. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* O_CLOEXEC; _GNU_SOURCE asks for a strtoull of newer C libraries */
#endif
#define _FILE_OFFSET_BITS 64 /* buffers are mapped at offsets beyond 31 bits */

#include "fluorite_sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define NODE_PREFIX "renderD"
#define DRIVER_NAME "zocl"
#define CACHE_LINE 64u /* bytes */

struct drm_about { /* what every DRM driver says of itself; lengths are those of the texts' room, then of the texts */
    int version[3];
    size_t name_length;
    char *name;
    size_t date_length;
    char *date;
    size_t description_length;
    char *description;
};

struct drm_handle {
    uint32_t handle;
    uint32_t reserved;
};

struct zocl_create {
    uint64_t size;   /* in, rounded up to pages */
    uint32_t handle; /* out */
    uint32_t flags;  /* in: the memory bank in the low half */
};

struct zocl_map {
    uint32_t handle;
    uint32_t reserved;
    uint64_t offset; /* out: where in the node's file the buffer is to be mapped */
};

struct zocl_sync {
    uint32_t handle;
    uint32_t direction;
    uint64_t offset;
    uint64_t size;
};

struct zocl_about {
    uint32_t handle;
    uint32_t flags;
    uint64_t size;     /* out */
    uint64_t physical; /* out: of its first byte; the buffer is in one piece */
};

#define DRM_VERSION _IOWR('d', 0x00, struct drm_about)
#define DRM_CLOSE _IOW('d', 0x09, struct drm_handle)
#define ZOCL_CREATE _IOWR('d', 0x40, struct zocl_create)
#define ZOCL_MAP _IOWR('d', 0x43, struct zocl_map)
#define ZOCL_SYNC _IOWR('d', 0x44, struct zocl_sync)
#define ZOCL_ABOUT _IOWR('d', 0x45, struct zocl_about)

#define CACHEABLE ((uint32_t)1 << 24) /* mapped as cached memory */
enum { TO_DEVICE = 0, FROM_DEVICE = 1 };

struct zocl {
    int file;
    uint32_t handle; /* 0: no buffer yet */
    void *base;
    size_t size;
};

static void zocl_close(void *context)
{
    struct zocl *zocl = (struct zocl *)context;
    if (zocl->base != NULL) {
        (void)munmap(zocl->base, zocl->size);
    }
    if (zocl->handle != 0) {
        struct drm_handle request;
        request.handle = zocl->handle;
        request.reserved = 0;
        (void)ioctl(zocl->file, DRM_CLOSE, &request);
    }
    if (zocl->file >= 0) {
        (void)close(zocl->file);
    }
    free(zocl);
}

/* Before the hardware's access, lines are written back; before the CPU's, forgotten. Whole lines, since zocl's own
   rounding differs between kernels. */
static int zocl_sync(void *context, uint64_t offset, uint64_t size, enum fluorite_direction direction, int for_cpu)
{
    const struct zocl *zocl = (const struct zocl *)context;
    const uint64_t end = (offset + size + CACHE_LINE - 1) & ~(uint64_t)(CACHE_LINE - 1);
    struct zocl_sync request;
    (void)direction;
    request.handle = zocl->handle;
    request.direction = for_cpu ? FROM_DEVICE : TO_DEVICE;
    request.offset = offset & ~(uint64_t)(CACHE_LINE - 1);
    request.size = (end < zocl->size ? end : zocl->size) - request.offset;
    return ioctl(zocl->file, ZOCL_SYNC, &request) == 0 ? FLUORITE_OK : FLUORITE_ERROR_SYSTEM;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static int is_zocl(int file)
{
    char name[sizeof DRIVER_NAME + 1] = "";
    struct drm_about about;
    memset(&about, 0, sizeof about);
    about.name = name;
    about.name_length = sizeof name - 1;
    return ioctl(file, DRM_VERSION, &about) == 0 && strcmp(name, DRIVER_NAME) == 0;
}

/* The render node that is zocl's, open; negative if there is none. Displays and GPUs have such nodes, too. */
static int open_node(char *path, struct fluorite_error *error)
{
    DIR *folder = opendir(FLUORITE_DEV "/dri");
    const struct dirent *entry;
    char refused[PATH_BYTES] = "";
    int file = -1, code = 0;
    while (file < 0 && folder != NULL && (entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, NODE_PREFIX, sizeof NODE_PREFIX - 1) != 0) {
            continue;
        }
        (void)snprintf(path, PATH_BYTES, FLUORITE_DEV "/dri/%.60s", entry->d_name);
        file = open(path, O_RDWR | O_CLOEXEC);
        if (file < 0) {
            code = errno;
            (void)snprintf(refused, sizeof refused, "%s", path);
        } else if (!is_zocl(file)) {
            (void)close(file);
            file = -1;
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    if (file >= 0) {
        return file;
    }
    return *refused != '\0'
               ? fluorite_fail(error, FLUORITE_ERROR_NO_ARENA, "%s: %s%s", refused, strerror(code),
                               code == EACCES ? ": add the user to the group render, or be root" : "")
               : fluorite_fail(error, FLUORITE_ERROR_NO_ARENA,
                               "none of %s/dri/" NODE_PREFIX "* is zocl's: the image has no XRT, or its device tree "
                               "no node for zocl", FLUORITE_DEV);
}

static int make_buffer(struct zocl *zocl, const char *path, uint64_t size, uint64_t *physical,
                       struct fluorite_error *error)
{
    struct zocl_create create;
    struct zocl_about about;
    struct zocl_map map;
    memset(&create, 0, sizeof create);
    memset(&about, 0, sizeof about);
    memset(&map, 0, sizeof map);
    create.size = size;
    create.flags = CACHEABLE;
    if (ioctl(zocl->file, ZOCL_CREATE, &create) != 0) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA, "%s: %llu bytes of DMA memory: %s", path,
                             (unsigned long long)size, strerror(errno));
    }
    zocl->handle = about.handle = map.handle = create.handle;
    if (ioctl(zocl->file, ZOCL_ABOUT, &about) != 0 || ioctl(zocl->file, ZOCL_MAP, &map) != 0) {
        return fluorite_fail(error, FLUORITE_ERROR_SYSTEM, "%s: %s", path, strerror(errno));
    }
    if (about.physical == 0) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA,
                             "%s: its memory has no physical address (it is behind an IOMMU)", path);
    }
    if (about.size < size) {
        fluorite_less_memory(error, path, about.size, size);
        size = about.size;
    }
    zocl->base = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, zocl->file, (off_t)map.offset);
    if (zocl->base == MAP_FAILED) {
        zocl->base = NULL;
        return fluorite_fail(error, FLUORITE_ERROR_SYSTEM, "mmap of %s: %s", path, strerror(errno));
    }
    zocl->size = (size_t)size;
    *physical = about.physical;
    return FLUORITE_OK;
}

int fluorite_zocl_memory(struct fluorite_memory *memory, const char *size_text, struct fluorite_error *error)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    char *end, path[PATH_BYTES];
    const uint64_t size = strtoull(size_text, &end, 0);
    struct zocl *made;
    int code;
    if (size == 0 || size > SIZE_MAX - page || *end != '\0') {
        return fluorite_fail(error, FLUORITE_ERROR_ARGUMENT, "an arena must be zocl:BYTES, not zocl:%s", size_text);
    }
    made = (struct zocl *)calloc(1, sizeof *made);
    if (made == NULL) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_MEMORY, "no memory for an arena's state");
    }
    code = made->file = open_node(path, error);
    if (code >= 0) {
        code = make_buffer(made, path, (size + page - 1) / page * page, &memory->physical, error);
    }
    if (code != FLUORITE_OK) {
        zocl_close(made);
        return code;
    }
    memory->base = (unsigned char *)made->base;
    memory->size = made->size;
    memory->context = made;
    memory->sync = zocl_sync;
    memory->close = zocl_close;
    return FLUORITE_OK;
}
