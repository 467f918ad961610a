/* For the files of the extern stages: one call of a stage, and the steps it is made of. */
#ifndef FLUORITE_CALL_H
#define FLUORITE_CALL_H

#include "fluorite_stage.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CACHE_LINE 64 /* bytes */
#define IN_FLIGHT 2   /* launches of one call: one is copied while another runs */
#define MAX_VARIABLES 64

struct box { /* wider than Halide's coordinates, so that a region may be larger than they reach */
    int64_t mins[FLUORITE_MAX_ARGUMENTS], extents[FLUORITE_MAX_ARGUMENTS];
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

/* What a call gave of the outputs beside the accelerated Func, until their own extern stages ask for it. */
struct fluorite_kept {
    struct fluorite_kept *next;
    const struct fluorite_stage *stage;
    struct box region;          /* of the accelerated Func */
    const unsigned char *place; /* of that region's first value */
    int left;                   /* outputs that have not been asked for */
    struct halide_buffer_t buffers[FLUORITE_MAX_STREAMS]; /* by stream; others have no memory */
    struct halide_dimension_t dims[FLUORITE_MAX_STREAMS][FLUORITE_MAX_ARGUMENTS];
};

/* --- fluorite_stage.c --------------------------------------------------------------------------------------------- */

/* Counts a stream of a launch that was copied, or handed over as it lies. */
void fluorite_count_copy(int copied);

/* --- fluorite_side.c ---------------------------------------------------------------------------------------------- */

/* Memory for what comes beside a region of the accelerated Func. NULL: there is none, and the call's error says so. */
struct fluorite_kept *fluorite_kept_new(struct call *call, const struct box *region);

/* Keeps it; `main` is the accelerated Func's buffer. */
void fluorite_kept_give(struct fluorite_kept *kept, const struct halide_buffer_t *main);

void fluorite_kept_drop(struct fluorite_kept *kept);

/* Drops all that is kept. */
void fluorite_kept_forget(void);

/* --- fluorite_region.c -------------------------------------------------------------------------------------------- */

/* A region of the output as the first variables of formulas. */
void fluorite_stage_place(const struct fluorite_stage *stage, const struct box *output, int64_t *variables);

/* The region of a stream that a region of the output needs. */
struct box fluorite_stage_needs(const struct fluorite_stage *stage, const struct fluorite_plan *plan,
                                const struct box *output, const int64_t *scalars);

/* The region that a buffer has, or asks for. */
struct box fluorite_stage_asked(const struct halide_buffer_t *buffer);

/* Writes a region into the buffer of a stream that asks for it. */
int fluorite_buffer_answer(const struct fluorite_stage *stage, int stream, struct halide_buffer_t *buffer,
                           const struct box *box, struct fluorite_error *error);

/* Whether this was a bounds query; then it is answered. Negative: it has no answer, and `error` says why. */
int fluorite_stage_answer(const struct fluorite_stage *stage, struct halide_buffer_t *const *buffers,
                          const int64_t *scalars, struct fluorite_error *error);

/* Whether the hardware can compute a region of the output. */
int fluorite_stage_check(struct call *call, const struct box *region);

/* Whether an image of this extent has, around it, the pixels that the hardware makes there. */
int fluorite_stage_border_holds(const struct fluorite_border *border, const int64_t *variables, int64_t minimum,
                                int64_t extent);

/* --- fluorite_placed.c -------------------------------------------------------------------------------------------- */

/* Whether an image with a border lies where the hardware can do that, for each launch of a region of the output. */
int fluorite_placed_check(struct call *call, const struct fluorite_placed *image, const struct box *region);

/* Whether an image with a border lies where the hardware can do that, for this launch. */
int fluorite_placed_fits(const struct fluorite_placed *image, const int64_t *variables);

/* --- fluorite_pixels.c -------------------------------------------------------------------------------------------- */

/* Whether all buffers have what a region of the output needs, and no output shares memory with another stream. */
int fluorite_pixels_check(struct call *call, const struct box *region);

/* Finds a region in the buffer of a stream. */
int fluorite_pixels_locate(struct call *call, int stream, const struct box *box, struct pixels *pixels);

/* Whether the hardware can take the pixels as they lie. */
int fluorite_pixels_direct(const struct call *call, int stream, const struct pixels *pixels,
                           const struct fluorite_view *view);

/* Bytes of a stream's words, one row after another; sets the strides. */
uint64_t fluorite_pixels_dense(const struct fluorite_stage *stage, struct fluorite_view *view);

/* Between an image and the stream's words, which lie densely at `view`. */
void fluorite_pixels_copy(const struct fluorite_stage *stage, int stream, const struct pixels *pixels,
                          const struct fluorite_view *view, int to_words);

#ifdef __cplusplus
}
#endif

#endif /* FLUORITE_CALL_H */
