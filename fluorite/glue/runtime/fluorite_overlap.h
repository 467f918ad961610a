/* For the files of the driver: whether parts of memory that lie in rows share bytes. */
#ifndef FLUORITE_OVERLAP_H
#define FLUORITE_OVERLAP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FLUORITE_LATTICE_AXES 8

/* Pieces of `bytes` bytes, one for every combination of 0..extent-1 along each axis. */
struct fluorite_lattice {
    uintptr_t first;
    int64_t bytes;
    int axes;
    int64_t strides[FLUORITE_LATTICE_AXES], extents[FLUORITE_LATTICE_AXES]; /* bytes; pieces, at least 1 */
};

/* Whether some bytes belong to both. Exact, also where the rows of one lie between those of the other. */
int fluorite_lattices_overlap(const struct fluorite_lattice *a, const struct fluorite_lattice *b);

/* Whether some bytes belong to two pieces. */
int fluorite_lattice_overlaps_itself(const struct fluorite_lattice *a);

#ifdef __cplusplus
}
#endif

#endif /* FLUORITE_OVERLAP_H */
