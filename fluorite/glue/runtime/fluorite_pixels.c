/* Pixels of extern stages: where they lie in Halide's buffers, whether the hardware can take them from there, and
   copies where it cannot. The same arithmetic as fluorite/run/words.py, which simulates it. */
#include "fluorite_call.h"
#include "fluorite_overlap.h"

#include <string.h>

#define MOST_BYTES (INT64_MAX / 16) /* along a dimension: more than any memory has, and sums of them do not overflow */

/* --- buffers ------------------------------------------------------------------------------------------------------ */

/* One dimension of a region in a buffer: whether the buffer has it, in memory that there can be. */
static int check_dimension(struct call *call, int stream, const struct box *box, int d)
{
    const char *name = call->stage->accelerator->name, *named = call->stage->accelerator->streams[stream].name;
    const struct halide_dimension_t *dim = &call->buffers[stream]->dim[d];
    const int64_t start = box->mins[d] - dim->min;
    if (start < 0 || box->extents[d] > dim->extent - start) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_TOO_SMALL,
                             "%s: the buffer of %s has %lld..%lld along dimension %d, %lld..%lld is needed", name, named,
                             (long long)dim->min, (long long)dim->min + dim->extent - 1, d, (long long)box->mins[d],
                             (long long)(box->mins[d] + box->extents[d] - 1));
    }
    if ((dim->stride < 0 ? -(int64_t)dim->stride : dim->stride) > (MOST_BYTES / 8) / (dim->extent + (int64_t)1)) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_ARGUMENT,
                             "%s: the buffer of %s cannot have a stride of %d over %d along dimension %d", name, named,
                             (int)dim->stride, (int)dim->extent, d);
    }
    return FLUORITE_OK;
}

/* Finds a region in a buffer. */
int fluorite_pixels_locate(struct call *call, int stream, const struct box *box, struct pixels *pixels)
{
    const struct fluorite_plan *plan = &call->stage->plans[stream];
    const struct fluorite_stream *named = &call->stage->accelerator->streams[stream];
    const struct halide_buffer_t *buffer = call->buffers[stream];
    const int64_t bytes = (int64_t)named->element_bytes;
    int32_t filled = 1;
    int d, code;
    if (buffer->host == NULL || buffer->dimensions != plan->dimensions || (buffer->type.bits + 7) / 8 != bytes) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_ARGUMENT,
                             "%s: the buffer of %s must be in host memory, with %d dimensions and %d bytes a value",
                             call->stage->accelerator->name, named->name, plan->dimensions, (int)bytes);
    }
    pixels->first = buffer->host;
    pixels->channels[0] = 0;
    for (d = 0; d < call->stage->loop_count; ++d) { /* of loops that the buffer has no dimension for */
        pixels->strides[d] = 0;
        pixels->extents[d] = 1;
    }
    for (d = 0; d < plan->dimensions; ++d) {
        const int64_t stride = buffer->dim[d].stride * bytes;
        const int loop = plan->arguments[d].loop;
        if ((code = check_dimension(call, stream, box, d)) != FLUORITE_OK) {
            return code;
        }
        pixels->first += (box->mins[d] - buffer->dim[d].min) * stride;
        if (loop >= 0) {
            pixels->strides[loop] = stride;
            pixels->extents[loop] = (int32_t)box->extents[d];
        } else {
            const int32_t extent = (int32_t)box->extents[d];
            int32_t i; /* the first channel dimension is the fastest */
            for (i = filled; i < filled * extent; ++i) {
                pixels->channels[i] = pixels->channels[i % filled] + i / filled * stride;
            }
            filled *= extent;
        }
    }
    return FLUORITE_OK;
}

/* The bytes of a region. */
static struct fluorite_lattice lattice(const struct call *call, int stream, const struct box *box,
                                       const struct pixels *pixels)
{
    const struct halide_buffer_t *buffer = call->buffers[stream];
    struct fluorite_lattice made;
    int d;
    memset(&made, 0, sizeof made);
    made.first = (uintptr_t)pixels->first;
    made.bytes = (int64_t)call->stage->accelerator->streams[stream].element_bytes;
    made.axes = buffer->dimensions;
    for (d = 0; d < buffer->dimensions; ++d) {
        made.strides[d] = buffer->dim[d].stride * made.bytes;
        made.extents[d] = box->extents[d];
    }
    return made;
}

int fluorite_pixels_check(struct call *call, const struct box *region)
{
    const struct fluorite_stage *stage = call->stage;
    const int streams = stage->input_count + stage->output_count;
    struct fluorite_lattice found[FLUORITE_MAX_STREAMS];
    struct pixels pixels;
    int i, other, code;
    for (i = 0; i < stage->argument_count; ++i) {
        if (region->extents[i] <= 0) {
            return FLUORITE_OK; /* nothing is done */
        }
    }
    for (i = 0; i < streams; ++i) {
        const int is_output = i >= stage->input_count;
        const struct box box = fluorite_stage_needs(stage, &stage->plans[i], region, call->variables + 2 * stage->loop_count);
        if ((code = fluorite_pixels_locate(call, i, &box, &pixels)) != FLUORITE_OK) {
            return code;
        }
        found[i] = lattice(call, i, &box, &pixels);
        if (is_output && fluorite_lattice_overlaps_itself(&found[i])) {
            return fluorite_fail(&call->error, FLUORITE_ERROR_ARGUMENT,
                                 "%s: the strides of the output %s put several of its values into the same memory",
                                 stage->accelerator->name, stage->accelerator->streams[i].name);
        }
        for (other = 0; other < i && is_output; ++other) {
            if (fluorite_lattices_overlap(&found[other], &found[i])) {
                return fluorite_fail(&call->error, FLUORITE_ERROR_ARGUMENT,
                                     "%s: the output %s shares memory with %s: give it memory of its own",
                                     stage->accelerator->name, stage->accelerator->streams[i].name,
                                     stage->accelerator->streams[other].name);
            }
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
    int32_t lanes[FLUORITE_MAX_DIMENSIONS] = {1, 1, 1, 1}, at[FLUORITE_MAX_DIMENSIONS] = {0, 0, 0, 0}, all = 1;
    int d;
    for (d = 0; d < plan->dimensions && !plan->in_rows; ++d) {
        if (plan->arguments[d].loop >= 0) {
            lanes[plan->arguments[d].loop] = plan->arguments[d].lanes;
            all *= plan->arguments[d].lanes;
        }
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
