/* Starting launches: whether their memory can be what they say it is, and what the registers are told of it. */
#define _POSIX_C_SOURCE 200809L

#include "fluorite_device.h"
#include "fluorite_overlap.h"

#include <stdlib.h>
#include <string.h>

/* All that the CPU wrote to memory comes before what it tells the device next. */
static void barrier(void)
{
#if defined(__arm__) || defined(__aarch64__)
    __asm__ volatile("dsb sy" ::: "memory");
#else
    __sync_synchronize();
#endif
}

static int fits_bits(uint64_t address, uint32_t bits)
{
    return bits >= 64 || address >> bits == 0;
}

/* Finds out the address of a view's first byte, as the hardware has it. */
static int check_view(const struct fluorite_device *device, const struct fluorite_stream *stream,
                      const struct fluorite_view *view, uint64_t *address)
{
    const struct fluorite_memory *memory = fluorite_arena_memory(device->arena);
    struct fluorite_imported block;
    int64_t low, high;
    uint32_t d;
    int code = fluorite_arena_block(device->arena, view->first, &block);
    if (code != FLUORITE_OK) {
        return code;
    }
    *address = block.physical + (uint64_t)((unsigned char *)view->first - memory->base) - block.offset;
    if (*address % stream->element_bytes != 0) {
        return FLUORITE_ERROR_UNALIGNED;
    }
    if (view->row_bytes == 0) {
        return FLUORITE_ERROR_ARGUMENT;
    }
    for (d = 0; d + 1 < stream->dimensions; ++d) {
        if (view->counts[d] == 0 || view->strides[d] < INT32_MIN || view->strides[d] > INT32_MAX) {
            return FLUORITE_ERROR_ARGUMENT;
        }
        if (view->strides[d] % (int64_t)stream->element_bytes != 0) {
            return FLUORITE_ERROR_UNALIGNED;
        }
    }
    fluorite_view_span(device, stream, view, &low, &high);
    if (low < (int64_t)block.offset || high > (int64_t)(block.offset + block.size)) {
        return FLUORITE_ERROR_TOO_SMALL;
    }
    return fits_bits(block.physical + (uint64_t)high - block.offset - 1, device->accelerator->address_bits)
               ? FLUORITE_OK
               : FLUORITE_ERROR_ADDRESS;
}

static void describe_view(const struct fluorite_stream *stream, const struct fluorite_view *view, uint64_t address,
                          uint32_t *registers)
{
    uint32_t d;
    registers[stream->base_low] = (uint32_t)address;
    if (stream->base_high >= 0) {
        registers[stream->base_high] = (uint32_t)(address >> 32);
    }
    registers[stream->row_bytes] = view->row_bytes;
    for (d = 0; d + 1 < stream->dimensions; ++d) {
        registers[stream->counts + 2 * d] = view->counts[d];
        registers[stream->counts + 2 * d + 1] = (uint32_t)(int32_t)view->strides[d];
    }
}

/* Waits, lock held, until the queue has room. */
static int room(struct fluorite_device *device, const struct deadline *deadline)
{
    for (;;) {
        uint32_t status = 0;
        int code;
        if (device->stuck) {
            return FLUORITE_ERROR_STUCK;
        }
        /* Before the hardware's memory of which launches failed comes round. */
        if (device->next - device->completed >= ERROR_BITS && (code = fluorite_device_harvest(device)) != FLUORITE_OK) {
            return code;
        }
        if ((code = get(device, FLUORITE_STATUS, &status)) != FLUORITE_OK) {
            return code;
        }
        if ((status & FLUORITE_STATUS_QUEUE_SPACE_MASK) != 0) {
            return FLUORITE_OK;
        }
        if (fluorite_deadline_left(deadline, 1) == 0) {
            return FLUORITE_ERROR_QUEUE_FULL;
        }
        if ((code = fluorite_device_step(device, deadline)) != FLUORITE_OK) {
            return code;
        }
    }
}

/* Writes the registers and starts, lock held. */
static int start(struct fluorite_device *device, const uint32_t *registers)
{
    const struct fluorite_accelerator *accelerator = device->accelerator;
    const uint32_t number = (uint32_t)(device->next - device->base);
    uint32_t i, started = 0;
    int code;
    for (i = 0; i < accelerator->launch_count; ++i) {
        if ((code = put(device, accelerator->launch_offset + 4 * i, registers[i])) != FLUORITE_OK) {
            return code;
        }
    }
    barrier();
    if ((code = put(device, FLUORITE_CONTROL, FLUORITE_CONTROL_START_MASK)) != FLUORITE_OK ||
        (code = get(device, FLUORITE_LAUNCHES_STARTED, &started)) != FLUORITE_OK) {
        return code;
    }
    if (started == number) { /* refused */
        code = put(device, FLUORITE_ERROR, 0);
        return code != FLUORITE_OK ? code : FLUORITE_ERROR_BAD_CONFIGURATION;
    }
    return started == number + 1 ? FLUORITE_OK : FLUORITE_ERROR_HARDWARE;
}

/* For the counters: how many launches the hardware has now, with the one just started unless it is done already. */
static void count_in_flight(struct fluorite_device *device)
{
    uint32_t status = 0, in_flight = 1;
    if (get(device, FLUORITE_STATUS, &status) == FLUORITE_OK) {
        const uint32_t space = (status & FLUORITE_STATUS_QUEUE_SPACE_MASK) >> FLUORITE_STATUS_QUEUE_SPACE_SHIFT;
        in_flight = space < device->queue_depth ? device->queue_depth - space : 1;
    }
    if (in_flight > device->most_in_flight) {
        device->most_in_flight = in_flight;
    }
}

/* Everything that needs the lock. */
static int submit(struct fluorite_device *device, const uint32_t *registers, const struct fluorite_view *views,
                  const struct deadline *deadline, uint64_t *ticket)
{
    struct slot *slot = fluorite_ticket_new(device, views);
    int code = FLUORITE_ERROR_NO_MEMORY;
    if (slot == NULL) {
        return code;
    }
    pthread_mutex_lock(&device->lock);
    code = room(device, deadline);
    if (code == FLUORITE_OK) {
        code = start(device, registers);
    }
    if (code == FLUORITE_OK) {
        fluorite_ticket_give(device, slot, ticket);
        count_in_flight(device);
    } else if (code == FLUORITE_ERROR_HARDWARE) {
        (void)fluorite_device_reset(device); /* somebody else commands it: nothing of ours may stay under way */
    }
    pthread_mutex_unlock(&device->lock);
    if (code != FLUORITE_OK) {
        free(slot);
    }
    return code;
}

/* The bytes of a view. */
static struct fluorite_lattice lattice(const struct fluorite_stream *stream, const struct fluorite_view *view)
{
    struct fluorite_lattice made;
    uint32_t d;
    memset(&made, 0, sizeof made);
    made.first = (uintptr_t)view->first;
    made.bytes = view->row_bytes;
    made.axes = (int)stream->dimensions - 1;
    for (d = 0; d + 1 < stream->dimensions; ++d) {
        made.strides[d] = view->strides[d];
        made.extents[d] = view->counts[d];
    }
    return made;
}

/* What the hardware writes, it writes to memory that it neither reads nor writes twice: it does both at a time. */
static int apart(const struct fluorite_accelerator *accelerator, const struct fluorite_view *views)
{
    uint32_t output, other;
    for (output = 0; output < accelerator->stream_count; ++output) {
        const struct fluorite_lattice written = lattice(&accelerator->streams[output], &views[output]);
        if (!accelerator->streams[output].is_output) {
            continue;
        }
        for (other = 0; other < output; ++other) { /* inputs come first */
            const struct fluorite_lattice found = lattice(&accelerator->streams[other], &views[other]);
            if (fluorite_lattices_overlap(&found, &written)) {
                return 0;
            }
        }
        if (fluorite_lattice_overlaps_itself(&written)) {
            return 0;
        }
    }
    return 1;
}

/* Works out the registers of a launch whose memory is as it must be. */
static int describe(const struct fluorite_device *device, const struct fluorite_launch *launch, uint32_t *registers)
{
    const struct fluorite_accelerator *accelerator = device->accelerator;
    uint32_t i;
    memcpy(registers, launch->settings, accelerator->launch_count * sizeof *registers);
    for (i = 0; i < accelerator->stream_count; ++i) {
        uint64_t address = 0;
        const int code = check_view(device, &accelerator->streams[i], &launch->views[i], &address);
        if (code != FLUORITE_OK) {
            return code;
        }
        describe_view(&accelerator->streams[i], &launch->views[i], address, registers);
    }
    return apart(accelerator, launch->views) ? FLUORITE_OK : FLUORITE_ERROR_ARGUMENT;
}

int fluorite_submit(struct fluorite_device *device, const struct fluorite_launch *launch, int timeout_ms,
                    uint64_t *ticket)
{
    const struct deadline deadline = fluorite_deadline_in(timeout_ms);
    const int state = fluorite_hold_cancel();
    uint32_t registers[MAX_REGISTERS];
    int code = describe(device, launch, registers);
    if (code == FLUORITE_OK) {
        code = fluorite_sync_for_device(device, launch->views);
    }
    if (code == FLUORITE_OK) {
        code = submit(device, registers, launch->views, &deadline, ticket);
    }
    fluorite_allow_cancel(state);
    return code;
}

int fluorite_run(struct fluorite_device *device, const struct fluorite_launch *launch, int timeout_ms)
{
    uint64_t ticket = 0;
    int code = fluorite_submit(device, launch, timeout_ms, &ticket);
    if (code != FLUORITE_OK) {
        return code;
    }
    code = fluorite_wait(device, ticket, timeout_ms);
    if (code == FLUORITE_ERROR_TIMEOUT) {
        if (fluorite_reset(device) == FLUORITE_ERROR_STUCK) {
            code = FLUORITE_ERROR_STUCK;
        }
        (void)fluorite_wait(device, ticket, 0); /* nobody else has the ticket */
    }
    return code;
}
