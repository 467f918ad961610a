/* The arena: which parts of the DMA memory are in use. The list of blocks lies outside of that memory, so that hardware
   that writes astray cannot break it. */
#define _POSIX_C_SOURCE 200809L

#include "fluorite_runtime.h"

#include <pthread.h>
#include <stdlib.h>

struct block {
    uint64_t offset, size;
    uint64_t physical;  /* of an imported one's first byte */
    struct block *next; /* by offset: imported ones last */
};

struct fluorite_arena {
    struct fluorite_memory memory;
    pthread_mutex_t lock;
    struct block *blocks;
    uint64_t used;
    int devices;
    int quarantined;
};

/* --- opening and closing ------------------------------------------------------------------------------------------ */

int fluorite_arena_open(struct fluorite_arena **arena, const char *source, struct fluorite_error *error)
{
    struct fluorite_arena *made = (struct fluorite_arena *)calloc(1, sizeof *made);
    int code;
    *arena = NULL;
    (void)fluorite_fail(error, FLUORITE_OK, "%s", "");
    if (made == NULL) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_MEMORY, "no memory for an arena's description");
    }
    code = fluorite_io_memory(&made->memory, source, error);
    if (code != FLUORITE_OK) {
        free(made);
        return code;
    }
    if (pthread_mutex_init(&made->lock, NULL) != 0) {
        made->memory.close(made->memory.context);
        free(made);
        return fluorite_fail(error, FLUORITE_ERROR_SYSTEM, "a mutex cannot be made");
    }
    *arena = made;
    return FLUORITE_OK;
}

int fluorite_arena_close(struct fluorite_arena *arena)
{
    int busy;
    if (arena == NULL) {
        return FLUORITE_OK;
    }
    pthread_mutex_lock(&arena->lock);
    busy = arena->devices != 0 || arena->blocks != NULL;
    pthread_mutex_unlock(&arena->lock);
    if (busy) {
        return FLUORITE_ERROR_BUSY;
    }
    arena->memory.close(arena->memory.context);
    (void)pthread_mutex_destroy(&arena->lock);
    free(arena);
    return FLUORITE_OK;
}

/* --- allocation --------------------------------------------------------------------------------------------------- */

static uint64_t aligned(uint64_t offset, uint64_t alignment)
{
    return (offset + alignment - 1) & ~(alignment - 1);
}

/* Where the first gap of enough bytes is; the arena's size if there is none. */
static struct block **first_fit(struct fluorite_arena *arena, uint64_t size, uint64_t alignment, uint64_t *offset)
{
    struct block **link = &arena->blocks;
    uint64_t end = 0;
    for (;; link = &(*link)->next) {
        const uint64_t limit = *link != NULL && (*link)->offset < arena->memory.size ? (*link)->offset
                                                                                    : arena->memory.size;
        *offset = aligned(end, alignment);
        if (*offset <= limit && limit - *offset >= size) {
            return link;
        }
        if (limit == arena->memory.size) {
            return NULL;
        }
        end = (*link)->offset + (*link)->size;
    }
}

void *fluorite_alloc(struct fluorite_arena *arena, size_t size, size_t alignment)
{
    struct block *made, **link;
    uint64_t offset = 0;
    void *result = NULL;
    if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
        return NULL;
    }
    made = (struct block *)malloc(sizeof *made);
    if (made == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&arena->lock);
    made->size = size != 0 ? size : 1;
    link = arena->quarantined ? NULL : first_fit(arena, made->size, alignment, &offset);
    if (link != NULL) {
        made->offset = offset;
        made->next = *link;
        *link = made;
        arena->used += made->size;
        result = arena->memory.base + offset;
    }
    pthread_mutex_unlock(&arena->lock);
    if (result == NULL) {
        free(made);
    }
    return result;
}

int fluorite_free(struct fluorite_arena *arena, void *block)
{
    struct block **link, *found = NULL;
    if (block == NULL) {
        return FLUORITE_OK;
    }
    pthread_mutex_lock(&arena->lock);
    for (link = &arena->blocks; *link != NULL; link = &(*link)->next) {
        if (arena->memory.base + (*link)->offset == (unsigned char *)block) {
            found = *link;
            *link = found->next;
            arena->used -= found->offset < arena->memory.size ? found->size : 0;
            break;
        }
    }
    if (found != NULL && found->offset >= arena->memory.size) {
        arena->memory.release(arena->memory.context, found->offset);
    }
    pthread_mutex_unlock(&arena->lock);
    free(found);
    return found != NULL ? FLUORITE_OK : FLUORITE_ERROR_NOT_IN_ARENA;
}

int fluorite_arena_import(struct fluorite_arena *arena, int file, void **block, size_t *size,
                          struct fluorite_error *error)
{
    struct fluorite_imported imported;
    struct block *made, **link;
    int code;
    if (arena->memory.import == NULL) {
        return fluorite_fail(error, FLUORITE_ERROR_ARGUMENT,
                             "only the kernel driver imports buffers of others: FLUORITE_ARENA=kernel:BYTES");
    }
    made = (struct block *)malloc(sizeof *made);
    if (made == NULL) {
        return fluorite_fail(error, FLUORITE_ERROR_NO_MEMORY, "no memory for a block's description");
    }
    pthread_mutex_lock(&arena->lock);
    code = arena->memory.import(arena->memory.context, file, &imported, error);
    if (code == FLUORITE_OK) {
        made->offset = imported.offset;
        made->size = imported.size;
        made->physical = imported.physical;
        for (link = &arena->blocks; *link != NULL && (*link)->offset < made->offset;) {
            link = &(*link)->next;
        }
        made->next = *link;
        *link = made;
        *block = arena->memory.base + made->offset;
        *size = (size_t)made->size;
    }
    pthread_mutex_unlock(&arena->lock);
    if (code != FLUORITE_OK) {
        free(made);
    }
    return code;
}

/* The block that a byte lies in; the lock is held. NULL if there is none. */
static const struct block *block_at(const struct fluorite_arena *arena, const void *inside)
{
    const uintptr_t base = (uintptr_t)arena->memory.base;
    const uint64_t at = (uint64_t)((uintptr_t)inside - base);
    const struct block *block;
    for (block = arena->blocks; block != NULL && block->offset <= at; block = block->next) {
        if (at - block->offset < block->size) {
            return (uintptr_t)inside >= base ? block : NULL;
        }
    }
    return NULL;
}

int fluorite_in_arena(const struct fluorite_arena *arena, const void *first, size_t size)
{
    const uintptr_t base = (uintptr_t)arena->memory.base, at = (uintptr_t)first;
    const struct block *block;
    int imported;
    if (at >= base && at - base < arena->memory.size) {
        return size <= arena->memory.size - (at - base);
    }
    if (arena->memory.import == NULL) {
        return 0;
    }
    pthread_mutex_lock((pthread_mutex_t *)&arena->lock);
    block = block_at(arena, first);
    imported = block != NULL && size <= block->size - ((uint64_t)(at - base) - block->offset);
    pthread_mutex_unlock((pthread_mutex_t *)&arena->lock);
    return imported;
}

int fluorite_arena_block(struct fluorite_arena *arena, const void *inside, struct fluorite_imported *found)
{
    const struct block *block;
    pthread_mutex_lock(&arena->lock);
    block = block_at(arena, inside);
    if (block != NULL) {
        found->offset = block->offset;
        found->size = block->size;
        found->physical = block->offset < arena->memory.size ? arena->memory.physical + block->offset : block->physical;
    }
    pthread_mutex_unlock(&arena->lock);
    return block != NULL ? FLUORITE_OK : FLUORITE_ERROR_NOT_IN_ARENA;
}

size_t fluorite_arena_size(const struct fluorite_arena *arena)
{
    return arena->memory.size;
}

size_t fluorite_arena_used(struct fluorite_arena *arena)
{
    size_t used;
    pthread_mutex_lock(&arena->lock);
    used = (size_t)arena->used;
    pthread_mutex_unlock(&arena->lock);
    return used;
}

/* --- for devices -------------------------------------------------------------------------------------------------- */

struct fluorite_memory *fluorite_arena_memory(struct fluorite_arena *arena)
{
    return &arena->memory;
}

void fluorite_arena_use(struct fluorite_arena *arena, int change)
{
    pthread_mutex_lock(&arena->lock);
    arena->devices += change;
    pthread_mutex_unlock(&arena->lock);
}

void fluorite_arena_quarantine(struct fluorite_arena *arena)
{
    pthread_mutex_lock(&arena->lock);
    arena->quarantined = 1;
    pthread_mutex_unlock(&arena->lock);
}
