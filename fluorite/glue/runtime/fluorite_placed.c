/* Images with borders that lie where the scalars say: whether hardware can do their borders. The same arithmetic as
   run/placed.py. */
#include "fluorite_call.h"

enum { FIRST, LAST, FIRST_LEAST, FIRST_MOST, LAST_LEAST, LAST_MOST, BETWEEN, VALUES };

static int lies_within(const int64_t *values)
{
    return values[FIRST_LEAST] <= values[FIRST] && values[FIRST] <= values[FIRST_MOST] &&
           values[LAST_LEAST] <= values[LAST] && values[LAST] <= values[LAST_MOST];
}

static int holds(const struct fluorite_placed *image, const int64_t *variables, const int64_t *values)
{
    const int64_t pixels = values[LAST] - values[FIRST] + 1;
    return fluorite_stage_border_holds(&image->border, variables, values[FIRST], pixels);
}

int fluorite_placed_fits(const struct fluorite_placed *image, const int64_t *variables)
{
    int64_t values[VALUES];
    image->place(variables, values);
    return lies_within(values) && values[BETWEEN] == 0 && holds(image, variables, values);
}

/* For one launch. */
static int check(struct call *call, const struct fluorite_placed *image)
{
    const struct fluorite_loop *loop = &call->stage->loops[image->border.loop];
    const int start = (int)call->variables[2 * image->border.loop];
    const int extent = (int)call->variables[2 * image->border.loop + 1];
    const char *name = call->stage->accelerator->name;
    int64_t values[VALUES], pixels;
    image->place(call->variables, values);
    pixels = values[LAST] - values[FIRST] + 1;
    if (pixels < image->border.least_extent) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_EXTENT,
                             "%s: %s from %d over %d pixels is asked for of an image of %s of %d pixels, and the hardware "
                             "of the border condition is for images of %d and more; use a larger image, or pad in software",
                             name, loop->name, start, extent, image->stream, (int)fluorite_max(pixels, 0),
                             (int)image->border.least_extent);
    }
    if (!lies_within(values) || !holds(image, call->variables, values)) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_BORDER,
                             "%s: %s from %d over %d pixels is asked for, and the image of %s that the border condition is "
                             "for lies from %d to %d, where hardware does it for images that begin at %d to %d and end at "
                             "%d to %d; realize what the image is for, or pad in software", name, loop->name, start, extent,
                             image->stream, (int)values[FIRST], (int)values[LAST], (int)values[FIRST_LEAST],
                             (int)values[FIRST_MOST], (int)values[LAST_LEAST], (int)values[LAST_MOST]);
    }
    if (values[BETWEEN] != 0) {
        return fluorite_fail(&call->error, FLUORITE_ERROR_BORDER,
                             "%s: %s from %d over %d pixels is asked for, and the image of %s begins at %d, which is %d pixels "
                             "behind a word's first; let it begin where the launch does, or unroll %s less", name, loop->name,
                             start, extent, image->stream, (int)values[FIRST], (int)values[BETWEEN], loop->name);
    }
    return FLUORITE_OK;
}

int fluorite_placed_check(struct call *call, const struct fluorite_placed *image, const struct box *region)
{
    const struct fluorite_loop *loop = &call->stage->loops[image->border.loop];
    const int64_t start = region->mins[loop->argument], extent = region->extents[loop->argument];
    int64_t *place = &call->variables[2 * image->border.loop], offset = 0, length;
    int code = FLUORITE_OK;
    fluorite_stage_place(call->stage, region, call->variables);
    while (offset < extent && code == FLUORITE_OK) {
        length = loop->fixed || extent - offset > loop->max_extent ? loop->cut : extent - offset;
        place[0] = start + fluorite_min(offset, extent - length);
        place[1] = length;
        code = check(call, image);
        offset += length;
    }
    return code;
}
