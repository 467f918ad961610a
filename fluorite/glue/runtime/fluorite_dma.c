/* Memory on a board: u-dma-buf, or a dma-heap. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* flock, O_CLOEXEC; _GNU_SOURCE asks for a strtoull of newer C libraries */
#endif

#include "fluorite_sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- u-dma-buf ---------------------------------------------------------------------------------------------------- */

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
    if (fluorite_sysfs_number(path, &size) != FLUORITE_OK || size == 0) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA, "there is no u-dma-buf %s (%s)", name, path);
    }
    (void)sysfs_udmabuf(name, "phys_addr", path);
    if (fluorite_sysfs_number(path, physical) != FLUORITE_OK) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA, "%s cannot be read", path);
    }
    (void)sysfs_udmabuf(name, "dma_coherent", path);
    if (fluorite_sysfs_number(path, &coherent) != FLUORITE_OK || coherent == 0) {
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
    if (flock(dma->file, LOCK_EX | LOCK_NB) != 0) { /* two programs would give away the same memory */
        return fluorite_fail(error, FLUORITE_ERROR_BUSY, "%s is already in use", path);
    }
    return map_memory(dma, path, size, error);
}

/* --- dma-heap ----------------------------------------------------------------------------------------------------- */

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

/* --- either ------------------------------------------------------------------------------------------------------- */

int fluorite_io_memory(struct fluorite_memory *memory, const char *source, struct fluorite_error *error)
{
    static const char UDMABUF[] = "u-dma-buf:", HEAP[] = "dma-heap:", HUGE_PAGE[] = "hugepage:", KERNEL[] = "kernel:",
                      ZOCL[] = "zocl:";
    struct dma *dma;
    int code;
    if (source == NULL && (source = getenv("FLUORITE_ARENA")) == NULL) {
        source = fluorite_kernel_is_there() ? "kernel" : "u-dma-buf:udmabuf0";
    }
    if (strcmp(source, "kernel") == 0) {
        return fluorite_kernel_memory(memory, "", error);
    }
    if (strncmp(source, KERNEL, sizeof KERNEL - 1) == 0) {
        return fluorite_kernel_memory(memory, source + sizeof KERNEL - 1, error);
    }
    if (strncmp(source, HUGE_PAGE, sizeof HUGE_PAGE - 1) == 0) {
        return fluorite_hugepage_memory(memory, source + sizeof HUGE_PAGE - 1, error);
    }
    if (strncmp(source, ZOCL, sizeof ZOCL - 1) == 0) {
        return fluorite_zocl_memory(memory, source + sizeof ZOCL - 1, error);
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
                             "an arena must be kernel:BYTES, u-dma-buf:NAME, dma-heap:NAME:BYTES, hugepage:BYTES or "
                             "zocl:BYTES, not %s", source);
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
