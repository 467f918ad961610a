/* Waiting for launches. Of all threads that wait, one (the leader) waits for the interrupt, without the lock; the
   others wait for the leader to tell them what it saw. */
#define _POSIX_C_SOURCE 200809L

#include "fluorite_device.h"

#include <stdlib.h>
#include <string.h>

#define SLICE_MS 100 /* the registers are looked at this often, should an interrupt be lost */

/* --- time --------------------------------------------------------------------------------------------------------- */

struct deadline fluorite_deadline_in(int milliseconds)
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
int fluorite_deadline_left(const struct deadline *deadline, int limit)
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

/* --- results ------------------------------------------------------------------------------------------------------ */

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
int fluorite_device_harvest(struct fluorite_device *device)
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
        fluorite_ticket_finish(device, device->completed, &failure);
        device->completed += 1;
    }
    pthread_cond_broadcast(&device->changed);
    return FLUORITE_OK;
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

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
    const int milliseconds = fluorite_deadline_left(deadline, device->io.has_interrupt ? SLICE_MS : 1);
    const uint64_t before = device->completed, base = device->base;
    int woken, code;
    device->leader = 1;
    pthread_mutex_unlock(&device->lock);
    woken = device->io.wait(device->io.context, milliseconds);
    pthread_mutex_lock(&device->lock);
    device->leader = 0;
    code = woken < 0 ? woken : fluorite_device_harvest(device);
    if (woken == 0 && device->io.has_interrupt && code == FLUORITE_OK && device->base == base) {
        device->interrupts_missed += (uint32_t)(device->completed - before);
    }
    pthread_cond_broadcast(&device->changed); /* somebody else may have to lead */
    return code;
}

int fluorite_device_step(struct fluorite_device *device, const struct deadline *deadline)
{
    if (device->stuck) {
        return FLUORITE_ERROR_STUCK;
    }
    return device->leader ? follow(device, deadline) : lead(device, deadline);
}

/* Waits, lock held, for a launch. */
static int completion(struct fluorite_device *device, uint64_t ticket, const struct deadline *deadline)
{
    for (;;) {
        const struct slot *slot = fluorite_ticket_find(device, ticket);
        int code;
        if (slot == NULL) {
            return FLUORITE_ERROR_TICKET;
        }
        if (!slot->done && (code = fluorite_device_harvest(device)) != FLUORITE_OK) {
            return code;
        }
        if (slot->done) {
            return FLUORITE_OK;
        }
        if (fluorite_deadline_left(deadline, 1) == 0) {
            return FLUORITE_ERROR_TIMEOUT;
        }
        if ((code = fluorite_device_step(device, deadline)) != FLUORITE_OK) {
            return code;
        }
    }
}

int fluorite_wait_failure(struct fluorite_device *device, uint64_t ticket, int timeout_ms,
                          struct fluorite_failure *failure)
{
    const struct deadline deadline = fluorite_deadline_in(timeout_ms);
    const int state = fluorite_hold_cancel();
    struct slot *slot = NULL;
    int code;
    memset(failure, 0, sizeof *failure);
    failure->stream = -1;
    pthread_mutex_lock(&device->lock);
    code = completion(device, ticket, &deadline);
    if (code == FLUORITE_OK) {
        slot = fluorite_ticket_take(device, ticket); /* of several that wait for one launch, the first has it */
    }
    pthread_mutex_unlock(&device->lock);
    if (slot != NULL) {
        *failure = slot->failure;
        code = fluorite_sync_for_cpu(device, slot->views); /* also after a reset: the memory may be used again */
        free(slot);
    }
    if (code != FLUORITE_OK) {
        failure->code = code;
    }
    fluorite_allow_cancel(state);
    return failure->code;
}

int fluorite_wait(struct fluorite_device *device, uint64_t ticket, int timeout_ms)
{
    struct fluorite_failure failure;
    return fluorite_wait_failure(device, ticket, timeout_ms, &failure);
}
