/* Images in files: PGM and PPM (binary, 8 or 16 bits), and raw pixels. */
#ifndef FLUORITE_IMAGE_H
#define FLUORITE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Values interleaved: [y][x][channel], each of `bytes` bytes in the machine's order. */
struct fluorite_image {
    int width, height, channels;
    int bytes; /* of a value */
    unsigned char *values;
};

/* By the ending: .raw is width * height * channels values of `bytes` bytes, planar as Halide's buffers are, the number
   of channels found from the file's size; anything else is P5 or P6 with a maxval of 255 or 65535.
   NULL, or a sentence about what is wrong; then there is nothing to free. */
const char *fluorite_image_load(const char *path, int width, int height, int bytes, struct fluorite_image *image);

/* One or three channels for P5 or P6, values of 1 or 2 bytes; .raw holds anything. NULL, or what is wrong. */
const char *fluorite_image_save(const char *path, const struct fluorite_image *image);

void fluorite_image_free(struct fluorite_image *image);

#ifdef __cplusplus
}
#endif

#endif /* FLUORITE_IMAGE_H */
