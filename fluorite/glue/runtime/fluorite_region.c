/* Regions of extern stages: which part of the inputs a part of the output needs, Halide's questions about that, and
   what the hardware can compute. The same arithmetic as StreamPlan.region, run/launch.py and Border.holds in Python,
   which simulate it. */
#include "fluorite_call.h"

#include <string.h>

/* --- regions ------------------------------------------------------------------------------------------------------ */

/* A region of the output as the first variables of formulas. */
void fluorite_stage_place(const struct fluorite_stage *stage, const struct box *output, int64_t *variables)
{
    int i;
    for (i = 0; i < stage->loop_count; ++i) {
        variables[2 * i] = output->mins[stage->loops[i].argument];
        variables[2 * i + 1] = output->extents[stage->loops[i].argument];
    }
}

/* The region of a stream that a region of the output needs. */
struct box fluorite_stage_needs(const struct fluorite_stage *stage, const struct fluorite_plan *plan,
                                const struct box *output, const int64_t *scalars)
{
    int64_t variables[MAX_VARIABLES], first[FLUORITE_MAX_ARGUMENTS], last[FLUORITE_MAX_ARGUMENTS];
    struct box box;
    int d;
    memset(&box, 0, sizeof box);
    fluorite_stage_place(stage, output, variables);
    for (d = 0; d < stage->scalar_count; ++d) {
        variables[2 * stage->loop_count + d] = scalars[d];
    }
    plan->needs(variables, first, last);
    for (d = 0; d < plan->dimensions; ++d) {
        box.mins[d] = first[d];
        box.extents[d] = fluorite_max(last[d] - first[d] + 1, 0);
    }
    return box;
}

struct box fluorite_stage_asked(const struct halide_buffer_t *buffer)
{
    struct box box;
    int d;
    memset(&box, 0, sizeof box);
    for (d = 0; d < buffer->dimensions && d < FLUORITE_MAX_ARGUMENTS; ++d) {
        box.mins[d] = buffer->dim[d].min;
        box.extents[d] = buffer->dim[d].extent;
    }
    return box;
}

/* A launch of fixed size never computes less. */
static void round_up(const struct fluorite_stage *stage, struct box *box)
{
    int i;
    for (i = 0; i < stage->loop_count; ++i) {
        const struct fluorite_loop *loop = &stage->loops[i];
        if (loop->fixed && box->extents[loop->argument] < loop->max_extent) {
            box->extents[loop->argument] = loop->max_extent;
        }
    }
    for (i = 0; i < stage->channel_count; ++i) {
        const struct fluorite_channel *channel = &stage->channels[i];
        if (box->extents[channel->argument] < channel->extent) {
            box->extents[channel->argument] = channel->extent;
        }
    }
}

/* --- bounds queries ----------------------------------------------------------------------------------------------- */

static int is_query(const struct halide_buffer_t *buffer)
{
    return buffer->host == NULL && buffer->device == 0;
}

int fluorite_buffer_answer(const struct fluorite_stage *stage, int stream, struct halide_buffer_t *buffer,
                           const struct box *box, struct fluorite_error *error)
{
    int d;
    for (d = 0; d < buffer->dimensions && d < FLUORITE_MAX_ARGUMENTS; ++d) {
        if (box->mins[d] < INT32_MIN || box->mins[d] > INT32_MAX || box->extents[d] > INT32_MAX) {
            return fluorite_fail(error, FLUORITE_ERROR_EXTENT,
                                 "%s: %s would be needed from %lld over %lld along dimension %d, beyond what 32 bits hold",
                                 stage->accelerator->name, stage->accelerator->streams[stream].name,
                                 (long long)box->mins[d], (long long)box->extents[d], d);
        }
        buffer->dim[d].min = (int32_t)box->mins[d];
        buffer->dim[d].extent = (int32_t)box->extents[d];
    }
    return FLUORITE_OK;
}

/* Whether this was a bounds query; then it is answered. */
int fluorite_stage_answer(const struct fluorite_stage *stage, struct halide_buffer_t *const *buffers,
                          const int64_t *scalars, struct fluorite_error *error)
{
    const int streams = stage->input_count + stage->own_count;
    struct box region = fluorite_stage_asked(buffers[stage->input_count]);
    int i, asked = 0, code = FLUORITE_OK;
    for (i = 0; i < streams; ++i) {
        asked |= is_query(buffers[i]);
    }
    if (!asked) {
        return 0;
    }
    if (is_query(buffers[stage->input_count])) {
        round_up(stage, &region);
        for (i = stage->input_count; i < streams && code == FLUORITE_OK; ++i) {
            code = fluorite_buffer_answer(stage, i, buffers[i], &region, error);
        }
    }
    for (i = 0; i < stage->input_count && code == FLUORITE_OK; ++i) {
        if (is_query(buffers[i])) {
            const struct box needed = fluorite_stage_needs(stage, &stage->plans[i], &region, scalars);
            code = fluorite_buffer_answer(stage, i, buffers[i], &needed, error);
        }
    }
    return code != FLUORITE_OK ? code : 1;
}

/* --- what may be asked for ---------------------------------------------------------------------------------------- */

/* The first launch that does not begin where all streams' words do; `start` + `extent` if there is none. */
static int64_t out_of_step(const struct fluorite_loop *loop, int64_t start, int64_t extent)
{
    int64_t offset;
    for (offset = 0; offset < extent && loop->step > 1; offset += loop->cut) {
        const int64_t shifted = loop->fixed ? fluorite_min(offset, extent - loop->max_extent) : offset;
        if ((start + shifted) % loop->step != 0) {
            return start + shifted;
        }
        if (!loop->fixed && extent - offset <= loop->max_extent) {
            break;
        }
    }
    return start + extent;
}

static int check_loop(struct call *call, const struct fluorite_loop *loop, int64_t start, int64_t extent)
{
    const char *name = call->stage->accelerator->name;
    const int64_t strange = out_of_step(loop, start, extent);
    if (loop->fixed && extent < loop->max_extent) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_EXTENT,
                             "%s: %d pixels along %s are asked for, less than a launch of %d; use a larger image, a "
                             "smaller tile, or TailStrategy.GuardWithIf", name, (int)extent, loop->name,
                             (int)loop->max_extent);
    }
    if (loop->has_min && (start != loop->min || extent != loop->max_extent)) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_EXTENT,
                             "%s: %s from %d over %d pixels is asked for, but bound() promised %d over %d", name,
                             loop->name, (int)start, (int)extent, (int)loop->min, (int)loop->max_extent);
    }
    if (strange != start + extent && loop->lanes == 1) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_EXTENT,
                             "%s: a launch begins at %s = %d, and with a border and streams at different rates it must begin "
                             "at a multiple of %d; let the image begin there, or pad in software", name, loop->name,
                             (int)strange, (int)loop->step);
    }
    if (strange != start + extent) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_EXTENT,
                             "%s: a launch begins at %s = %d, and with %d lanes and streams at different rates it must begin "
                             "at a multiple of %d; move the region, use tiles of a multiple of %d pixels and "
                             "TailStrategy.GuardWithIf, or unroll %s less", name, loop->name, (int)strange,
                             (int)loop->lanes, (int)loop->step, (int)loop->step, loop->name);
    }
    return FLUORITE_OK;
}

/* Whether the index function does around this image what the hardware does. */
int fluorite_stage_border_holds(const struct fluorite_border *border, const int64_t *variables, int64_t minimum,
                                int64_t extent)
{
    const int64_t last = minimum + extent - 1;
    const int64_t larger = extent > border->least_extent ? extent - border->least_extent : 0;
    const int64_t fold = larger < border->fold_count ? larger : border->fold_count - 1;
    const int32_t *left = border->left + fold * border->left_count;
    const int32_t *right = border->right + fold * border->right_count;
    int64_t position;
    if (extent < border->least_extent) {
        return 0;
    }
    for (position = minimum - border->left_count; position <= last + border->right_count; ++position) {
        int64_t expected = position;
        if (position < minimum) {
            expected = minimum + left[minimum - position - 1];
        } else if (position > last) {
            expected = last - right[position - last - 1];
        }
        if (border->index(position, variables) != expected) {
            return 0;
        }
    }
    return 1;
}

static int check_border(struct call *call, const struct fluorite_border *border, const struct box *region)
{
    const struct fluorite_loop *loop = &call->stage->loops[border->loop];
    const char *name = call->stage->accelerator->name;
    const int64_t start = region->mins[loop->argument], extent = region->extents[loop->argument];
    if (border->recursion && extent > loop->max_extent) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_EXTENT,
                             "%s: %d pixels along %s are asked for, more than the %d of a launch, and a recursion does "
                             "not begin anew; compile for larger extents", name, (int)extent, loop->name,
                             (int)loop->max_extent);
    }
    if (border->recursion) {
        if (extent > 0 && fluorite_stage_border_holds(border, call->variables, start, extent)) {
            return FLUORITE_OK;
        }
        return fluorite_fail(&call->error, FLUORITE_ERROR_BORDER,
                             "%s: %s from %d over %d pixels is asked for, and a recursion goes over others; begin where it "
                             "begins, and end no later", name, loop->name, (int)start, (int)extent);
    }
    if (extent == 0) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_EXTENT,
                             "%s: no pixels along %s are asked for, and an image without pixels has no edge for the "
                             "border condition; give one pixel at least", name, loop->name);
    }
    if (extent > loop->max_extent) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_EXTENT,
                             "%s: %d pixels along %s are asked for, more than the %d of a launch, and a border is only "
                             "where an image ends; compile for larger extents", name, (int)extent, loop->name,
                             (int)loop->max_extent);
    }
    if (extent < border->least_extent) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_EXTENT,
                             "%s: %d pixels along %s are asked for, and the hardware of the border condition is for "
                             "images of %d and more; use a larger image, or pad in software", name, (int)extent, loop->name,
                             (int)border->least_extent);
    }
    if (!fluorite_stage_border_holds(border, call->variables, start, extent)) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_BORDER,
                             "%s: %s from %d over %d pixels is asked for, which is not the image that the border "
                             "condition is for; realize the whole image, or pad in software", name, loop->name,
                             (int)start, (int)extent);
    }
    return FLUORITE_OK;
}

int fluorite_stage_check(struct call *call, const struct box *region)
{
    const struct fluorite_stage *stage = call->stage;
    int i, code = FLUORITE_OK;
    for (i = 0; i < stage->channel_count; ++i) {
        const struct fluorite_channel *channel = &stage->channels[i];
        const int64_t start = region->mins[channel->argument], extent = region->extents[channel->argument];
        if (start != channel->min || extent != channel->extent) {
            return fluorite_fail(&call->error, FLUORITE_ERROR_EXTENT,
                                 "%s: %s from %d over %d is asked for, but bound() promised %d over %d",
                                 stage->accelerator->name, channel->name, (int)start, (int)extent, (int)channel->min,
                                 (int)channel->extent);
        }
    }
    for (i = 0; i < stage->loop_count && code == FLUORITE_OK; ++i) {
        const struct fluorite_loop *loop = &stage->loops[i];
        code = check_loop(call, loop, region->mins[loop->argument], region->extents[loop->argument]);
    }
    for (i = 0; i < stage->border_count && code == FLUORITE_OK; ++i) {
        code = check_border(call, &stage->borders[i], region);
    }
    for (i = 0; i < stage->image_count && code == FLUORITE_OK; ++i) {
        code = fluorite_placed_check(call, &stage->images[i], region);
    }
    return code;
}
