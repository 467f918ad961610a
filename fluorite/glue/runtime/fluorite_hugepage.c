/* Memory on a board without any module for it: one huge page, which is in one piece. For kernels as distributions
   build them, which have neither u-dma-buf nor dma-heaps. The page is cached memory of this process, and the caches
   are maintained by instructions that 64-bit ARM allows programs (Linux does not trap them); 32-bit ARM does not.
   Linux does not move huge pages of this kind by itself: it compacts memory around them. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* MAP_HUGETLB, O_CLOEXEC; _GNU_SOURCE asks for a strtoull of newer C libraries */
#endif

#include "fluorite_sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_SIZE_SHIFT 26 /* MAP_HUGE_SHIFT of <linux/mman.h>: log2 of the size goes there */

#if defined(__aarch64__)
enum { MAINTAINED = 1 };

/* Writes back and forgets: what the CPU wrote goes to memory, and the next look sees what the hardware wrote. */
static void clean_and_invalidate(uintptr_t first, uintptr_t end)
{
    uint64_t type; /* of the caches; the smallest line among them */
    uintptr_t line, at;
    __asm__ volatile("mrs %0, ctr_el0" : "=r"(type));
    line = (uintptr_t)4 << (type >> 16 & 15);
    for (at = first & ~(line - 1); at < end; at += line) {
        __asm__ volatile("dc civac, %0" : : "r"(at) : "memory");
    }
    __asm__ volatile("dsb sy" : : : "memory");
}
#else
enum { MAINTAINED = 0 };

static void clean_and_invalidate(uintptr_t first, uintptr_t end)
{
    (void)first;
    (void)end;
}
#endif

static int hugepage_sync(void *context, uint64_t offset, uint64_t size, enum fluorite_direction direction, int for_cpu)
{
    const struct fluorite_memory *memory = (const struct fluorite_memory *)context;
    const uintptr_t first = (uintptr_t)memory->base + (uintptr_t)offset;
    (void)direction;
    (void)for_cpu;
    clean_and_invalidate(first, first + (uintptr_t)size);
    return FLUORITE_OK;
}

static void hugepage_close(void *context)
{
    struct fluorite_memory *memory = (struct fluorite_memory *)context;
    (void)munmap(memory->base, memory->size);
    free(memory);
}

/* Where the page that holds a byte is; 0 if this process may not know. */
static uint64_t physical_address(const void *byte)
{
    const uint64_t frame_mask = ((uint64_t)1 << 55) - 1, present = (uint64_t)1 << 63;
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    const off_t at = (off_t)((uint64_t)(uintptr_t)byte / page * sizeof(uint64_t));
    const int file = open(FLUORITE_PAGEMAP, O_RDONLY | O_CLOEXEC);
    uint64_t entry = 0;
    if (file < 0) {
        return 0;
    }
    if (pread(file, &entry, sizeof entry, at) != (ssize_t)sizeof entry || (entry & present) == 0) {
        entry = 0;
    }
    (void)close(file);
    return (entry & frame_mask) * page;
}

int fluorite_hugepage_memory(struct fluorite_memory *memory, const char *size_text, struct fluorite_error *error)
{
    char *end;
    const uint64_t size = strtoull(size_text, &end, 0);
    struct fluorite_memory *context;
    int log2 = 0;
    void *base;
    if (size < 65536 || (size & (size - 1)) != 0 || *end != '\0') {
        return fluorite_fail(error, FLUORITE_ERROR_ARGUMENT,
                             "an arena must be hugepage:BYTES, the size of a huge page, not hugepage:%s", size_text);
    }
    if (!MAINTAINED) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA,
                             "hugepage:%s: only 64-bit ARM lets programs maintain the caches", size_text);
    }
    while ((uint64_t)1 << log2 < size) {
        ++log2;
    }
    base = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | log2 << PAGE_SIZE_SHIFT, -1, 0);
    if (base == MAP_FAILED) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA,
                             "hugepage:%s: %s: write 1 to /sys/kernel/mm/hugepages/hugepages-%llukB/nr_hugepages",
                             size_text, strerror(errno), (unsigned long long)(size >> 10));
    }
    memset(base, 0, 1); /* so that it is mapped */
    context = (struct fluorite_memory *)malloc(sizeof *context);
    memory->physical = physical_address(base);
    if (context == NULL || memory->physical == 0) {
        (void)munmap(base, (size_t)size);
        free(context);
        return fluorite_fail(error, FLUORITE_ERROR_NO_ARENA,
                             "hugepage:%s: its physical address cannot be learnt (not root?)", size_text);
    }
    memory->base = (unsigned char *)base;
    memory->size = (size_t)size;
    memory->sync = hugepage_sync;
    memory->close = hugepage_close;
    memory->context = context;
    *context = *memory;
    return FLUORITE_OK;
}
