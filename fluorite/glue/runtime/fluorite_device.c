/* Accelerators: opening, reset, counters, closing. See fluorite_runtime.h for what the functions promise. */
#define _POSIX_C_SOURCE 200809L

#include "fluorite_device.h"

#include <stdlib.h>
#include <string.h>

#define RESET_MS 2000 /* transfers under way end long before */

/* --- reset -------------------------------------------------------------------------------------------------------- */

static int await_reset(struct fluorite_device *device)
{
    const struct deadline deadline = fluorite_deadline_in(RESET_MS);
    for (;;) {
        uint32_t status = 0;
        int code = get(device, FLUORITE_STATUS, &status);
        if (code != FLUORITE_OK) {
            return code;
        }
        if ((status & FLUORITE_STATUS_RESETTING_MASK) == 0) {
            return FLUORITE_OK;
        }
        if (fluorite_deadline_left(&deadline, 1) == 0) {
            return FLUORITE_ERROR_STUCK;
        }
        if ((code = device->io.wait(device->io.context, 1)) < 0) {
            return code;
        }
    }
}

/* Lock held. Launches that completed before keep their results. */
int fluorite_device_reset(struct fluorite_device *device)
{
    const struct fluorite_failure cancelled = {FLUORITE_ERROR_CANCELLED, -1, 0};
    int code;
    if (device->stuck) {
        return FLUORITE_ERROR_STUCK;
    }
    (void)fluorite_device_harvest(device); /* what is wrong with the hardware is why we are here */
    code = put(device, FLUORITE_CONTROL, FLUORITE_CONTROL_SOFT_RESET_MASK);
    if (code == FLUORITE_OK) {
        code = await_reset(device);
    }
    for (; device->completed < device->next; device->completed += 1) {
        fluorite_ticket_finish(device, device->completed, &cancelled);
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
    const int state = fluorite_hold_cancel();
    int code;
    pthread_mutex_lock(&device->lock);
    code = fluorite_device_reset(device);
    pthread_mutex_unlock(&device->lock);
    fluorite_allow_cancel(state);
    return code;
}

/* --- counters ----------------------------------------------------------------------------------------------------- */

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
    const int state = fluorite_hold_cancel();
    int code;
    memset(counters, 0, sizeof *counters);
    pthread_mutex_lock(&device->lock);
    code = read_counters(device, counters);
    counters->interrupts_missed = device->interrupts_missed;
    counters->most_in_flight = device->most_in_flight;
    pthread_mutex_unlock(&device->lock);
    fluorite_allow_cancel(state);
    return code;
}

/* --- opening and closing ------------------------------------------------------------------------------------------ */

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
                             "%s: the design in the FPGA must be 0x%08x, not 0x%08x: driver and bitstream are not of "
                             "one build", accelerator->name, (unsigned)accelerator->design_hash, (unsigned)hash);
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
    fluorite_ticket_drop_all(device);
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
