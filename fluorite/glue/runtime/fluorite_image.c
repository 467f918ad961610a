/* Images in files. */
#include "fluorite_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIDE 65536

static int is_raw(const char *path)
{
    const size_t length = strlen(path);
    return length >= 4 && strcmp(path + length - 4, ".raw") == 0;
}

static int is_little_endian(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

static size_t count(const struct fluorite_image *image)
{
    return (size_t)image->width * (size_t)image->height * (size_t)image->channels;
}

/* PNM's values of two bytes come high byte first. */
static void swap_bytes(unsigned char *values, size_t values_count)
{
    size_t i;
    for (i = 0; is_little_endian() && i < values_count; ++i) {
        const unsigned char high = values[2 * i];
        values[2 * i] = values[2 * i + 1];
        values[2 * i + 1] = high;
    }
}

/* A number of the header, after white space and comments; one character behind it is taken too. */
static int header_number(FILE *file)
{
    int number = 0, digits = 0, c = fgetc(file);
    while (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '#') {
        while (c == '#' && (c = fgetc(file)) != '\n' && c != EOF) {
            c = '#';
        }
        c = c == EOF ? EOF : fgetc(file);
    }
    for (; c >= '0' && c <= '9' && number < 1000000; c = fgetc(file)) {
        number = 10 * number + (c - '0');
        digits += 1;
    }
    return digits > 0 ? number : -1;
}

static const char *load_pnm(FILE *file, struct fluorite_image *image)
{
    const int p = fgetc(file), kind = fgetc(file);
    int maximum;
    if (p != 'P' || (kind != '5' && kind != '6')) {
        return "is not a binary PGM or PPM (P5 or P6)";
    }
    image->width = header_number(file);
    image->height = header_number(file);
    maximum = header_number(file);
    image->channels = kind == '5' ? 1 : 3;
    image->bytes = maximum == 255 ? 1 : 2;
    if (image->width <= 0 || image->height <= 0 || image->width > MAX_SIDE || image->height > MAX_SIDE) {
        return "has no valid size";
    }
    if (maximum != 255 && maximum != 65535) {
        return "must have a maxval of 255 or 65535";
    }
    image->values = (unsigned char *)malloc(count(image) * (size_t)image->bytes);
    if (image->values == NULL) {
        return "is too large for the memory";
    }
    if (fread(image->values, (size_t)image->bytes, count(image), file) != count(image)) {
        return "ends too early";
    }
    if (image->bytes == 2) {
        swap_bytes(image->values, count(image));
    }
    return NULL;
}

/* Between [channel][y][x] and [y][x][channel]. */
static void interleave(unsigned char *to, const unsigned char *from, const struct fluorite_image *image, int back)
{
    const size_t pixels = (size_t)image->width * (size_t)image->height, channels = (size_t)image->channels;
    const size_t bytes = (size_t)image->bytes;
    size_t pixel, c;
    for (pixel = 0; pixel < pixels; ++pixel) {
        for (c = 0; c < channels; ++c) {
            const size_t planar = c * pixels + pixel, interleaved = pixel * channels + c;
            memcpy(to + (back ? planar : interleaved) * bytes, from + (back ? interleaved : planar) * bytes, bytes);
        }
    }
}

static const char *load_raw(FILE *file, int width, int height, int bytes, struct fluorite_image *image)
{
    const size_t plane = (size_t)width * (size_t)height * (size_t)bytes;
    unsigned char *planar;
    long size;
    if (width <= 0 || height <= 0) {
        return "needs --size, as .raw does not say it";
    }
    if (fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) <= 0 || fseek(file, 0, SEEK_SET) != 0 ||
        (size_t)size % plane != 0) {
        return "does not have the size that --size says";
    }
    image->width = width;
    image->height = height;
    image->channels = (int)((size_t)size / plane);
    image->bytes = bytes;
    planar = (unsigned char *)malloc((size_t)size);
    image->values = (unsigned char *)malloc((size_t)size);
    if (planar == NULL || image->values == NULL || fread(planar, 1, (size_t)size, file) != (size_t)size) {
        free(planar);
        return "cannot be read whole";
    }
    interleave(image->values, planar, image, 0);
    free(planar);
    return NULL;
}

const char *fluorite_image_load(const char *path, int width, int height, int bytes, struct fluorite_image *image)
{
    FILE *file = fopen(path, "rb");
    const char *wrong;
    memset(image, 0, sizeof *image);
    if (file == NULL) {
        return "cannot be opened";
    }
    wrong = is_raw(path) ? load_raw(file, width, height, bytes, image) : load_pnm(file, image);
    (void)fclose(file);
    if (wrong != NULL) {
        fluorite_image_free(image);
    }
    return wrong;
}

static int write_values(FILE *file, const struct fluorite_image *image, int raw)
{
    const size_t size = count(image) * (size_t)image->bytes;
    unsigned char *copy = (unsigned char *)malloc(size);
    int written;
    if (copy == NULL) {
        return 0;
    }
    if (raw) {
        interleave(copy, image->values, image, 1);
    } else {
        memcpy(copy, image->values, size);
        if (image->bytes == 2) {
            swap_bytes(copy, count(image));
        }
    }
    written = fwrite(copy, 1, size, file) == size;
    free(copy);
    return written;
}

const char *fluorite_image_save(const char *path, const struct fluorite_image *image)
{
    const int raw = is_raw(path);
    FILE *file;
    int written;
    if (!raw && ((image->channels != 1 && image->channels != 3) || image->bytes > 2)) {
        return "must end in .raw: PGM and PPM hold 1 or 3 channels of 8 or 16 bits";
    }
    file = fopen(path, "wb");
    if (file == NULL) {
        return "cannot be written";
    }
    written = raw || fprintf(file, "P%d\n%d %d\n%d\n", image->channels == 1 ? 5 : 6, image->width, image->height,
                             image->bytes == 1 ? 255 : 65535) > 0;
    written = written && write_values(file, image, raw);
    written = fclose(file) == 0 && written;
    return written ? NULL : "cannot be written whole";
}

void fluorite_image_free(struct fluorite_image *image)
{
    free(image->values);
    memset(image, 0, sizeof *image);
}
