/* Two pieces share bytes if the distance of their first bytes is less than their lengths. All distances are sums of
   strides, each taken a number of times within a range; the search takes the largest stride first, and only as often as
   the others can still make up for, which for images is once or twice. */
#include "fluorite_overlap.h"

#include <string.h>

#define MOST_STEPS 100000 /* strides that are no image's: taken for shared */

struct axis {
    int64_t stride, low, high; /* stride > 0, low <= 0 <= high */
};

struct search {
    struct axis axes[2 * FLUORITE_LATTICE_AXES];
    int count;
    int64_t below, above; /* the distance is to be between these, without them */
    int other_than_zero;  /* some axis is to be taken other than 0 times */
    int steps;
};

static void add_axis(struct search *search, int64_t stride, int64_t low, int64_t high)
{
    const struct axis made = {stride < 0 ? -stride : stride, stride < 0 ? -high : low, stride < 0 ? -low : high};
    int i;
    for (i = 0; i < search->count && search->axes[i].stride > made.stride; ++i) {
    }
    if (i < search->count && search->axes[i].stride == made.stride) {
        search->axes[i].low += made.low;
        search->axes[i].high += made.high;
        return;
    }
    memmove(&search->axes[i + 1], &search->axes[i], (size_t)(search->count - i) * sizeof made);
    search->axes[i] = made;
    search->count += 1;
}

/* Rounded towards minus infinity. */
static int64_t divided(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && a < 0);
}

static int found(struct search *search, int axis, int64_t distance, int moved)
{
    const struct axis *own = &search->axes[axis];
    int64_t least = 0, most = 0, low, high, times; /* of the other axes together */
    int i;
    if (axis == search->count) {
        return distance > search->below && distance < search->above && (moved || !search->other_than_zero);
    }
    for (i = axis + 1; i < search->count; ++i) {
        least += search->axes[i].stride * search->axes[i].low;
        most += search->axes[i].stride * search->axes[i].high;
    }
    low = divided(search->below - distance - most, own->stride) + 1;
    high = -divided(-(search->above - distance - least), own->stride) - 1;
    low = low > own->low ? low : own->low;
    high = high < own->high ? high : own->high;
    for (times = low; times <= high; ++times) {
        if (++search->steps > MOST_STEPS || found(search, axis + 1, distance + times * own->stride, moved || times != 0)) {
            return 1;
        }
    }
    return 0;
}

int fluorite_lattices_overlap(const struct fluorite_lattice *a, const struct fluorite_lattice *b)
{
    struct search search;
    int i;
    memset(&search, 0, sizeof search);
    search.below = -b->bytes;
    search.above = a->bytes;
    for (i = 0; i < a->axes; ++i) {
        if (a->strides[i] != 0 && a->extents[i] > 1) {
            add_axis(&search, a->strides[i], 1 - a->extents[i], 0);
        }
    }
    for (i = 0; i < b->axes; ++i) {
        if (b->strides[i] != 0 && b->extents[i] > 1) {
            add_axis(&search, b->strides[i], 0, b->extents[i] - 1);
        }
    }
    return found(&search, 0, (int64_t)b->first - (int64_t)a->first, 1);
}

int fluorite_lattice_overlaps_itself(const struct fluorite_lattice *a)
{
    struct search search;
    int i;
    memset(&search, 0, sizeof search);
    search.below = -a->bytes;
    search.above = a->bytes;
    search.other_than_zero = 1;
    for (i = 0; i < a->axes; ++i) {
        const int count = search.count;
        if (a->extents[i] > 1) {
            add_axis(&search, a->strides[i], 1 - a->extents[i], a->extents[i] - 1);
            if (search.count == count || a->strides[i] == 0) {
                return 1; /* a step along one axis and one back along the other end where they began */
            }
        }
    }
    return found(&search, 0, 0, 0);
}
