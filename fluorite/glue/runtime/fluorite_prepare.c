/* Launches without Halide: what the generated fluorite_<name>_prepare are made of. */
#include "fluorite_call.h"

#include <string.h>

static int fits_loop(const struct fluorite_loop *loop, int64_t min, int64_t extent)
{
    const int whole = loop->fixed || loop->has_min;
    return extent >= (whole ? loop->max_extent : 1) && extent <= loop->max_extent &&
           (!loop->has_min || min == loop->min) && min % loop->step == 0 && min >= INT32_MIN && min <= INT32_MAX - extent + 1;
}

static int check(const struct fluorite_stage *stage, const int64_t *variables)
{
    int i;
    for (i = 0; i < stage->loop_count; ++i) {
        if (!fits_loop(&stage->loops[i], variables[2 * i], variables[2 * i + 1])) {
            return FLUORITE_ERROR_EXTENT;
        }
    }
    for (i = 0; i < stage->scalar_count; ++i) {
        const int64_t value = variables[2 * stage->loop_count + i];
        if (value < stage->scalars[i].least || value > stage->scalars[i].most) {
            return FLUORITE_ERROR_ARGUMENT;
        }
    }
    for (i = 0; i < stage->border_count; ++i) {
        const int64_t *loop = &variables[2 * stage->borders[i].loop];
        if (!fluorite_stage_border_holds(&stage->borders[i], variables, loop[0], loop[1])) {
            return FLUORITE_ERROR_BORDER;
        }
    }
    for (i = 0; i < stage->image_count; ++i) {
        if (!fluorite_placed_fits(&stage->images[i], variables)) {
            return FLUORITE_ERROR_BORDER;
        }
    }
    return FLUORITE_OK;
}

/* What is refused describes a launch of no pixels, which fluorite_submit refuses too. */
int fluorite_stage_prepare(const struct fluorite_stage *stage, const int64_t *variables, uint32_t *settings,
                           struct fluorite_view *views)
{
    const struct fluorite_accelerator *accelerator = stage->accelerator;
    const int code = check(stage, variables);
    uint32_t i, d;
    memset(settings, 0, accelerator->launch_count * sizeof *settings);
    for (i = 0; i < accelerator->stream_count && code != FLUORITE_OK; ++i) {
        views[i].row_bytes = 0;
        for (d = 0; d < FLUORITE_MAX_DIMENSIONS - 1; ++d) {
            views[i].counts[d] = 0;
        }
    }
    if (code == FLUORITE_OK) {
        stage->settings(variables, settings);
        stage->transfers(variables, views);
    }
    return code;
}
