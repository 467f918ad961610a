/* Extern stages: bounds queries, cutting a region into launches, copies where the hardware cannot take a buffer as it
   lies. The same arithmetic as fluorite/launch.py, words.py and hwgen/borders.py, which simulate it. */
#define _POSIX_C_SOURCE 200809L

#include "fluorite_stage.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CACHE_LINE 64
#define IN_FLIGHT 2 /* launches of one call: one is copied while another runs */
#define MAX_VARIABLES 64
#define TIMEOUT_MS 60000

struct box {
    int32_t mins[FLUORITE_MAX_ARGUMENTS], extents[FLUORITE_MAX_ARGUMENTS];
};

/* A stream's pixels in a Halide buffer, sorted by what the hardware makes of the dimensions. */
struct pixels {
    unsigned char *first;
    int64_t strides[FLUORITE_MAX_DIMENSIONS]; /* bytes, along each loop */
    int32_t extents[FLUORITE_MAX_DIMENSIONS];
    int64_t channels[FLUORITE_MAX_CHANNELS]; /* bytes from a pixel's first value to each of its values */
};

struct job {
    uint64_t ticket;
    unsigned char *block; /* of copies, in the arena; NULL: none */
    int copied[FLUORITE_MAX_STREAMS];
    struct fluorite_view views[FLUORITE_MAX_STREAMS];
    struct pixels pixels[FLUORITE_MAX_STREAMS];
};

struct call {
    const struct fluorite_stage *stage;
    struct halide_buffer_t *const *buffers;
    int64_t variables[MAX_VARIABLES];
    struct fluorite_device *device;
    struct fluorite_error error;
    struct job *jobs[IN_FLIGHT];
    int pending;
    int alone; /* one launch does it */
    int timeout_ms;
};

/* --- statistics, told by fluorite_process_copies ----------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    struct fluorite_copies copies;
} statistics = {PTHREAD_MUTEX_INITIALIZER, {0, 0}};

static void count_copy(int copied)
{
    pthread_mutex_lock(&statistics.lock);
    *(copied ? &statistics.copies.copied : &statistics.copies.direct) += 1;
    pthread_mutex_unlock(&statistics.lock);
}

struct fluorite_copies fluorite_process_copies(void)
{
    struct fluorite_copies copies;
    pthread_mutex_lock(&statistics.lock);
    copies = statistics.copies;
    pthread_mutex_unlock(&statistics.lock);
    return copies;
}

/* --- regions --------------------------------------------------------------------------------------------------------- */

/* The region of a stream that a region of the output needs. */
static struct box stream_region(const struct fluorite_stage *stage, const struct fluorite_plan *plan,
                                const struct box *output)
{
    struct box box;
    int d;
    memset(&box, 0, sizeof box);
    for (d = 0; d < plan->dimensions; ++d) {
        const struct fluorite_argument *argument = &plan->arguments[d];
        if (argument->loop < 0) {
            box.mins[d] = argument->lo;
            box.extents[d] = argument->hi - argument->lo + 1;
        } else {
            const int own = stage->loops[argument->loop].argument;
            box.mins[d] = output->mins[own] + argument->lo;
            box.extents[d] = output->extents[own] + argument->hi - argument->lo;
        }
    }
    return box;
}

static struct box buffer_region(const struct halide_buffer_t *buffer)
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

/* --- bounds queries --------------------------------------------------------------------------------------------------- */

static int is_query(const struct halide_buffer_t *buffer)
{
    return buffer->host == NULL && buffer->device == 0;
}

static void answer(struct halide_buffer_t *buffer, const struct box *box)
{
    int d;
    for (d = 0; d < buffer->dimensions; ++d) {
        buffer->dim[d].min = box->mins[d];
        buffer->dim[d].extent = box->extents[d];
    }
}

/* Whether this was a bounds query; then it is answered. */
static int answer_query(const struct fluorite_stage *stage, struct halide_buffer_t *const *buffers)
{
    const int streams = stage->input_count + stage->output_count;
    struct box region = buffer_region(buffers[stage->input_count]);
    int i, asked = 0;
    for (i = 0; i < streams; ++i) {
        asked |= is_query(buffers[i]);
    }
    if (!asked) {
        return 0;
    }
    if (is_query(buffers[stage->input_count])) {
        round_up(stage, &region);
        for (i = stage->input_count; i < streams; ++i) {
            answer(buffers[i], &region);
        }
    }
    for (i = 0; i < stage->input_count; ++i) {
        if (is_query(buffers[i])) {
            const struct box needed = stream_region(stage, &stage->plans[i], &region);
            answer(buffers[i], &needed);
        }
    }
    return 1;
}

/* --- what may be asked for -------------------------------------------------------------------------------------------- */

static int check_loop(struct call *call, const struct fluorite_loop *loop, int32_t start, int32_t extent)
{
    const char *name = call->stage->accelerator->name;
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
    return FLUORITE_OK;
}

/* Whether the index function does around this image what the hardware does. */
static int border_holds(const struct fluorite_border *border, const int64_t *variables, int64_t minimum, int64_t extent)
{
    const int64_t last = minimum + extent - 1;
    int64_t position;
    for (position = minimum - border->left_count; position <= last + border->right_count; ++position) {
        int64_t expected = position;
        if (position < minimum) {
            expected = minimum + border->left[minimum - position - 1];
        } else if (position > last) {
            expected = last - border->right[position - last - 1];
        }
        if (expected < minimum || expected > last || border->index(position, variables) != expected) {
            return 0;
        }
    }
    return 1;
}

static int check_border(struct call *call, const struct fluorite_border *border, const struct box *region)
{
    const struct fluorite_loop *loop = &call->stage->loops[border->loop];
    const char *name = call->stage->accelerator->name;
    const int32_t start = region->mins[loop->argument], extent = region->extents[loop->argument];
    if (extent > loop->max_extent) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_EXTENT,
                             "%s: %d pixels along %s are asked for, more than the %d of a launch, and a border is only "
                             "where an image ends; compile for larger extents", name, (int)extent, loop->name,
                             (int)loop->max_extent);
    }
    if (!border_holds(border, call->variables, start, extent)) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_BORDER,
                             "%s: %s from %d over %d pixels is asked for, which is not the image that the border "
                             "condition is for; realize the whole image, or pad in software", name, loop->name,
                             (int)start, (int)extent);
    }
    return FLUORITE_OK;
}

static int check_region(struct call *call, const struct box *region)
{
    const struct fluorite_stage *stage = call->stage;
    int i, code = FLUORITE_OK;
    for (i = 0; i < stage->channel_count; ++i) {
        const struct fluorite_channel *channel = &stage->channels[i];
        const int32_t start = region->mins[channel->argument], extent = region->extents[channel->argument];
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
    return code;
}

/* --- buffers ------------------------------------------------------------------------------------------------------------ */

/* Finds a region in a buffer. */
static int locate(struct call *call, int stream, const struct box *box, struct pixels *pixels)
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

/* Whether the hardware can write the rows without touching cache lines of anything else: what the CPU writes into a line
   that is later invalidated is lost. Padding between rows is the buffer's own; with several launches in a call, though,
   what lies between the rows of one are rows of another. */
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
static int is_direct(const struct call *call, int stream, const struct pixels *pixels, const struct fluorite_view *view)
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

/* --- copies ------------------------------------------------------------------------------------------------------------ */

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
static void copy_pixels(const struct fluorite_stage *stage, int stream, const struct pixels *pixels,
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
static uint64_t dense(const struct fluorite_stage *stage, struct fluorite_view *view)
{
    int64_t bytes = (int64_t)view->row_bytes;
    int d;
    for (d = 1; d < stage->loop_count; ++d) {
        view->strides[d - 1] = bytes;
        bytes *= (int64_t)view->counts[d - 1];
    }
    return (uint64_t)bytes;
}

/* --- launches ------------------------------------------------------------------------------------------------------------ */

static void drop(struct call *call, struct job *job)
{
    if (job->block != NULL) {
        (void)fluorite_free(fluorite_device_arena(call->device), job->block);
    }
    free(job);
}

/* Waits for the oldest launch and puts its results where they belong. */
static int finish(struct call *call)
{
    const struct fluorite_stage *stage = call->stage;
    struct job *job = call->jobs[0];
    int i, code = fluorite_wait(call->device, job->ticket, call->timeout_ms);
    if (code == FLUORITE_ERROR_TIMEOUT && fluorite_reset(call->device) == FLUORITE_ERROR_STUCK) {
        code = FLUORITE_ERROR_STUCK; /* the reset takes the memory back from the hardware; else nobody uses it again */
    }
    for (i = stage->input_count; i < stage->input_count + stage->output_count && code == FLUORITE_OK; ++i) {
        if (job->copied[i]) {
            copy_pixels(stage, i, &job->pixels[i], &job->views[i], 0);
        }
    }
    if (code != FLUORITE_OK) {
        struct fluorite_failure failure = {code, -1, 0};
        (void)fluorite_failure(call->device, job->ticket, &failure);
        (void)fluorite_fail(&call->error, code, "%s: %s%s%s (error %d, address 0x%llx)", stage->accelerator->name,
                            fluorite_error_text(code), failure.stream >= 0 ? ": " : "",
                            failure.stream >= 0 ? stage->accelerator->streams[failure.stream].name : "", code,
                            (unsigned long long)failure.address);
    }
    drop(call, job);
    call->pending -= 1;
    call->jobs[0] = call->jobs[1];
    return code;
}

/* Waits for all launches; returns the first error, `code` if there is one already. */
static int finish_all(struct call *call, int code)
{
    const struct fluorite_error first = call->error;
    const int failed = code != FLUORITE_OK;
    while (call->pending > 0) {
        const int finished = finish(call);
        code = code != FLUORITE_OK ? code : finished;
    }
    if (failed) {
        call->error = first;
    }
    return code;
}

static void nap(void)
{
    struct timespec time = {0, 1000000L};
    (void)nanosleep(&time, NULL);
}

/* Memory for copies. Where the arena is full, memory comes back as launches end, ours and those of other threads: ours
   are ended first, so that nobody waits holding what others wait for. */
static int get_block(struct call *call, struct job *job, uint64_t bytes)
{
    struct fluorite_arena *arena = fluorite_device_arena(call->device);
    int waited, code;
    for (waited = 0; waited <= call->timeout_ms && bytes <= fluorite_arena_size(arena); ++waited) {
        if ((job->block = (unsigned char *)fluorite_alloc(arena, (size_t)bytes, CACHE_LINE)) != NULL) {
            return FLUORITE_OK;
        }
        if (call->pending > 0) {
            if ((code = finish_all(call, FLUORITE_OK)) != FLUORITE_OK) {
                return code;
            }
        } else if (waited >= 1000) {
            break; /* nothing came back in a second: buffers fill it, not launches */
        } else {
            nap();
        }
    }
    return fluorite_fail(&call->error, FLUORITE_ERROR_NO_MEMORY,
                         "%s: the DMA arena of %llu bytes has no room for copies of %llu bytes",
                         call->stage->accelerator->name, (unsigned long long)fluorite_arena_size(arena),
                         (unsigned long long)bytes);
}

static uint64_t whole_lines(uint64_t bytes)
{
    return (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

/* Decides for each stream, and copies the inputs that must be. */
static int prepare(struct call *call, struct job *job, const struct box *output)
{
    const struct fluorite_stage *stage = call->stage;
    const int streams = stage->input_count + stage->output_count;
    uint64_t bytes = 0, offset = 0;
    int i, d, code;
    stage->transfers(call->variables, job->views);
    for (i = 0; i < streams; ++i) {
        const struct box box = stream_region(stage, &stage->plans[i], output);
        if ((code = locate(call, i, &box, &job->pixels[i])) != FLUORITE_OK) {
            return code;
        }
        job->copied[i] = !is_direct(call, i, &job->pixels[i], &job->views[i]);
        count_copy(job->copied[i]);
        if (job->copied[i]) {
            bytes += whole_lines(dense(stage, &job->views[i]));
        } else {
            job->views[i].first = job->pixels[i].first;
            for (d = 1; d < stage->loop_count; ++d) {
                job->views[i].strides[d - 1] = job->pixels[i].strides[d];
            }
        }
    }
    if (bytes != 0 && (code = get_block(call, job, bytes)) != FLUORITE_OK) {
        return code;
    }
    for (i = 0; i < streams; ++i) {
        if (job->copied[i]) {
            const uint64_t size = dense(stage, &job->views[i]);
            job->views[i].first = job->block + offset;
            offset += whole_lines(size);
            if (i < stage->input_count) {
                if (!stage->plans[i].in_rows) {
                    memset(job->views[i].first, 0, (size_t)size); /* lanes beyond the image */
                }
                copy_pixels(stage, i, &job->pixels[i], &job->views[i], 1);
            }
        }
    }
    return FLUORITE_OK;
}

static int launch(struct call *call, const struct box *output)
{
    const struct fluorite_stage *stage = call->stage;
    uint32_t *settings = (uint32_t *)calloc(stage->accelerator->launch_count, sizeof *settings);
    struct job *job = (struct job *)calloc(1, sizeof *job);
    struct fluorite_launch started;
    int i, code = FLUORITE_OK;
    for (i = 0; i < stage->loop_count; ++i) {
        call->variables[2 * i] = output->mins[stage->loops[i].argument];
        call->variables[2 * i + 1] = output->extents[stage->loops[i].argument];
    }
    if (settings == NULL || job == NULL) {
        code = fluorite_fail(&call->error, FLUORITE_ERROR_NO_MEMORY, "no memory for a launch");
    }
    if (code == FLUORITE_OK && call->pending == IN_FLIGHT) {
        code = finish(call);
    }
    if (code == FLUORITE_OK) {
        code = prepare(call, job, output);
    }
    if (code == FLUORITE_OK) {
        stage->settings(call->variables, settings);
        started.settings = settings;
        started.views = job->views;
        code = fluorite_submit(call->device, &started, call->timeout_ms, &job->ticket);
        if (code != FLUORITE_OK) {
            (void)fluorite_fail(&call->error, code, "%s: %s", stage->accelerator->name, fluorite_error_text(code));
        }
    }
    free(settings);
    if (code == FLUORITE_OK) {
        call->jobs[call->pending++] = job;
    } else if (job != NULL) {
        drop(call, job);
    }
    return code;
}

/* The piece of a region that begins `offset` pixels after its start; its length. Pieces of a fixed extent are shifted
   inwards at the end. */
static void piece(const struct fluorite_loop *loop, const struct box *region, int32_t offset, struct box *output)
{
    const int32_t extent = region->extents[loop->argument], rest = extent - offset;
    if (rest < loop->max_extent) {
        output->extents[loop->argument] = loop->fixed ? loop->max_extent : rest;
        offset = loop->fixed ? extent - loop->max_extent : offset;
    } else {
        output->extents[loop->argument] = loop->max_extent;
    }
    output->mins[loop->argument] = region->mins[loop->argument] + offset;
}

/* The loop of an argument; NULL for a channel. */
static const struct fluorite_loop *loop_of(const struct fluorite_stage *stage, int argument)
{
    int i;
    for (i = 0; i < stage->loop_count; ++i) {
        if (stage->loops[i].argument == argument) {
            return &stage->loops[i];
        }
    }
    return NULL;
}

/* All launches of a region, the first argument fastest. */
static int launch_all(struct call *call, const struct box *region)
{
    const struct fluorite_stage *stage = call->stage;
    int32_t offsets[FLUORITE_MAX_ARGUMENTS] = {0};
    struct box output = *region;
    int argument, code = FLUORITE_OK;
    for (argument = 0; argument < stage->argument_count; ++argument) {
        if (region->extents[argument] <= 0) {
            return FLUORITE_OK;
        }
    }
    call->alone = 1;
    for (argument = 0; argument < stage->loop_count; ++argument) {
        call->alone &= region->extents[stage->loops[argument].argument] <= stage->loops[argument].max_extent;
    }
    do {
        for (argument = 0; argument < stage->argument_count; ++argument) {
            const struct fluorite_loop *loop = loop_of(stage, argument);
            if (loop != NULL) {
                piece(loop, region, offsets[argument], &output);
            }
        }
        code = launch(call, &output);
        for (argument = 0; argument < stage->argument_count; ++argument) {
            const struct fluorite_loop *loop = loop_of(stage, argument);
            if (loop != NULL) {
                offsets[argument] += loop->max_extent;
                if (offsets[argument] < region->extents[argument]) {
                    break;
                }
                offsets[argument] = 0;
            }
        }
    } while (code == FLUORITE_OK && argument < stage->argument_count);
    return finish_all(call, code);
}

/* --- the call ------------------------------------------------------------------------------------------------------------ */

static int timeout_from_environment(void)
{
    const char *text = getenv("FLUORITE_TIMEOUT_MS");
    const long value = text != NULL ? strtol(text, NULL, 10) : 0;
    return value > 0 && value < 1000000000L ? (int)value : TIMEOUT_MS;
}

int fluorite_stage_call(const struct fluorite_stage *stage, struct halide_buffer_t *const *buffers,
                        const int64_t *scalars)
{
    struct call call;
    struct box region;
    int i, code;
    if (answer_query(stage, buffers)) {
        return 0;
    }
    memset(&call, 0, sizeof call);
    call.stage = stage;
    call.buffers = buffers;
    call.timeout_ms = timeout_from_environment();
    for (i = 0; i < stage->scalar_count; ++i) {
        call.variables[2 * stage->loop_count + i] = scalars[i];
    }
    region = buffer_region(buffers[stage->input_count]);
    code = check_region(&call, &region);
    if (code == FLUORITE_OK) {
        code = fluorite_process_device(stage->accelerator, &call.device, &call.error);
    }
    if (code == FLUORITE_OK) {
        code = launch_all(&call, &region);
    }
    if (code != FLUORITE_OK) {
        halide_error(NULL, call.error.text);
    }
    return code;
}
