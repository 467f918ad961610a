/* What the driver refuses; buffers of others. */
#define _GNU_SOURCE

#include "exercise.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int map_at(int file, size_t size, int flags, off_t offset)
{
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, file, offset);
    if (mapped == MAP_FAILED) {
        return -1;
    }
    return munmap(mapped, size);
}

/* --- what is refused ---------------------------------------------------------------------------------------------- */

void refusals(void)
{
    const int arena = opened(), file = opened(), other = opened(), elsewhere = open("/dev/null", O_RDWR);
    struct fluorite_kernel_sync sync = {0, 1, 0, 0, 0, 4096};
    struct fluorite_kernel_import import = {elsewhere, 0, 0, 0};
    struct fluorite_kernel_release release = {5, 0};
    struct fluorite_kernel_arena large = {(uint64_t)1 << 30, 0};
    struct fluorite_kernel_info info;
    struct pollfd events = {0, POLLIN, 0};
    uint32_t word = 1;
    CHECK(request(file, FLUORITE_KERNEL_INFO, &info) == 0);
    CHECK(info.version == FLUORITE_KERNEL_VERSION && info.register_bytes == 0x10000 && info.address_bits == 32);
    CHECK(info.flags == FLUORITE_KERNEL_INTERRUPT);
    /* Neither arena nor claimed. */
    REFUSES(EACCES, map_at(file, 4096, MAP_SHARED, 0));
    REFUSES(EINVAL, map_at(file, 4096, MAP_SHARED, FLUORITE_KERNEL_ARENA_OFFSET));
    REFUSES(EACCES, (int)read(file, &word, 4));
    REFUSES(EACCES, (int)write(file, &word, 4));
    events.fd = file;
    CHECK(poll(&events, 1, 0) == 1 && events.revents == POLLERR);
    REFUSES(EINVAL, request(file, FLUORITE_KERNEL_SYNC, &sync));
    REFUSES(EINVAL, request(file, FLUORITE_KERNEL_IMPORT, &import));
    REFUSES(ENOENT, request(file, FLUORITE_KERNEL_RELEASE, &release));
    REFUSES(ENOTTY, request(file, _IO('F', 0x7f), NULL));
    REFUSES(ENOTTY, request(file, _IOW('G', 0x61, int), &word));
    REFUSES(EFAULT, request(file, FLUORITE_KERNEL_ALLOC, (void *)8));
    REFUSES(EINVAL, arena_of(file, 0));
    REFUSES(EINVAL, arena_of(file, ~(uint64_t)0));
    REFUSES(ENOMEM, request(file, FLUORITE_KERNEL_ALLOC, &large));
    REFUSES(EBADF, claim_on(file, 999));
    REFUSES(EINVAL, claim_on(file, elsewhere));
    REFUSES(EINVAL, claim_on(file, file));
    REFUSES(EINVAL, claim_on(file, other)); /* not an arena */
    /* The arena. */
    CHECK(arena_of(arena, 2 * MIB) == 0);
    REFUSES(EBUSY, arena_of(arena, 4096));
    REFUSES(EINVAL, claim_on(arena, arena));
    REFUSES(EINVAL, map_at(arena, 2 * MIB + 4096, MAP_SHARED, FLUORITE_KERNEL_ARENA_OFFSET));
    REFUSES(EINVAL, map_at(arena, 4096, MAP_PRIVATE, FLUORITE_KERNEL_ARENA_OFFSET));
    REFUSES(EINVAL, map_at(arena, 4096, MAP_SHARED, FLUORITE_KERNEL_ARENA_OFFSET + 4096));
    CHECK(map_at(arena, 2 * MIB, MAP_SHARED, FLUORITE_KERNEL_ARENA_OFFSET) == 0);
    CHECK(request(arena, FLUORITE_KERNEL_SYNC, &sync) == 0);
    sync.offset = 2 * MIB - 4095;
    REFUSES(EINVAL, request(arena, FLUORITE_KERNEL_SYNC, &sync));
    sync.offset = ~(uint64_t)0 - 100;
    REFUSES(EINVAL, request(arena, FLUORITE_KERNEL_SYNC, &sync));
    sync.offset = 0;
    sync.direction = 3;
    REFUSES(EINVAL, request(arena, FLUORITE_KERNEL_SYNC, &sync));
    sync.direction = 0;
    sync.handle = 3;
    REFUSES(ENOENT, request(arena, FLUORITE_KERNEL_SYNC, &sync));
    REFUSES(EINVAL, request(arena, FLUORITE_KERNEL_IMPORT, &import)); /* no dma-buf */
    /* The accelerator: one claims, and keeps the arena when that is closed. */
    CHECK(claim_on(file, arena) == 0);
    REFUSES(EBUSY, claim_on(other, arena));
    REFUSES(EINVAL, claim_on(file, arena));
    REFUSES(EBUSY, arena_of(file, 4096));
    REFUSES(EINVAL, claim_on(other, file)); /* claims, so no arena */
    CHECK(map_at(file, 0x10000, MAP_SHARED, 0) == 0);
    REFUSES(EINVAL, map_at(file, 0x11000, MAP_SHARED, 0));
    REFUSES(EINVAL, (int)read(file, &word, 3));
    REFUSES(EINVAL, (int)write(file, &word, 3));
    word = 2;
    REFUSES(EINVAL, (int)write(file, &word, 4));
    CHECK(fcntl(file, F_SETFL, O_NONBLOCK) == 0);
    REFUSES(EAGAIN, (int)read(file, &word, 4));
    CHECK(poll(&events, 1, 0) == 0);
    close(arena);
    close(file);
    CHECK(arena_of(other, 2 * MIB) == 0); /* what was claimed is free again */
    close(other);
    close(elsewhere);
}

/* --- buffers of others -------------------------------------------------------------------------------------------- */

void imports(void)
{
    struct opened all = open_all(NULL);
    struct fluorite_error error = {0, ""};
    void *input = NULL, *output = NULL, *own = fluorite_alloc(all.arena, 4096, 64);
    size_t size = 0;
    int file = heap_buffer("/dev/dma_heap/reserved", 3 * 4096);
    CHECK(fluorite_arena_import(all.arena, file, &input, &size, &error) == FLUORITE_OK);
    CHECK(size == 3 * 4096);
    close(file); /* the arena keeps the buffer */
    file = heap_buffer("/dev/dma_heap/reserved", 4096);
    CHECK(fluorite_arena_import(all.arena, file, &output, &size, &error) == FLUORITE_OK);
    close(file);
    printf("%s", error.text);
    launches(&all, (unsigned char *)input, (unsigned char *)output); /* from one to the other */
    launches(&all, (unsigned char *)own, (unsigned char *)output);
    launches(&all, (unsigned char *)input, (unsigned char *)own);
    CHECK(fluorite_free(all.arena, input) == FLUORITE_OK && fluorite_free(all.arena, output) == FLUORITE_OK);
    /* Pages from anywhere are not in one piece. */
    file = heap_buffer("/dev/dma_heap/system", 9 * MIB);
    CHECK(fluorite_arena_import(all.arena, file, &input, &size, &error) == FLUORITE_ERROR_ARGUMENT);
    CHECK(strstr(error.text, "not in one piece") != NULL);
    close(file);
    CHECK(fluorite_free(all.arena, own) == FLUORITE_OK);
    close_all(&all);
}
