/* Pixels of extern stages: where they lie in Halide's buffers, whether the hardware can take them from there, and
   copies where it cannot. The same arithmetic as fluorite/words.py, which simulates it. */
#include "fluorite_call.h"

#include <string.h>

/* --- buffers ------------------------------------------------------------------------------------------------------ */

/* Finds a region in a buffer. */
int fluorite_pixels_locate(struct call *call, int stream, const struct box *box, struct pixels *pixels)
{
    const struct fluorite_plan *plan = &call->stage->plans[stream];
    const struct fluorite_stream *named = &call->stage->accelerator->streams[stream];
    const struct halide_buffer_t *buffer = call->buffers[stream];
    const int64_t bytes = (int64_t)named->element_bytes;
    int32_t filled = 1;
    int d;
    if (buffer->host == NULL || buffer->dimensions != plan->dimensions || (buffer->type.bits + 7) / 8 != bytes) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_ARGUMENT,
                             "%s: the buffer of %s must be in host memory, with %d dimensions and %d bytes a value",
                             call->stage->accelerator->name, named->name, plan->dimensions, (int)bytes);
    }
    pixels->first = buffer->host;
    pixels->channels[0] = 0;
    for (d = 0; d < plan->dimensions; ++d) {
        const struct halide_dimension_t *dim = &buffer->dim[d];
        const int64_t start = (int64_t)box->mins[d] - dim->min, stride = dim->stride * bytes;
        const int loop = plan->arguments[d].loop;
        if (start < 0 || start + box->extents[d] > dim->extent) {
            return fluorite_fail(&call->error, FLUORITE_ERROR_TOO_SMALL,
                                 "%s: the buffer of %s has %d..%d along dimension %d, %d..%d is needed",
                                 call->stage->accelerator->name, named->name, (int)dim->min,
                                 (int)(dim->min + dim->extent - 1), d, (int)box->mins[d],
                                 (int)(box->mins[d] + box->extents[d] - 1));
        }
        pixels->first += start * stride;
        if (loop >= 0) {
            pixels->strides[loop] = stride;
            pixels->extents[loop] = box->extents[d];
        } else {
            int32_t i; /* the first channel dimension is the fastest */
            for (i = filled; i < filled * box->extents[d]; ++i) {
                pixels->channels[i] = pixels->channels[i % filled] + i / filled * stride;
            }
            filled *= box->extents[d];
        }
    }
    return FLUORITE_OK;
}

/* Whether a pixel's values are neighbours, and the pixels of a row. */
static int is_interleaved(const struct fluorite_plan *plan, const struct pixels *pixels, int64_t bytes)
{
    int32_t i;
    for (i = 0; i < plan->channels; ++i) {
        if (pixels->channels[i] != i * bytes) {
            return 0;
        }
    }
    return pixels->extents[0] == 1 || pixels->strides[0] == plan->channels * bytes;
}

/* Whether the hardware can write the rows without touching cache lines of anything else: what the CPU writes into a
   line that is later invalidated is lost. Padding between rows is the buffer's own; with several launches in a call,
   though, what lies between the rows of one are rows of another. */
static int owns_lines(const struct pixels *pixels, const struct fluorite_view *view, int loops, int alone)
{
    int64_t bytes = (int64_t)view->row_bytes;
    int gaps = 0, aligned = bytes % CACHE_LINE == 0;
    int d;
    for (d = 1; d < loops; ++d) {
        const int64_t stride = pixels->strides[d] < 0 ? -pixels->strides[d] : pixels->strides[d];
        if (pixels->extents[d] > 1) {
            if (stride < bytes) {
                return 0; /* rows that overlap, or dimensions in another order: not ours to judge */
            }
            gaps |= stride - bytes >= (alone ? CACHE_LINE : 1);
            aligned &= stride % CACHE_LINE == 0;
            bytes = stride * pixels->extents[d];
        }
    }
    if (!gaps) {
        aligned = alone || bytes % CACHE_LINE == 0;
    }
    return aligned && ((alone && !gaps) || (uintptr_t)pixels->first % CACHE_LINE == 0);
}

/* Whether the hardware can take the pixels as they lie. */
int fluorite_pixels_direct(const struct call *call, int stream, const struct pixels *pixels,
                           const struct fluorite_view *view)
{
    const struct fluorite_plan *plan = &call->stage->plans[stream];
    const struct fluorite_stream *named = &call->stage->accelerator->streams[stream];
    const int loops = call->stage->loop_count;
    int d;
    if (!plan->in_rows || !fluorite_in_arena(fluorite_device_arena(call->device), pixels->first, view->row_bytes) ||
        !is_interleaved(plan, pixels, (int64_t)named->element_bytes)) {
        return 0;
    }
    for (d = 1; d < loops; ++d) {
        if (pixels->strides[d] > INT32_MAX || pixels->strides[d] < INT32_MIN) {
            return 0;
        }
    }
    return !named->is_output || owns_lines(pixels, view, loops, call->alone);
}

/* --- copies ------------------------------------------------------------------------------------------------------- */

static void copy_values(unsigned char *to, int64_t to_step, const unsigned char *from, int64_t from_step, int64_t count,
                        uint32_t bytes)
{
    int64_t i;
    if (to_step == (int64_t)bytes && from_step == (int64_t)bytes) {
        memcpy(to, from, (size_t)(count * bytes));
        return;
    }
    switch (bytes) { /* memcpy of a known size is a load and a store */
    case 1:
        for (i = 0; i < count; ++i) {
            to[i * to_step] = from[i * from_step];
        }
        break;
    case 2:
        for (i = 0; i < count; ++i) {
            memcpy(to + i * to_step, from + i * from_step, 2);
        }
        break;
    case 4:
        for (i = 0; i < count; ++i) {
            memcpy(to + i * to_step, from + i * from_step, 4);
        }
        break;
    default:
        for (i = 0; i < count; ++i) {
            memcpy(to + i * to_step, from + i * from_step, 8);
        }
        break;
    }
}

/* One row of pixels between the image and words: values of one lane and channel lie a word apart. */
static void copy_row(const struct fluorite_plan *plan, uint32_t bytes, const struct pixels *pixels,
                     unsigned char *row, unsigned char *image, int32_t lanes, int64_t word_bytes, int to_words)
{
    int32_t lane, channel;
    for (lane = 0; lane < lanes && lane < pixels->extents[0]; ++lane) {
        const int64_t count = (pixels->extents[0] - lane + lanes - 1) / lanes;
        for (channel = 0; channel < plan->channels; ++channel) {
            unsigned char *word = row + ((int64_t)lane * plan->channels + channel) * bytes;
            unsigned char *value = image + lane * pixels->strides[0] + pixels->channels[channel];
            if (to_words) {
                copy_values(word, word_bytes, value, lanes * pixels->strides[0], count, bytes);
            } else {
                copy_values(value, lanes * pixels->strides[0], word, word_bytes, count, bytes);
            }
        }
    }
}

/* Between an image and the stream's words, which lie densely at `view`. */
void fluorite_pixels_copy(const struct fluorite_stage *stage, int stream, const struct pixels *pixels,
                          const struct fluorite_view *view, int to_words)
{
    const struct fluorite_plan *plan = &stage->plans[stream];
    const uint32_t bytes = stage->accelerator->streams[stream].element_bytes;
    int32_t lanes[FLUORITE_MAX_DIMENSIONS], at[FLUORITE_MAX_DIMENSIONS] = {0, 0, 0, 0}, all = 1;
    int d;
    for (d = 0; d < stage->loop_count; ++d) {
        lanes[d] = plan->in_rows ? 1 : stage->loops[d].lanes;
        all *= lanes[d];
    }
    do {
        unsigned char *row = (unsigned char *)view->first, *image = pixels->first;
        int32_t lane_stride = lanes[0];
        for (d = 1; d < stage->loop_count; ++d) {
            row += at[d] / lanes[d] * view->strides[d - 1];
            row += (int64_t)(at[d] % lanes[d]) * lane_stride * plan->channels * (int64_t)bytes;
            image += at[d] * pixels->strides[d];
            lane_stride *= lanes[d];
        }
        copy_row(plan, bytes, pixels, row, image, lanes[0], (int64_t)all * plan->channels * bytes, to_words);
        for (d = 1; d < stage->loop_count; ++d) {
            if (++at[d] < pixels->extents[d]) {
                break;
            }
            at[d] = 0;
        }
    } while (d < stage->loop_count);
}

/* Bytes of a stream's words, one row after another; sets the strides. */
uint64_t fluorite_pixels_dense(const struct fluorite_stage *stage, struct fluorite_view *view)
{
    int64_t bytes = (int64_t)view->row_bytes;
    int d;
    for (d = 1; d < stage->loop_count; ++d) {
        view->strides[d - 1] = bytes;
        bytes *= (int64_t)view->counts[d - 1];
    }
    return (uint64_t)bytes;
}
