/* Accelerators as extern stages of Halide pipelines: what the generated `int fluorite_<name>(...)` are made of.

   halide_malloc and halide_free are replaced, so that the pipeline's buffers lie in the DMA arena (or on the heap,
   where the arena is full or there is none). A buffer in the arena whose layout suits is handed to the hardware as it
   lies; any other is copied.

   The process has one arena and opens each accelerator once, when first needed: Halide passes its extern stages nothing
   that could hold them. That is the only global state. Environment: FLUORITE_ARENA (see fluorite_arena_open),
   FLUORITE_TIMEOUT_MS (of a launch; 60000). */
#ifndef FLUORITE_STAGE_H
#define FLUORITE_STAGE_H

#include "HalideRuntime.h"
#include "fluorite_runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- the process's arena and accelerators ------------------------------------------------------------------------- */

/* NULL if there is no DMA memory; `error` says why. As for fluorite_arena_open, it says too where there is less than was
   asked for. */
struct fluorite_arena *fluorite_process_arena(struct fluorite_error *error);

/* Opens the accelerator unless it is open. */
int fluorite_process_device(const struct fluorite_accelerator *accelerator, struct fluorite_device **device,
                            struct fluorite_error *error);

/* Closes all accelerators, then the arena: FLUORITE_ERROR_BUSY while there is memory allocated in it. */
int fluorite_process_close(void);

/* How often a launch's stream was handed over as it lies, and how often copied. */
struct fluorite_copies {
    uint64_t direct, copied;
};
struct fluorite_copies fluorite_process_copies(void);

/* --- an extern stage, as generated -------------------------------------------------------------------------------- */

#define FLUORITE_MAX_ARGUMENTS 8 /* dimensions of a buffer */
#define FLUORITE_MAX_CHANNELS 256

struct fluorite_loop { /* a scan dimension of a launch */
    const char *name;
    int argument;      /* of the accelerated Func */
    int32_t max_extent;
    int fixed;         /* every launch has exactly that extent */
    int has_min;       /* and begins at `min` */
    int32_t min;
    int32_t lanes;
    int32_t step;      /* launches begin at multiples of it */
    int32_t cut;       /* the extent of launches that a larger region is cut into, but for the last one */
};

struct fluorite_channel { /* a dimension that is unrolled whole */
    const char *name;
    int argument;
    int32_t min, extent;
};

struct fluorite_argument { /* a dimension of a stream's buffer */
    int loop;              /* along which it runs; -1: channels */
    int32_t lanes;         /* of a word's pixels, how many are neighbours along it */
};

struct fluorite_plan { /* a stream's buffer */
    int dimensions;
    const struct fluorite_argument *arguments;
    /* by dimension, the first and the last coordinate that a region of the output needs */
    void (*needs)(const int64_t *variables, int64_t *first, int64_t *last);
    int32_t channels; /* values of a pixel */
    int in_rows;      /* the hardware takes rows as they lie, not blocks of lanes */
};

struct fluorite_border { /* a border condition: checked before every launch on the image that it is for */
    int loop;
    int32_t least_extent;        /* of an image along the loop */
    int fold_count;              /* of images of that extent, of one more, and so on; the last of all larger ones */
    int left_count, right_count; /* positions beyond an edge that the hardware can ask for */
    const int32_t *left, *right; /* where they land, counted inwards from the edge: a row for each fold */
    int64_t (*index)(int64_t position, const int64_t *variables);
    int recursion; /* it is what a recursion along the loop goes over, and has no pixels beyond */
};

struct fluorite_placed { /* one with a border, which lies where the scalars say: checked before every launch */
    const char *stream; /* that it is of */
    struct fluorite_border border;
    /* its first and last pixel; the least and the greatest that its first one may be, and its last one, for hardware to
       do the border; and pixels of a word that lie before its first one, where hardware takes none */
    void (*place)(const int64_t *variables, int64_t *values);
};

struct fluorite_scalar { /* a Param, or an image's min or extent; what its type holds */
    const char *name;
    int64_t least, most;
};

struct fluorite_side { /* an output beside the accelerated Func, with an extern stage of its own */
    int stream, stream_count; /* its first stream, and how many it has */
    /* by argument of the accelerated Func, the first and the last coordinate whose launches give a region of this output;
       `variables` are that region's min and extent along each loop */
    void (*asks)(const int64_t *variables, int64_t *first, int64_t *last);
};

/* Variables of formulas are min and extent of each loop, then the scalars. Of the outputs, the first `own_count` are the
   accelerated Func's. */
struct fluorite_stage {
    const struct fluorite_accelerator *accelerator;
    int loop_count, channel_count, argument_count, input_count, output_count, own_count, side_count, border_count;
    int image_count, scalar_count;
    const struct fluorite_loop *loops;
    const struct fluorite_channel *channels;
    const struct fluorite_plan *plans; /* inputs, then outputs */
    const struct fluorite_side *sides;
    const struct fluorite_border *borders;
    const struct fluorite_placed *images;
    const struct fluorite_scalar *scalars;
    void (*settings)(const int64_t *variables, uint32_t *settings);
    void (*transfers)(const int64_t *variables, struct fluorite_view *views); /* row_bytes and counts */
};

/* Answers a bounds query, or computes the outputs' region. `buffers` are the inputs', then the accelerated Func's. 0, or a negative code, reported through halide_error. */
int fluorite_stage_call(const struct fluorite_stage *stage, struct halide_buffer_t *const *buffers,
                        const int64_t *scalars);

/* The extern stage of an output beside the accelerated Func, by its number in `sides`: `buffers` are the accelerated
   Func's, then its own. It answers a bounds query, or copies what came with the former. */
int fluorite_side_call(const struct fluorite_stage *stage, int side, struct halide_buffer_t *const *buffers);

/* Registers, row lengths and row counts of one launch. FLUORITE_ERROR_EXTENT, FLUORITE_ERROR_BORDER, or, where a value
   does not fit its type, FLUORITE_ERROR_ARGUMENT. */
int fluorite_stage_prepare(const struct fluorite_stage *stage, const int64_t *variables, uint32_t *settings,
                           struct fluorite_view *views);

/* --- arithmetic of generated formulas: Halide's ------------------------------------------------------------------- */

static inline int64_t fluorite_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t fluorite_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline int64_t fluorite_abs(int64_t a)
{
    return a < 0 ? -a : a;
}

/* The remainder is never negative, and 0 for a divisor of 0. */
static inline int64_t fluorite_mod(int64_t a, int64_t b)
{
    const int64_t size = fluorite_abs(b);
    int64_t remainder;
    if (b == 0) {
        return 0;
    }
    remainder = a % size;
    return remainder < 0 ? remainder + size : remainder;
}

static inline int64_t fluorite_div(int64_t a, int64_t b)
{
    return b == 0 ? 0 : (a - fluorite_mod(a, b)) / b;
}

static inline int64_t fluorite_ceil_div(int64_t a, int64_t b)
{
    return -fluorite_div(-a, b);
}

#ifdef __cplusplus
}
#endif

#endif /* FLUORITE_STAGE_H */
