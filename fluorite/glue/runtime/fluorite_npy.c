/* NumPy's .npy files, as numpy.lib.format describes them: a magic text, two bytes of version, the length of a header,
   the header (a Python dictionary), the values. */
#include "fluorite_image.h"

#include <stdlib.h>
#include <string.h>

#define MAX_HEADER 4096
#define DIMENSIONS 3

static const unsigned char MAGIC[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/* The header's text, ended by a zero. */
static const char *read_header(FILE *file, char *header)
{
    unsigned char start[12];
    size_t length, length_bytes;
    if (fread(start, 1, 8, file) != 8 || memcmp(start, MAGIC, sizeof MAGIC) != 0) {
        return "is not a .npy file of NumPy";
    }
    length_bytes = start[6] == 1 ? 2 : 4; /* by the major version */
    if (fread(start + 8, 1, length_bytes, file) != length_bytes) {
        return "ends too early";
    }
    length = (size_t)start[8] | (size_t)start[9] << 8;
    if (length_bytes == 4) {
        length |= (size_t)start[10] << 16 | (size_t)start[11] << 24;
    }
    if (length >= MAX_HEADER) {
        return "has a header that is no image's";
    }
    if (fread(header, 1, length, file) != length) {
        return "ends too early";
    }
    header[length] = '\0';
    return NULL;
}

/* Where the value of a key begins; NULL if there is none. */
static const char *value_of(const char *header, const char *key)
{
    const char *found = strstr(header, key);
    if (found == NULL || (found = strchr(found, ':')) == NULL) {
        return NULL;
    }
    return found + 1 + strspn(found + 1, " ");
}

static const char *read_type(const char *header, struct fluorite_image *image)
{
    const char *type = value_of(header, "'descr'");
    char order, quote;
    int bytes;
    if (type == NULL || sscanf(type, "'%c%c%d%c", &order, &image->kind, &bytes, &quote) != 4 || quote != '\'' ||
        image->kind == '\0' || strchr("uifb", image->kind) == NULL ||
        (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)) {
        return "must hold plain numbers";
    }
    if (order == '>') {
        return "must be little endian";
    }
    image->bytes = bytes;
    return NULL;
}

static const char *read_shape(const char *header, struct fluorite_image *image)
{
    const char *order = value_of(header, "'fortran_order'"), *at = value_of(header, "'shape'");
    long extents[DIMENSIONS];
    int d = 0;
    if (order == NULL || at == NULL || *at != '(') {
        return "has a header that is no image's";
    }
    for (at += 1; *at != ')' && *at != '\0'; at += strspn(at, ", ")) {
        char *end;
        if (d == DIMENSIONS) {
            return "must have at most three dimensions";
        }
        extents[d] = strtol(at, &end, 10);
        if (end == at || extents[d] <= 0 || extents[d] > FLUORITE_IMAGE_MAX_SIDE) {
            return "has no valid size";
        }
        at = end;
        d += 1;
    }
    if (d > 1 && strncmp(order, "False", 5) != 0) {
        return "is stored column by column: save it with numpy.ascontiguousarray";
    }
    image->dimensions = d;
    image->width = d > 0 ? (int)extents[d - 1] : 1;
    image->height = d > 1 ? (int)extents[d - 2] : 1;
    image->channels = d > 2 ? (int)extents[0] : 1;
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

const char *fluorite_npy_load(FILE *file, struct fluorite_image *image)
{
    char header[MAX_HEADER];
    unsigned char *planar;
    const char *wrong;
    size_t count;
    if ((wrong = read_header(file, header)) != NULL || (wrong = read_type(header, image)) != NULL ||
        (wrong = read_shape(header, image)) != NULL) {
        return wrong;
    }
    count = fluorite_image_count(image);
    planar = fluorite_image_room(image);
    image->values = fluorite_image_room(image);
    if (planar == NULL || image->values == NULL) {
        free(planar);
        return "is too large for the memory";
    }
    if (fread(planar, (size_t)image->bytes, count, file) != count) {
        free(planar);
        return "ends too early";
    }
    interleave(image->values, planar, image, 0);
    free(planar);
    return NULL;
}

/* The header is padded so that the values begin at a multiple of 64 bytes. */
static int write_header(FILE *file, const struct fluorite_image *image)
{
    char header[128];
    int shape[DIMENSIONS];
    int length, d;
    shape[0] = image->channels;
    shape[1] = image->height;
    shape[2] = image->width;
    length = snprintf(header, sizeof header, "{'descr': '%c%c%d', 'fortran_order': False, 'shape': (",
                      image->bytes == 1 ? '|' : '<', image->kind, image->bytes);
    for (d = DIMENSIONS - image->dimensions; d < DIMENSIONS; ++d) {
        length += snprintf(header + length, sizeof header - (size_t)length, "%d%s", shape[d],
                           d + 1 < DIMENSIONS ? ", " : "");
    }
    length += snprintf(header + length, sizeof header - (size_t)length, "%s), }", image->dimensions == 1 ? "," : "");
    while ((sizeof MAGIC + 4 + (size_t)length + 1) % 64 != 0) {
        header[length++] = ' ';
    }
    header[length++] = '\n';
    return fwrite(MAGIC, 1, sizeof MAGIC, file) == sizeof MAGIC && fputc(1, file) != EOF && fputc(0, file) != EOF &&
           fputc(length & 255, file) != EOF && fputc(length >> 8, file) != EOF &&
           fwrite(header, 1, (size_t)length, file) == (size_t)length;
}

int fluorite_npy_save(FILE *file, const struct fluorite_image *image)
{
    const size_t count = fluorite_image_count(image);
    unsigned char *planar = fluorite_image_room(image);
    int written;
    if (planar == NULL) {
        return 0;
    }
    interleave(planar, image->values, image, 1);
    written = write_header(file, image) && fwrite(planar, (size_t)image->bytes, count, file) == count;
    free(planar);
    return written;
}
