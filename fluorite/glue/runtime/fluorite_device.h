/* For the files of the driver itself: what a device is, and the steps that its functions share.

   Launches are numbered by the driver from 0 (tickets) and by the hardware from 0 since its last reset; `base` is the
   ticket of the hardware's launch 0. */
#ifndef FLUORITE_DEVICE_H
#define FLUORITE_DEVICE_H

#include "fluorite_registers.h"
#include "fluorite_runtime.h"

#include <pthread.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CHAINS 64u /* of results, by ticket */
#define ERROR_BITS 32u /* launches of which the hardware tells at a time whether they failed */
#define MAX_REGISTERS 512u /* of a launch */
#define CACHE_LINE 64u /* bytes */

struct slot { /* of a launch, until it is waited for */
    struct slot *next; /* in its chain */
    uint64_t ticket;
    int done;
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
    uint32_t interrupts_missed, most_in_flight;
    int leader; /* some thread waits for the interrupt */
    int stuck;
    struct slot *slots[CHAINS];
};

static inline int get(struct fluorite_device *device, uint32_t offset, uint32_t *value)
{
    return device->io.read(device->io.context, offset, value);
}

static inline int put(struct fluorite_device *device, uint32_t offset, uint32_t value)
{
    return device->io.write(device->io.context, offset, value);
}

/* A thread that is cancelled in a function of the driver ends after it: nothing is left locked or half done. Returns
   what the other takes. */
static inline int fluorite_hold_cancel(void)
{
    int state = 0;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    return state;
}

static inline void fluorite_allow_cancel(int state)
{
    (void)pthread_setcancelstate(state, &state);
}

/* --- fluorite_wait.c; all but the deadlines with the lock held ---------------------------------------------------- */

struct deadline {
    int never;
    struct timespec at;
};

struct deadline fluorite_deadline_in(int milliseconds);

/* Milliseconds left, rounded up, at most `limit`. */
int fluorite_deadline_left(const struct deadline *deadline, int limit);

/* Takes in what the hardware completed. */
int fluorite_device_harvest(struct fluorite_device *device);

/* Waits until something may have changed; gives the lock up meanwhile. */
int fluorite_device_step(struct fluorite_device *device, const struct deadline *deadline);

/* --- fluorite_ticket.c; all but the first with the lock held ------------------------------------------------------ */

/* A slot that has no ticket yet; NULL if there is no memory. */
struct slot *fluorite_ticket_new(const struct fluorite_device *device, const struct fluorite_view *views);

/* Gives the slot the next ticket. */
void fluorite_ticket_give(struct fluorite_device *device, struct slot *slot, uint64_t *ticket);

/* The slot of a ticket; NULL if there is none. Taking it makes it the caller's, to free. */
struct slot *fluorite_ticket_find(struct fluorite_device *device, uint64_t ticket);
struct slot *fluorite_ticket_take(struct fluorite_device *device, uint64_t ticket);

void fluorite_ticket_finish(struct fluorite_device *device, uint64_t ticket, const struct fluorite_failure *failure);
void fluorite_ticket_drop_all(struct fluorite_device *device);

/* --- fluorite_device.c -------------------------------------------------------------------------------------------- */

/* fluorite_reset with the lock held. */
int fluorite_device_reset(struct fluorite_device *device);

/* --- fluorite_cache.c --------------------------------------------------------------------------------------------- */

/* Offsets in the arena of a view's first byte and of the one after its last. */
void fluorite_view_span(const struct fluorite_device *device, const struct fluorite_stream *stream,
                        const struct fluorite_view *view, int64_t *low, int64_t *high);

int fluorite_sync_for_device(struct fluorite_device *device, const struct fluorite_view *views);
int fluorite_sync_for_cpu(struct fluorite_device *device, const struct fluorite_view *views); /* outputs */

#ifdef __cplusplus
}
#endif

#endif /* FLUORITE_DEVICE_H */
