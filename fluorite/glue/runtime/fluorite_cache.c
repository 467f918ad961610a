/* Cache maintenance: which bytes of the arena a launch's streams touch, and telling them to the access layer. */
#define _POSIX_C_SOURCE 200809L

#include "fluorite_device.h"

/* Offsets in the arena of a view's first byte and of the one after its last. */
void fluorite_view_span(const struct fluorite_device *device, const struct fluorite_stream *stream,
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
        fluorite_view_span(device, stream, &row, &low, &high);
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
    fluorite_view_span(device, stream, view, &low, &high);
    return sync_bytes(device, low, high, direction, for_cpu);
}

int fluorite_sync_for_device(struct fluorite_device *device, const struct fluorite_view *views)
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

int fluorite_sync_for_cpu(struct fluorite_device *device, const struct fluorite_view *views)
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
