/* Images in files: PGM and PPM (binary, 8 or 16 bits), and NumPy's .npy, which holds values of any type. */
#ifndef FLUORITE_IMAGE_H
#define FLUORITE_IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Values interleaved: [y][x][channel], each of `bytes` bytes in the machine's order. */
struct fluorite_image {
    int width, height, channels;
    int dimensions; /* 1: a line, 2: grey, 3: with channels */
    char kind;      /* of values: 'u' unsigned, 'i' signed, 'f' floating point, 'b' Boolean */
    int bytes;      /* of a value */
    unsigned char *values;
};

/* By the ending: .npy is a C-contiguous array of shape (x), (y, x) or (channel, y, x), as NumPy sees Halide's buffers;
   anything else is P5 or P6 with a maxval of 255 or 65535.
   NULL, or a sentence about what is wrong; then there is nothing to free. */
const char *fluorite_image_load(const char *path, struct fluorite_image *image);

/* One or three channels for P5 or P6, unsigned values of 1 or 2 bytes; .npy holds anything. NULL, or what is wrong. */
const char *fluorite_image_save(const char *path, const struct fluorite_image *image);

void fluorite_image_free(struct fluorite_image *image);

/* --- for the files of this module --------------------------------------------------------------------------------- */

#define FLUORITE_IMAGE_MAX_SIDE 65536

size_t fluorite_image_count(const struct fluorite_image *image); /* values */

/* Memory for all values, zero; NULL if there is not as much. */
unsigned char *fluorite_image_room(const struct fluorite_image *image);

const char *fluorite_npy_load(FILE *file, struct fluorite_image *image);
int fluorite_npy_save(FILE *file, const struct fluorite_image *image); /* 1: written */

#ifdef __cplusplus
}
#endif

#endif /* FLUORITE_IMAGE_H */
