/* Outputs beside an accelerated Func: each has an extern stage of its own, which Halide calls after the Func's, with the
   Func's buffer. What launches gave of them is kept until then, and found again by where that buffer lies. */
#define _POSIX_C_SOURCE 200809L

#include "fluorite_call.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct {
    pthread_mutex_t lock;
    struct fluorite_kept *first;
} all = {PTHREAD_MUTEX_INITIALIZER, NULL};

/* --- what is kept ------------------------------------------------------------------------------------------------- */

/* Where a buffer's value at the beginning of a region lies; NULL if the buffer has not all of the region. */
static unsigned char *place(const struct halide_buffer_t *buffer, const struct box *region)
{
    unsigned char *first = buffer->host;
    int d;
    for (d = 0; d < buffer->dimensions && d < FLUORITE_MAX_ARGUMENTS; ++d) {
        const struct halide_dimension_t *dim = &buffer->dim[d];
        const int64_t start = region->mins[d] - dim->min;
        if (start < 0 || region->extents[d] > dim->extent - start) {
            return NULL;
        }
        first += start * dim->stride * ((buffer->type.bits + 7) / 8);
    }
    return first;
}

void fluorite_kept_drop(struct fluorite_kept *kept)
{
    int i;
    for (i = 0; kept != NULL && i < FLUORITE_MAX_STREAMS; ++i) {
        if (kept->buffers[i].host != NULL) {
            halide_free(NULL, kept->buffers[i].host);
        }
    }
    free(kept);
}

/* Takes out what lies at a place; NULL if nothing does. Lock held. */
static struct fluorite_kept *taken(const struct fluorite_stage *stage, const unsigned char *at)
{
    struct fluorite_kept **link = &all.first, *found;
    while (*link != NULL && ((*link)->stage != stage || (*link)->place != at)) {
        link = &(*link)->next;
    }
    found = *link;
    if (found != NULL) {
        *link = found->next;
    }
    return found;
}

void fluorite_kept_forget(void)
{
    pthread_mutex_lock(&all.lock);
    while (all.first != NULL) {
        struct fluorite_kept *kept = all.first;
        all.first = kept->next;
        fluorite_kept_drop(kept);
    }
    pthread_mutex_unlock(&all.lock);
}

/* A buffer for a stream's part of a region, laid out as the hardware writes it: channels, then pixels; rows begin at
   cache lines. */
static int make(const struct fluorite_stage *stage, int stream, const struct box *box, struct fluorite_kept *kept)
{
    const struct fluorite_plan *plan = &stage->plans[stream];
    const int64_t bytes = (int64_t)stage->accelerator->streams[stream].element_bytes;
    struct halide_buffer_t *buffer = &kept->buffers[stream];
    int64_t stride = 1;
    int loop, d;
    buffer->dim = kept->dims[stream];
    buffer->dimensions = plan->dimensions;
    buffer->type.bits = (uint8_t)(8 * bytes);
    buffer->type.lanes = 1;
    for (loop = -1; loop < stage->loop_count; ++loop) {
        for (d = 0; d < plan->dimensions; ++d) {
            if (plan->arguments[d].loop == loop) {
                buffer->dim[d].min = (int32_t)box->mins[d];
                buffer->dim[d].extent = (int32_t)box->extents[d];
                buffer->dim[d].stride = (int32_t)stride;
                stride *= fluorite_max(box->extents[d], 1);
                if (loop == 0) {
                    stride = (stride * bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE / bytes;
                }
                if (stride > INT32_MAX) {
                    return FLUORITE_ERROR_NO_MEMORY;
                }
            }
        }
    }
    buffer->host = (uint8_t *)halide_malloc(NULL, (size_t)(stride * bytes));
    return buffer->host != NULL ? FLUORITE_OK : FLUORITE_ERROR_NO_MEMORY;
}

struct fluorite_kept *fluorite_kept_new(struct call *call, const struct box *region)
{
    const struct fluorite_stage *stage = call->stage;
    struct fluorite_kept *kept = (struct fluorite_kept *)calloc(1, sizeof *kept);
    int i, code = kept != NULL ? FLUORITE_OK : FLUORITE_ERROR_NO_MEMORY;
    for (i = stage->input_count + stage->own_count; i < stage->input_count + stage->output_count; ++i) {
        const struct box box = fluorite_stage_needs(stage, &stage->plans[i], region, call->variables + 2 * stage->loop_count);
        if (code == FLUORITE_OK) {
            code = make(stage, i, &box, kept);
        }
    }
    if (code != FLUORITE_OK) {
        (void)fluorite_fail(&call->error, code, "%s: no memory for the outputs beside it", stage->accelerator->name);
        fluorite_kept_drop(kept);
        return NULL;
    }
    kept->stage = stage;
    kept->region = *region;
    kept->left = stage->side_count;
    return kept;
}

void fluorite_kept_give(struct fluorite_kept *kept, const struct halide_buffer_t *main)
{
    struct fluorite_kept *old;
    kept->place = place(main, &kept->region);
    pthread_mutex_lock(&all.lock);
    old = taken(kept->stage, kept->place); /* nobody asked for that: its buffer is used again */
    kept->next = all.first;
    all.first = kept;
    pthread_mutex_unlock(&all.lock);
    fluorite_kept_drop(old);
}

/* --- the extern stage --------------------------------------------------------------------------------------------- */

static int is_query(const struct halide_buffer_t *buffer)
{
    return buffer->host == NULL && buffer->device == 0;
}

/* The region of the accelerated Func whose launches give a region of an output beside it. */
static struct box asked(const struct fluorite_stage *stage, const struct fluorite_side *side, const struct box *region)
{
    const struct fluorite_plan *plan = &stage->plans[side->stream];
    int64_t variables[2 * FLUORITE_MAX_DIMENSIONS], first[FLUORITE_MAX_ARGUMENTS], last[FLUORITE_MAX_ARGUMENTS];
    struct box box;
    int d;
    memset(&box, 0, sizeof box);
    for (d = 0; d < plan->dimensions; ++d) {
        const int loop = plan->arguments[d].loop;
        if (loop >= 0) {
            variables[2 * loop] = region->mins[d];
            variables[2 * loop + 1] = region->extents[d];
        }
    }
    side->asks(variables, first, last);
    for (d = 0; d < stage->argument_count; ++d) {
        box.mins[d] = first[d];
        box.extents[d] = fluorite_max(last[d] - first[d] + 1, 0);
    }
    return box;
}

static int answer(const struct fluorite_stage *stage, const struct fluorite_side *side,
                  struct halide_buffer_t *const *buffers, struct fluorite_error *error)
{
    const struct box region = fluorite_stage_asked(buffers[stage->own_count]);
    const struct box needed = asked(stage, side, &region);
    int i, code = FLUORITE_OK;
    for (i = 1; i < side->stream_count && code == FLUORITE_OK; ++i) {
        if (is_query(buffers[stage->own_count + i])) {
            code = fluorite_buffer_answer(stage, side->stream + i, buffers[stage->own_count + i], &region, error);
        }
    }
    for (i = 0; i < stage->own_count && code == FLUORITE_OK; ++i) {
        if (is_query(buffers[i])) {
            code = fluorite_buffer_answer(stage, stage->input_count + i, buffers[i], &needed, error);
        }
    }
    return code;
}

struct axis {
    int64_t extent, from, to; /* values; bytes from one to the next */
};

/* The axes of what is copied, those of the target's neighbours first; such as follow upon one another as one. */
static int axes_of(const struct halide_buffer_t *from, const struct halide_buffer_t *to, int64_t bytes, struct axis *axes)
{
    int d, i, count = 0, merged = 0;
    for (d = 0; d < to->dimensions; ++d) {
        const struct axis axis = {to->dim[d].extent, from->dim[d].stride * bytes, to->dim[d].stride * bytes};
        for (i = count++; i > 0 && axes[i - 1].to > axis.to; --i) {
            axes[i] = axes[i - 1];
        }
        axes[i] = axis;
    }
    for (i = 1; i < count; ++i) {
        struct axis *last = &axes[merged];
        if (axes[i].from == last->from * last->extent && axes[i].to == last->to * last->extent) {
            last->extent *= axes[i].extent;
        } else {
            axes[++merged] = axes[i];
        }
    }
    return merged + 1;
}

static void copy_row(const unsigned char *source, unsigned char *target, const struct axis *row, int64_t bytes)
{
    int64_t i;
    if (row->from == bytes && row->to == bytes) {
        memcpy(target, source, (size_t)(row->extent * bytes));
    } else if (bytes == 1) {
        for (i = 0; i < row->extent; ++i) {
            target[i * row->to] = source[i * row->from];
        }
    } else {
        for (i = 0; i < row->extent; ++i) {
            memcpy(target + i * row->to, source + i * row->from, (size_t)bytes);
        }
    }
}

/* What the one buffer asks for, from the other, which has it. */
static void copy(const struct halide_buffer_t *from, const struct halide_buffer_t *to)
{
    const int64_t bytes = (to->type.bits + 7) / 8;
    struct axis axes[FLUORITE_MAX_ARGUMENTS];
    int64_t at[FLUORITE_MAX_ARGUMENTS] = {0};
    const int count = axes_of(from, to, bytes, axes);
    const unsigned char *source = from->host;
    unsigned char *target = to->host;
    int d;
    for (d = 0; d < to->dimensions; ++d) {
        source += ((int64_t)to->dim[d].min - from->dim[d].min) * from->dim[d].stride * bytes;
    }
    do {
        copy_row(source, target, &axes[0], bytes);
        for (d = 1; d < count; ++d) {
            source += axes[d].from;
            target += axes[d].to;
            if (++at[d] < axes[d].extent) {
                break;
            }
            source -= axes[d].from * axes[d].extent;
            target -= axes[d].to * axes[d].extent;
            at[d] = 0;
        }
    } while (d < count);
}

/* Whether all that is asked for was computed: it is not, where the accelerated Func is an output of less. */
static int check(const struct fluorite_stage *stage, int stream, const struct halide_buffer_t *has,
                 const struct halide_buffer_t *wanted, struct fluorite_error *error)
{
    const char *name = stage->accelerator->streams[stream].name, *main = stage->accelerator->name;
    int d;
    if (wanted->host == NULL || wanted->dimensions != has->dimensions ||
        (wanted->type.bits + 7) / 8 != has->type.bits / 8) {
        return fluorite_fail(error, FLUORITE_ERROR_ARGUMENT,
                             "%s: the buffer of %s must be in host memory, with %d dimensions and %d bytes a value", main,
                             name, has->dimensions, has->type.bits / 8);
    }
    for (d = 0; d < has->dimensions; ++d) {
        const struct halide_dimension_t *own = &has->dim[d], *asked_for = &wanted->dim[d];
        const int64_t start = (int64_t)asked_for->min - own->min;
        if (start < 0 || asked_for->extent > own->extent - start) {
            return fluorite_fail(error, FLUORITE_ERROR_TOO_SMALL,
                                 "%s: %lld to %lld is asked for along dimension %d, and with %s, which is computed as large "
                                 "as its buffer, comes %lld to %lld; give %s a larger buffer", name,
                                 (long long)asked_for->min, (long long)asked_for->min + asked_for->extent - 1, d, main,
                                 (long long)own->min, (long long)own->min + own->extent - 1, main);
        }
    }
    return FLUORITE_OK;
}

static int fetch(const struct fluorite_stage *stage, const struct fluorite_side *side,
                 struct halide_buffer_t *const *buffers, struct fluorite_error *error)
{
    struct fluorite_kept *kept;
    int i, done = 0, code = FLUORITE_OK;
    pthread_mutex_lock(&all.lock);
    for (kept = all.first; kept != NULL; kept = kept->next) {
        if (kept->stage == stage && kept->place != NULL && place(buffers[0], &kept->region) == kept->place) {
            break;
        }
    }
    pthread_mutex_unlock(&all.lock); /* nobody drops it: that is for us, or for who computes into our buffer */
    if (kept == NULL) {
        return fluorite_fail(error, FLUORITE_ERROR_ARGUMENT, "%s: %s was asked for before it was computed",
                             stage->accelerator->name, stage->accelerator->streams[side->stream].name);
    }
    for (i = 0; i < side->stream_count && code == FLUORITE_OK; ++i) {
        const struct halide_buffer_t *has = &kept->buffers[side->stream + i], *wanted = buffers[stage->own_count + i];
        code = check(stage, side->stream + i, has, wanted, error);
        if (code == FLUORITE_OK) {
            copy(has, wanted);
            fluorite_count_copy(1);
        }
    }
    pthread_mutex_lock(&all.lock);
    done = --kept->left == 0;
    if (done) {
        (void)taken(stage, kept->place);
    }
    pthread_mutex_unlock(&all.lock);
    if (done) {
        fluorite_kept_drop(kept);
    }
    return code;
}

int fluorite_side_call(const struct fluorite_stage *stage, int number, struct halide_buffer_t *const *buffers)
{
    const struct fluorite_side *side = &stage->sides[number];
    struct fluorite_error error;
    int i, d, code, query = 0, empty = 0;
    memset(&error, 0, sizeof error);
    for (i = 0; i < stage->own_count + side->stream_count; ++i) {
        query |= is_query(buffers[i]);
    }
    for (d = 0; d < buffers[stage->own_count]->dimensions; ++d) {
        empty |= buffers[stage->own_count]->dim[d].extent <= 0;
    }
    if (query) {
        code = answer(stage, side, buffers, &error);
    } else {
        code = empty ? FLUORITE_OK : fetch(stage, side, buffers, &error);
    }
    if (code != FLUORITE_OK) {
        halide_error(NULL, error.text);
    }
    return code;
}
