/* Extern stages: cutting a region into launches, with copies where the hardware cannot take a buffer as it lies. */
#define _POSIX_C_SOURCE 200809L

#include "fluorite_call.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMEOUT_MS 60000

/* --- statistics, told by fluorite_process_copies ------------------------------------------------------------------ */

static struct {
    pthread_mutex_t lock;
    struct fluorite_copies copies;
    int blocks; /* of copies, that calls hold now */
} statistics = {PTHREAD_MUTEX_INITIALIZER, {0, 0}, 0};

void fluorite_count_copy(int copied)
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

/* Changes the number of blocks; returns it. */
static int count_blocks(int change)
{
    int blocks;
    pthread_mutex_lock(&statistics.lock);
    blocks = statistics.blocks += change;
    pthread_mutex_unlock(&statistics.lock);
    return blocks;
}

/* --- launches ----------------------------------------------------------------------------------------------------- */

static void drop(struct call *call, struct job *job)
{
    if (job->block != NULL) {
        (void)fluorite_free(fluorite_device_arena(call->device), job->block);
        (void)count_blocks(-1);
    }
    free(job);
}

/* Waits for the oldest launch and puts its results where they belong. */
static int finish(struct call *call)
{
    const struct fluorite_stage *stage = call->stage;
    struct job *job = call->jobs[0];
    struct fluorite_failure failure;
    int i, code = fluorite_wait_failure(call->device, job->ticket, call->timeout_ms, &failure);
    if (code == FLUORITE_ERROR_TIMEOUT) {
        /* The reset takes the memory back from the hardware; else nobody uses it again. */
        code = fluorite_reset(call->device) == FLUORITE_ERROR_STUCK ? FLUORITE_ERROR_STUCK : code;
        (void)fluorite_wait(call->device, job->ticket, 0); /* nobody else has the ticket */
    }
    for (i = stage->input_count; i < stage->input_count + stage->output_count && code == FLUORITE_OK; ++i) {
        if (job->copied[i]) {
            fluorite_pixels_copy(stage, i, &job->pixels[i], &job->views[i], 0);
        }
    }
    if (code != FLUORITE_OK) {
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
            (void)count_blocks(1);
            return FLUORITE_OK;
        }
        if (call->pending > 0) {
            if ((code = finish_all(call, FLUORITE_OK)) != FLUORITE_OK) {
                return code;
            }
        } else if (waited >= 1000 && count_blocks(0) == 0) {
            break; /* nobody has launches whose memory could come back: buffers fill it */
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
        const struct box box = fluorite_stage_needs(stage, &stage->plans[i], output, call->variables + 2 * stage->loop_count);
        if ((code = fluorite_pixels_locate(call, i, &box, &job->pixels[i])) != FLUORITE_OK) {
            return code;
        }
        job->copied[i] = !fluorite_pixels_direct(call, i, &job->pixels[i], &job->views[i]);
        fluorite_count_copy(job->copied[i]);
        if (job->copied[i]) {
            bytes += whole_lines(fluorite_pixels_dense(stage, &job->views[i]));
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
            const uint64_t size = fluorite_pixels_dense(stage, &job->views[i]);
            job->views[i].first = job->block + offset;
            offset += whole_lines(size);
            if (i < stage->input_count) {
                if (!stage->plans[i].in_rows) {
                    memset(job->views[i].first, 0, (size_t)size); /* lanes beyond the image */
                }
                fluorite_pixels_copy(stage, i, &job->pixels[i], &job->views[i], 1);
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
    int code = FLUORITE_OK;
    fluorite_stage_place(stage, output, call->variables);
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
static void piece(const struct fluorite_loop *loop, const struct box *region, int64_t offset, struct box *output)
{
    const int64_t extent = region->extents[loop->argument], rest = extent - offset;
    if (rest <= loop->max_extent) {
        output->extents[loop->argument] = loop->fixed ? loop->max_extent : rest;
        offset = loop->fixed ? extent - loop->max_extent : offset;
    } else {
        output->extents[loop->argument] = loop->cut;
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
    int64_t offsets[FLUORITE_MAX_ARGUMENTS] = {0};
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
                offsets[argument] += output.extents[argument];
                if (offsets[argument] < region->extents[argument]) {
                    break;
                }
                offsets[argument] = 0;
            }
        }
    } while (code == FLUORITE_OK && argument < stage->argument_count);
    return finish_all(call, code);
}

/* --- the call ----------------------------------------------------------------------------------------------------- */

static int timeout_from_environment(void)
{
    const char *text = getenv("FLUORITE_TIMEOUT_MS");
    const long value = text != NULL ? strtol(text, NULL, 10) : 0;
    return value > 0 && value < 1000000000L ? (int)value : TIMEOUT_MS;
}

/* Computes a region; `buffers` are those of all streams. */
static int compute(struct call *call, const struct box *region)
{
    int code = fluorite_stage_check(call, region);
    if (code == FLUORITE_OK) {
        code = fluorite_pixels_check(call, region);
    }
    if (code == FLUORITE_OK) {
        code = fluorite_process_device(call->stage->accelerator, &call->device, &call->error);
    }
    return code == FLUORITE_OK ? launch_all(call, region) : code;
}

/* The same with memory for the outputs beside the accelerated Func, which is kept for their own extern stages. */
static int compute_with_sides(struct call *call, const struct box *region)
{
    const struct fluorite_stage *stage = call->stage;
    struct halide_buffer_t *const *given = call->buffers;
    struct halide_buffer_t *buffers[FLUORITE_MAX_STREAMS];
    struct fluorite_kept *kept;
    int i, code;
    for (i = 0; i < stage->argument_count; ++i) {
        if (region->extents[i] <= 0) {
            return FLUORITE_OK; /* nothing is done, and nothing asked for */
        }
    }
    kept = fluorite_kept_new(call, region);
    if (kept == NULL) {
        return FLUORITE_ERROR_NO_MEMORY;
    }
    for (i = 0; i < stage->input_count + stage->output_count; ++i) {
        buffers[i] = i < stage->input_count + stage->own_count ? given[i] : &kept->buffers[i];
    }
    call->buffers = buffers;
    code = compute(call, region);
    call->buffers = given;
    if (code == FLUORITE_OK) {
        fluorite_kept_give(kept, given[stage->input_count]);
    } else {
        fluorite_kept_drop(kept);
    }
    return code;
}

int fluorite_stage_call(const struct fluorite_stage *stage, struct halide_buffer_t *const *buffers,
                        const int64_t *scalars)
{
    struct call call;
    struct box region;
    int i, code;
    memset(&call, 0, sizeof call);
    if ((code = fluorite_stage_answer(stage, buffers, scalars, &call.error)) != 0) {
        if (code < 0) {
            halide_error(NULL, call.error.text);
        }
        return code < 0 ? code : 0;
    }
    call.stage = stage;
    call.buffers = buffers;
    call.timeout_ms = timeout_from_environment();
    for (i = 0; i < stage->scalar_count; ++i) {
        call.variables[2 * stage->loop_count + i] = scalars[i];
    }
    region = fluorite_stage_asked(buffers[stage->input_count]);
    code = stage->side_count > 0 ? compute_with_sides(&call, &region) : compute(&call, &region);
    if (code != FLUORITE_OK) {
        halide_error(NULL, call.error.text);
    }
    return code;
}
