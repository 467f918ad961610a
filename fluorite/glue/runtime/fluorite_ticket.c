/* Results of launches. Each is kept until it is waited for, however many come in between: a thread may be held up for
   long, or start many launches before it waits for the first. A result that nobody waits for stays until the device is
   closed. */
#define _POSIX_C_SOURCE 200809L

#include "fluorite_device.h"

#include <stdlib.h>
#include <string.h>

static struct slot **chain(struct fluorite_device *device, uint64_t ticket)
{
    return &device->slots[ticket % CHAINS];
}

struct slot *fluorite_ticket_new(const struct fluorite_device *device, const struct fluorite_view *views)
{
    struct slot *made = (struct slot *)calloc(1, sizeof *made);
    if (made != NULL) {
        memcpy(made->views, views, device->accelerator->stream_count * sizeof *views);
    }
    return made;
}

void fluorite_ticket_give(struct fluorite_device *device, struct slot *slot, uint64_t *ticket)
{
    struct slot **first = chain(device, device->next);
    *ticket = slot->ticket = device->next++;
    slot->next = *first;
    *first = slot;
}

struct slot *fluorite_ticket_find(struct fluorite_device *device, uint64_t ticket)
{
    struct slot *slot = *chain(device, ticket);
    while (slot != NULL && slot->ticket != ticket) {
        slot = slot->next;
    }
    return slot;
}

struct slot *fluorite_ticket_take(struct fluorite_device *device, uint64_t ticket)
{
    struct slot **link = chain(device, ticket), *slot;
    while ((slot = *link) != NULL && slot->ticket != ticket) {
        link = &slot->next;
    }
    if (slot != NULL) {
        *link = slot->next;
    }
    return slot;
}

void fluorite_ticket_finish(struct fluorite_device *device, uint64_t ticket, const struct fluorite_failure *failure)
{
    struct slot *slot = fluorite_ticket_find(device, ticket);
    if (slot != NULL) {
        slot->failure = *failure;
        slot->done = 1;
    }
}

void fluorite_ticket_drop_all(struct fluorite_device *device)
{
    size_t i;
    for (i = 0; i < CHAINS; ++i) {
        while (device->slots[i] != NULL) {
            struct slot *slot = device->slots[i];
            device->slots[i] = slot->next;
            (void)fluorite_sync_for_cpu(device, slot->views); /* the memory is the program's again */
            free(slot);
        }
    }
}
