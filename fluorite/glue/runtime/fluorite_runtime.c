/* Accelerators: opening, launches in flight, waiting, reset. See fluorite_runtime.h for what the functions promise.

   Launches are numbered by the driver from 0 (tickets) and by the hardware from 0 since its last reset; `base` is the
   ticket of the hardware's launch 0. Of all threads that wait, one (the leader) waits for the interrupt, without the
   lock; the others wait for the leader to tell them what it saw. */
#define _POSIX_C_SOURCE 200809L

#include "fluorite_runtime.h"
#include "fluorite_registers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLOTS 64u           /* results kept */
#define MAX_REGISTERS 512u  /* of a launch */
#define SLICE_MS 100        /* the registers are looked at this often, should an interrupt be lost */
#define RESET_MS 2000       /* transfers under way end long before */
#define CACHE_LINE 64u

struct slot {
    uint64_t ticket;
    int done;
    int synced; /* the CPU sees the outputs */
    struct fluorite_failure failure;
    struct fluorite_view views[FLUORITE_MAX_STREAMS];
};

struct fluorite_device {
    const struct fluorite_accelerator *accelerator;
    struct fluorite_arena *arena;
    struct fluorite_io io;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t next, completed, base; /* tickets */
    uint32_t queue_depth;
    uint32_t interrupts_missed;
    int leader; /* some thread waits for the interrupt */
    int stuck;
    struct slot slots[SLOTS];
};

static int reset(struct fluorite_device *device);

/* --- time ------------------------------------------------------------------------------------------------------------ */

struct deadline {
    int never;
    struct timespec at;
};

static struct deadline deadline_in(int milliseconds)
{
    struct deadline deadline;
    memset(&deadline, 0, sizeof deadline);
    deadline.never = milliseconds < 0;
    if (!deadline.never) {
        (void)clock_gettime(CLOCK_MONOTONIC, &deadline.at);
        deadline.at.tv_sec += milliseconds / 1000;
        deadline.at.tv_nsec += (milliseconds % 1000) * 1000000L;
        if (deadline.at.tv_nsec >= 1000000000L) {
            deadline.at.tv_nsec -= 1000000000L;
            deadline.at.tv_sec += 1;
        }
    }
    return deadline;
}

/* Milliseconds left, rounded up, at most `limit`. */
static int left(const struct deadline *deadline, int limit)
{
    struct timespec now;
    double milliseconds;
    if (deadline->never) {
        return limit;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    milliseconds = (double)(deadline->at.tv_sec - now.tv_sec) * 1e3 +
                   (double)(deadline->at.tv_nsec - now.tv_nsec) / 1e6;
    if (milliseconds <= 0) {
        return 0;
    }
    return milliseconds >= limit ? limit : (int)milliseconds + 1;
}

/* --- registers -------------------------------------------------------------------------------------------------------- */

static int get(struct fluorite_device *device, uint32_t offset, uint32_t *value)
{
    return device->io.read(device->io.context, offset, value);
}

static int put(struct fluorite_device *device, uint32_t offset, uint32_t value)
{
    return device->io.write(device->io.context, offset, value);
}

/* All that the CPU wrote to memory comes before what it tells the device next. */
static void barrier(void)
{
#if defined(__arm__) || defined(__aarch64__)
    __asm__ volatile("dsb sy" ::: "memory");
#else
    __sync_synchronize();
#endif
}

/* --- results ---------------------------------------------------------------------------------------------------------- */

static struct slot *slot_of(struct fluorite_device *device, uint64_t ticket)
{
    struct slot *slot = &device->slots[ticket % SLOTS];
    return ticket < device->next && slot->ticket == ticket ? slot : NULL;
}

static void finish(struct fluorite_device *device, uint64_t ticket, const struct fluorite_failure *failure)
{
    struct slot *slot = slot_of(device, ticket);
    if (slot != NULL) {
        slot->failure = *failure;
        slot->done = 1;
    }
}

/* Why the hardware's launch `number` failed: the error registers tell it of the first that fails. */
static int explain(struct fluorite_device *device, uint32_t number, struct fluorite_failure *failure)
{
    uint32_t error = 0, launch = 0, low = 0, high = 0;
    int code;
    if ((code = get(device, FLUORITE_ERROR, &error)) != FLUORITE_OK ||
        (code = get(device, FLUORITE_ERROR_LAUNCH, &launch)) != FLUORITE_OK ||
        (code = get(device, FLUORITE_ERROR_ADDRESS_LOW, &low)) != FLUORITE_OK ||
        (code = get(device, FLUORITE_ERROR_ADDRESS_HIGH, &high)) != FLUORITE_OK) {
        return code;
    }
    failure->code = FLUORITE_ERROR_HARDWARE;
    failure->stream = -1;
    failure->address = 0;
    if ((error & FLUORITE_ERROR_CODE_MASK) != 0 && launch == number) {
        const uint32_t stream = (error & FLUORITE_ERROR_STREAM_MASK) >> FLUORITE_ERROR_STREAM_SHIFT;
        failure->code = -(int)((error & FLUORITE_ERROR_CODE_MASK) >> FLUORITE_ERROR_CODE_SHIFT);
        failure->stream = stream == 255 ? -1 : (int)stream;
        failure->address = (uint64_t)high << 32 | low;
        return put(device, FLUORITE_ERROR, 0); /* the next one is told again */
    }
    return FLUORITE_OK;
}

/* Takes in what the hardware completed. The interrupt's cause is cleared before the look at the counter, so that what
   comes after the look raises it again; it is left alone while a leader waits for it. */
static int harvest(struct fluorite_device *device)
{
    uint32_t events = 0, completed = 0, errors = 0, fresh, i;
    int code;
    if (!device->leader) {
        if ((code = get(device, FLUORITE_INTERRUPT_STATUS, &events)) != FLUORITE_OK) {
            return code;
        }
        if (events != 0 && (code = put(device, FLUORITE_INTERRUPT_STATUS, events)) != FLUORITE_OK) {
            return code;
        }
    }
    if ((code = get(device, FLUORITE_LAUNCHES_COMPLETED, &completed)) != FLUORITE_OK) {
        return code;
    }
    fresh = completed - (uint32_t)(device->completed - device->base);
    if (fresh == 0) {
        return FLUORITE_OK;
    }
    if (fresh > device->next - device->completed) {
        return FLUORITE_ERROR_HARDWARE; /* more than were started */
    }
    if ((code = get(device, FLUORITE_LAUNCH_ERRORS, &errors)) != FLUORITE_OK) {
        return code;
    }
    for (i = 0; i < fresh; ++i) {
        const uint32_t number = (uint32_t)(device->completed - device->base);
        struct fluorite_failure failure = {FLUORITE_OK, -1, 0};
        if ((errors >> number % 32 & 1) != 0 && (code = explain(device, number, &failure)) != FLUORITE_OK) {
            return code;
        }
        finish(device, device->completed, &failure);
        device->completed += 1;
    }
    pthread_cond_broadcast(&device->changed);
    return FLUORITE_OK;
}

/* --- waiting ---------------------------------------------------------------------------------------------------------- */

/* Waits, lock held, until something may have changed. */
static int follow(struct fluorite_device *device, const struct deadline *deadline)
{
    if (deadline->never) {
        (void)pthread_cond_wait(&device->changed, &device->lock);
    } else {
        (void)pthread_cond_timedwait(&device->changed, &device->lock, &deadline->at);
    }
    return FLUORITE_OK;
}

static int lead(struct fluorite_device *device, const struct deadline *deadline)
{
    const int milliseconds = left(deadline, device->io.has_interrupt ? SLICE_MS : 1);
    const uint64_t before = device->completed, base = device->base;
    int woken, code;
    device->leader = 1;
    pthread_mutex_unlock(&device->lock);
    woken = device->io.wait(device->io.context, milliseconds);
    pthread_mutex_lock(&device->lock);
    device->leader = 0;
    code = woken < 0 ? woken : harvest(device);
    if (woken == 0 && device->io.has_interrupt && code == FLUORITE_OK && device->base == base) {
        device->interrupts_missed += (uint32_t)(device->completed - before);
    }
    pthread_cond_broadcast(&device->changed); /* somebody else may have to lead */
    return code;
}

static int step(struct fluorite_device *device, const struct deadline *deadline)
{
    if (device->stuck) {
        return FLUORITE_ERROR_STUCK;
    }
    return device->leader ? follow(device, deadline) : lead(device, deadline);
}

/* --- caches ----------------------------------------------------------------------------------------------------------- */

/* Offsets in the arena of a view's first byte and of the one after its last. */
static void span(const struct fluorite_device *device, const struct fluorite_stream *stream,
                 const struct fluorite_view *view, int64_t *low, int64_t *high)
{
    const struct fluorite_memory *memory = fluorite_arena_memory(device->arena);
    uint32_t d;
    *low = (int64_t)((unsigned char *)view->first - memory->base);
    *high = *low + (int64_t)view->row_bytes;
    for (d = 0; d + 1 < stream->dimensions; ++d) {
        const int64_t reach = view->strides[d] * ((int64_t)view->counts[d] - 1);
        *(reach < 0 ? low : high) += reach;
    }
}

static int sync_bytes(struct fluorite_device *device, int64_t low, int64_t high, enum fluorite_direction direction,
                      int for_cpu)
{
    const struct fluorite_io *io = &device->io;
    return (for_cpu ? io->sync_for_cpu : io->sync_for_device)(io->context, (uint64_t)low, (uint64_t)(high - low),
                                                              direction);
}

/* Whether there is more between rows than padding: then it may be somebody else's, and rows are synced one by one. */
static int has_gaps(const struct fluorite_stream *stream, const struct fluorite_view *view)
{
    int64_t bytes = (int64_t)view->row_bytes;
    uint32_t d;
    for (d = 0; d + 1 < stream->dimensions; ++d) {
        const int64_t stride = view->strides[d] < 0 ? -view->strides[d] : view->strides[d];
        if (view->counts[d] > 1 && stride - bytes >= (int64_t)CACHE_LINE) {
            return 1;
        }
        bytes = stride * (int64_t)view->counts[d];
    }
    return 0;
}

static int sync_rows(struct fluorite_device *device, const struct fluorite_stream *stream,
                     const struct fluorite_view *view, enum fluorite_direction direction, int for_cpu)
{
    struct fluorite_view row = *view;
    uint32_t at[FLUORITE_MAX_DIMENSIONS - 1] = {0, 0, 0};
    uint32_t d;
    for (d = 0; d < FLUORITE_MAX_DIMENSIONS - 1; ++d) {
        row.counts[d] = 1;
    }
    for (;;) {
        int64_t low, high;
        int code;
        span(device, stream, &row, &low, &high);
        if ((code = sync_bytes(device, low, high, direction, for_cpu)) != FLUORITE_OK) {
            return code;
        }
        for (d = 0; d + 1 < stream->dimensions; ++d) {
            row.first = (unsigned char *)row.first + view->strides[d];
            if (++at[d] < view->counts[d]) {
                break;
            }
            row.first = (unsigned char *)row.first - view->strides[d] * (int64_t)view->counts[d];
            at[d] = 0;
        }
        if (d + 1 >= stream->dimensions) {
            return FLUORITE_OK;
        }
    }
}

/* Inputs are written back whole, which harms nobody. */
static int sync_view(struct fluorite_device *device, const struct fluorite_stream *stream,
                     const struct fluorite_view *view, enum fluorite_direction direction, int for_cpu)
{
    int64_t low, high;
    if (stream->is_output && has_gaps(stream, view)) {
        return sync_rows(device, stream, view, direction, for_cpu);
    }
    span(device, stream, view, &low, &high);
    return sync_bytes(device, low, high, direction, for_cpu);
}

static int sync_all_for_device(struct fluorite_device *device, const struct fluorite_view *views)
{
    const struct fluorite_accelerator *accelerator = device->accelerator;
    uint32_t i;
    for (i = 0; i < accelerator->stream_count; ++i) {
        /* An output's lines are written back, so that none of them is evicted onto the hardware's results. */
        const enum fluorite_direction direction =
            accelerator->streams[i].is_output ? FLUORITE_BOTH : FLUORITE_TO_DEVICE;
        const int code = sync_view(device, &accelerator->streams[i], &views[i], direction, 0);
        if (code != FLUORITE_OK) {
            return code;
        }
    }
    return FLUORITE_OK;
}

static int sync_outputs_for_cpu(struct fluorite_device *device, const struct fluorite_view *views)
{
    const struct fluorite_accelerator *accelerator = device->accelerator;
    uint32_t i;
    for (i = 0; i < accelerator->stream_count; ++i) {
        if (accelerator->streams[i].is_output) {
            const int code = sync_view(device, &accelerator->streams[i], &views[i], FLUORITE_FROM_DEVICE, 1);
            if (code != FLUORITE_OK) {
                return code;
            }
        }
    }
    return FLUORITE_OK;
}

/* --- launches --------------------------------------------------------------------------------------------------------- */

static int fits_bits(uint64_t address, uint32_t bits)
{
    return bits >= 64 || address >> bits == 0;
}

static int check_view(const struct fluorite_device *device, const struct fluorite_stream *stream,
                      const struct fluorite_view *view)
{
    const struct fluorite_memory *memory = fluorite_arena_memory(device->arena);
    uint64_t offset = 0, size = 0;
    int64_t low, high;
    uint32_t d;
    int code = fluorite_arena_block(device->arena, view->first, &offset, &size);
    if (code != FLUORITE_OK) {
        return code;
    }
    if ((memory->physical + (uint64_t)((unsigned char *)view->first - memory->base)) % stream->element_bytes != 0) {
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
    span(device, stream, view, &low, &high);
    if (low < (int64_t)offset || high > (int64_t)(offset + size)) {
        return FLUORITE_ERROR_TOO_SMALL;
    }
    return fits_bits(memory->physical + (uint64_t)high - 1, device->accelerator->address_bits) ? FLUORITE_OK
                                                                                              : FLUORITE_ERROR_ADDRESS;
}

static void describe_view(const struct fluorite_device *device, const struct fluorite_stream *stream,
                          const struct fluorite_view *view, uint32_t *registers)
{
    const struct fluorite_memory *memory = fluorite_arena_memory(device->arena);
    const uint64_t address = memory->physical + (uint64_t)((unsigned char *)view->first - memory->base);
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
        if ((code = get(device, FLUORITE_STATUS, &status)) != FLUORITE_OK) {
            return code;
        }
        if ((status & FLUORITE_STATUS_QUEUE_SPACE_MASK) != 0) {
            return FLUORITE_OK;
        }
        if (left(deadline, 1) == 0) {
            return FLUORITE_ERROR_QUEUE_FULL;
        }
        if ((code = step(device, deadline)) != FLUORITE_OK) {
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

static void remember(struct fluorite_device *device, const struct fluorite_view *views, uint64_t *ticket)
{
    struct slot *slot = &device->slots[device->next % SLOTS];
    memset(slot, 0, sizeof *slot);
    slot->ticket = device->next;
    memcpy(slot->views, views, device->accelerator->stream_count * sizeof *views);
    *ticket = device->next;
    device->next += 1;
}

int fluorite_submit(struct fluorite_device *device, const struct fluorite_launch *launch, int timeout_ms,
                    uint64_t *ticket)
{
    const struct fluorite_accelerator *accelerator = device->accelerator;
    const struct deadline deadline = deadline_in(timeout_ms);
    uint32_t registers[MAX_REGISTERS];
    uint32_t i;
    int code;
    memcpy(registers, launch->settings, accelerator->launch_count * sizeof *registers);
    for (i = 0; i < accelerator->stream_count; ++i) {
        if ((code = check_view(device, &accelerator->streams[i], &launch->views[i])) != FLUORITE_OK) {
            return code;
        }
        describe_view(device, &accelerator->streams[i], &launch->views[i], registers);
    }
    if ((code = sync_all_for_device(device, launch->views)) != FLUORITE_OK) {
        return code;
    }
    pthread_mutex_lock(&device->lock);
    code = room(device, &deadline);
    if (code == FLUORITE_OK) {
        code = start(device, registers);
    }
    if (code == FLUORITE_OK) {
        remember(device, launch->views, ticket);
    } else if (code == FLUORITE_ERROR_HARDWARE) {
        (void)reset(device); /* somebody else commands the accelerator: nothing of ours may stay under way */
    }
    pthread_mutex_unlock(&device->lock);
    return code;
}

/* Waits, lock held, for a launch. */
static int completion(struct fluorite_device *device, uint64_t ticket, const struct deadline *deadline)
{
    for (;;) {
        const struct slot *slot = slot_of(device, ticket);
        int code;
        if (slot == NULL) {
            return FLUORITE_ERROR_TICKET;
        }
        if (!slot->done && (code = harvest(device)) != FLUORITE_OK) {
            return code;
        }
        if (slot->done) {
            return FLUORITE_OK;
        }
        if (left(deadline, 1) == 0) {
            return FLUORITE_ERROR_TIMEOUT;
        }
        if ((code = step(device, deadline)) != FLUORITE_OK) {
            return code;
        }
    }
}

int fluorite_wait(struct fluorite_device *device, uint64_t ticket, int timeout_ms)
{
    const struct deadline deadline = deadline_in(timeout_ms);
    struct fluorite_view views[FLUORITE_MAX_STREAMS];
    int code, result = FLUORITE_OK, sync = 0;
    pthread_mutex_lock(&device->lock);
    code = completion(device, ticket, &deadline);
    if (code == FLUORITE_OK) {
        struct slot *slot = slot_of(device, ticket);
        result = slot->failure.code;
        sync = !slot->synced && result != FLUORITE_ERROR_CANCELLED;
        slot->synced = 1;
        memcpy(views, slot->views, sizeof views);
    }
    pthread_mutex_unlock(&device->lock);
    if (code == FLUORITE_OK && sync) {
        code = sync_outputs_for_cpu(device, views);
    }
    return code != FLUORITE_OK ? code : result;
}

int fluorite_run(struct fluorite_device *device, const struct fluorite_launch *launch, int timeout_ms)
{
    uint64_t ticket = 0;
    int code = fluorite_submit(device, launch, timeout_ms, &ticket);
    if (code != FLUORITE_OK) {
        return code;
    }
    code = fluorite_wait(device, ticket, timeout_ms);
    if (code == FLUORITE_ERROR_TIMEOUT && fluorite_reset(device) == FLUORITE_ERROR_STUCK) {
        code = FLUORITE_ERROR_STUCK;
    }
    return code;
}

int fluorite_failure(struct fluorite_device *device, uint64_t ticket, struct fluorite_failure *failure)
{
    const struct slot *slot;
    int code = FLUORITE_ERROR_TICKET;
    pthread_mutex_lock(&device->lock);
    slot = slot_of(device, ticket);
    if (slot != NULL && slot->done) {
        *failure = slot->failure;
        code = FLUORITE_OK;
    }
    pthread_mutex_unlock(&device->lock);
    return code;
}

/* --- reset ------------------------------------------------------------------------------------------------------------ */

static int await_reset(struct fluorite_device *device)
{
    const struct deadline deadline = deadline_in(RESET_MS);
    for (;;) {
        uint32_t status = 0;
        int code = get(device, FLUORITE_STATUS, &status);
        if (code != FLUORITE_OK) {
            return code;
        }
        if ((status & FLUORITE_STATUS_RESETTING_MASK) == 0) {
            return FLUORITE_OK;
        }
        if (left(&deadline, 1) == 0) {
            return FLUORITE_ERROR_STUCK;
        }
        if ((code = device->io.wait(device->io.context, 1)) < 0) {
            return code;
        }
    }
}

/* Lock held. Launches that completed before keep their results. */
static int reset(struct fluorite_device *device)
{
    const struct fluorite_failure cancelled = {FLUORITE_ERROR_CANCELLED, -1, 0};
    int code;
    if (device->stuck) {
        return FLUORITE_ERROR_STUCK;
    }
    (void)harvest(device); /* what is wrong with the hardware is why we are here */
    code = put(device, FLUORITE_CONTROL, FLUORITE_CONTROL_SOFT_RESET_MASK);
    if (code == FLUORITE_OK) {
        code = await_reset(device);
    }
    for (; device->completed < device->next; device->completed += 1) {
        finish(device, device->completed, &cancelled);
    }
    device->base = device->next;
    if (code == FLUORITE_OK) {
        code = put(device, FLUORITE_INTERRUPT_ENABLE,
                   device->io.has_interrupt ? FLUORITE_INTERRUPT_ENABLE_DONE_MASK | FLUORITE_INTERRUPT_ENABLE_ERROR_MASK
                                            : 0u);
    }
    if (code != FLUORITE_OK) {
        device->stuck = 1; /* it may write to memory at any time: nothing there is used again */
        fluorite_arena_quarantine(device->arena);
        code = FLUORITE_ERROR_STUCK;
    }
    pthread_cond_broadcast(&device->changed);
    return code;
}

int fluorite_reset(struct fluorite_device *device)
{
    int code;
    pthread_mutex_lock(&device->lock);
    code = reset(device);
    pthread_mutex_unlock(&device->lock);
    return code;
}

/* --- counters --------------------------------------------------------------------------------------------------------- */

static int read_counters(struct fluorite_device *device, struct fluorite_counters *counters)
{
    uint32_t i;
    int code;
    if ((code = put(device, FLUORITE_CONTROL, FLUORITE_CONTROL_SNAPSHOT_MASK)) != FLUORITE_OK ||
        (code = get(device, FLUORITE_CYCLES, &counters->cycles)) != FLUORITE_OK ||
        (code = get(device, FLUORITE_LAUNCHES_STARTED, &counters->launches_started)) != FLUORITE_OK ||
        (code = get(device, FLUORITE_LAUNCHES_COMPLETED, &counters->launches_completed)) != FLUORITE_OK) {
        return code;
    }
    for (i = 0; i < device->accelerator->stream_count; ++i) {
        if ((code = get(device, device->accelerator->stalls_offset + 4 * i, &counters->stalls[i])) != FLUORITE_OK) {
            return code;
        }
    }
    return FLUORITE_OK;
}

int fluorite_counters(struct fluorite_device *device, struct fluorite_counters *counters)
{
    int code;
    memset(counters, 0, sizeof *counters);
    pthread_mutex_lock(&device->lock);
    code = read_counters(device, counters);
    counters->interrupts_missed = device->interrupts_missed;
    pthread_mutex_unlock(&device->lock);
    return code;
}

/* --- opening and closing ---------------------------------------------------------------------------------------------- */

static int identify(struct fluorite_device *device, struct fluorite_error *error)
{
    const struct fluorite_accelerator *accelerator = device->accelerator;
    uint32_t id = 0, version = 0, hash = 0, capabilities = 0;
    int code;
    if ((code = get(device, FLUORITE_ID, &id)) != FLUORITE_OK ||
        (code = get(device, FLUORITE_VERSION, &version)) != FLUORITE_OK ||
        (code = get(device, FLUORITE_DESIGN_HASH, &hash)) != FLUORITE_OK ||
        (code = get(device, FLUORITE_CAPABILITIES, &capabilities)) != FLUORITE_OK) {
        return fluorite_fail(error, code, "%s: its registers cannot be read", accelerator->name);
    }
    if (id != FLUORITE_ID_VALUE) {
        return fluorite_fail(error, FLUORITE_ERROR_WRONG_ID, "%s: the id register must be 0x%08x, not 0x%08x",
                             accelerator->name, FLUORITE_ID_VALUE, (unsigned)id);
    }
    if (version >> 16 != accelerator->version >> 16) {
        return fluorite_fail(error, FLUORITE_ERROR_WRONG_VERSION, "%s: the register map must be version %u, not %u",
                             accelerator->name, (unsigned)(accelerator->version >> 16), (unsigned)(version >> 16));
    }
    if (hash != accelerator->design_hash) {
        return fluorite_fail(error, FLUORITE_ERROR_WRONG_DESIGN,
                             "%s: the design in the FPGA must be 0x%08x, not 0x%08x: driver and bitstream are not of one "
                             "build", accelerator->name, (unsigned)accelerator->design_hash, (unsigned)hash);
    }
    device->queue_depth =
        (capabilities & FLUORITE_CAPABILITIES_QUEUE_DEPTH_MASK) >> FLUORITE_CAPABILITIES_QUEUE_DEPTH_SHIFT;
    return FLUORITE_OK;
}

static int make_lock(struct fluorite_device *device)
{
    pthread_condattr_t attributes;
    int made;
    if (pthread_condattr_init(&attributes) != 0) {
        return 0;
    }
    made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
           pthread_cond_init(&device->changed, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    if (made && pthread_mutex_init(&device->lock, NULL) != 0) {
        (void)pthread_cond_destroy(&device->changed);
        made = 0;
    }
    return made;
}

static void discard(struct fluorite_device *device)
{
    (void)pthread_cond_destroy(&device->changed);
    (void)pthread_mutex_destroy(&device->lock);
    device->io.close(device->io.context);
    free(device);
}

int fluorite_open_io(struct fluorite_device **device, const struct fluorite_accelerator *accelerator,
                     struct fluorite_arena *arena, const struct fluorite_io *io, struct fluorite_error *error)
{
    struct fluorite_device *made = (struct fluorite_device *)calloc(1, sizeof *made);
    int code;
    *device = NULL;
    if (made == NULL) {
        io->close(io->context);
        return fluorite_fail(error, FLUORITE_ERROR_NO_MEMORY, "%s: no memory for its state", accelerator->name);
    }
    made->accelerator = accelerator;
    made->arena = arena;
    made->io = *io;
    if (accelerator->launch_count > MAX_REGISTERS || accelerator->stream_count > FLUORITE_MAX_STREAMS ||
        !make_lock(made)) {
        io->close(io->context);
        free(made);
        return fluorite_fail(error, FLUORITE_ERROR_SYSTEM, "%s: a lock cannot be made, or it has too many registers",
                             accelerator->name);
    }
    code = identify(made, error);
    if (code == FLUORITE_OK && (code = fluorite_reset(made)) != FLUORITE_OK) {
        (void)fluorite_fail(error, code, "%s: the soft reset does not end", accelerator->name);
    }
    if (code != FLUORITE_OK) {
        discard(made);
        return code;
    }
    fluorite_arena_use(arena, 1);
    *device = made;
    return FLUORITE_OK;
}

int fluorite_open(struct fluorite_device **device, const struct fluorite_accelerator *accelerator,
                  struct fluorite_arena *arena, struct fluorite_error *error)
{
    struct fluorite_io io;
    int code;
    *device = NULL;
    memset(&io, 0, sizeof io);
    code = fluorite_io_open(&io, accelerator, fluorite_arena_memory(arena), error);
    return code != FLUORITE_OK ? code : fluorite_open_io(device, accelerator, arena, &io, error);
}

int fluorite_close(struct fluorite_device *device)
{
    int code;
    if (device == NULL) {
        return FLUORITE_OK;
    }
    code = fluorite_reset(device);
    (void)put(device, FLUORITE_INTERRUPT_ENABLE, 0);
    fluorite_arena_use(device->arena, -1);
    discard(device);
    return code;
}

const struct fluorite_accelerator *fluorite_device_accelerator(const struct fluorite_device *device)
{
    return device->accelerator;
}

struct fluorite_arena *fluorite_device_arena(const struct fluorite_device *device)
{
    return device->arena;
}

uint32_t fluorite_queue_depth(const struct fluorite_device *device)
{
    return device->queue_depth;
}
