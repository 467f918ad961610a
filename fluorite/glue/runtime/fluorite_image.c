/* Images in files: PGM and PPM, and the choice between these and .npy. */
#define _POSIX_C_SOURCE 200809L

#include "fluorite_image.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PART ".part" /* what a file's name ends in until it is whole */

static int is_npy(const char *path)
{
    const size_t length = strlen(path);
    return length >= 4 && strcmp(path + length - 4, ".npy") == 0;
}

static int is_little_endian(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

size_t fluorite_image_count(const struct fluorite_image *image)
{
    return (size_t)image->width * (size_t)image->height * (size_t)image->channels;
}

unsigned char *fluorite_image_room(const struct fluorite_image *image)
{
    const uint64_t pixels = (uint64_t)image->width * (uint64_t)image->height; /* less than 2^32 of them, or equal */
    if (pixels > SIZE_MAX / (size_t)image->channels) {
        return NULL;
    }
    return (unsigned char *)calloc(fluorite_image_count(image), (size_t)image->bytes);
}

/* PNM's values of two bytes come high byte first. */
static void swap_bytes(unsigned char *values, size_t count)
{
    size_t i;
    for (i = 0; is_little_endian() && i < count; ++i) {
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
        return "is not a binary PGM or PPM (P5 or P6), nor does its name end in .npy";
    }
    image->width = header_number(file);
    image->height = header_number(file);
    maximum = header_number(file);
    image->channels = kind == '5' ? 1 : 3;
    image->dimensions = kind == '5' ? 2 : 3;
    image->kind = 'u';
    image->bytes = maximum == 255 ? 1 : 2;
    if (image->width <= 0 || image->height <= 0 || image->width > FLUORITE_IMAGE_MAX_SIDE ||
        image->height > FLUORITE_IMAGE_MAX_SIDE) {
        return "has no valid size";
    }
    if (maximum != 255 && maximum != 65535) {
        return "must have a maxval of 255 or 65535";
    }
    image->values = fluorite_image_room(image);
    if (image->values == NULL) {
        return "is too large for the memory";
    }
    if (fread(image->values, (size_t)image->bytes, fluorite_image_count(image), file) != fluorite_image_count(image)) {
        return "ends too early";
    }
    if (image->bytes == 2) {
        swap_bytes(image->values, fluorite_image_count(image));
    }
    return NULL;
}

const char *fluorite_image_load(const char *path, struct fluorite_image *image)
{
    FILE *file = fopen(path, "rb");
    const char *wrong;
    memset(image, 0, sizeof *image);
    if (file == NULL) {
        return "cannot be opened";
    }
    wrong = is_npy(path) ? fluorite_npy_load(file, image) : load_pnm(file, image);
    (void)fclose(file);
    if (wrong != NULL) {
        fluorite_image_free(image);
    }
    return wrong;
}

static int save_pnm(FILE *file, const struct fluorite_image *image)
{
    const size_t size = fluorite_image_count(image) * (size_t)image->bytes;
    unsigned char *copy = fluorite_image_room(image);
    int written;
    if (copy == NULL) {
        return 0;
    }
    memcpy(copy, image->values, size);
    if (image->bytes == 2) {
        swap_bytes(copy, fluorite_image_count(image));
    }
    written = fprintf(file, "P%d\n%d %d\n%d\n", image->channels == 1 ? 5 : 6, image->width, image->height,
                      image->bytes == 1 ? 255 : 65535) > 0;
    written = written && fwrite(copy, 1, size, file) == size;
    free(copy);
    return written;
}

static const char *write_file(const char *path, const struct fluorite_image *image, int npy)
{
    FILE *file = fopen(path, "wb");
    int written;
    if (file == NULL) {
        return "cannot be written";
    }
    written = npy ? fluorite_npy_save(file, image) : save_pnm(file, image);
    written = fclose(file) == 0 && written;
    return written ? NULL : "cannot be written whole";
}

/* Whether the file may be put in place when all of it is written, so that a full disk leaves what was there: not where a
   device, a pipe or a link has that name. */
static int appears_whole(const char *path)
{
    struct stat status;
    return lstat(path, &status) != 0 || S_ISREG(status.st_mode);
}

const char *fluorite_image_save(const char *path, const struct fluorite_image *image)
{
    const int npy = is_npy(path);
    const char *wrong;
    char *part;
    if (!npy && ((image->channels != 1 && image->channels != 3) || image->kind != 'u' || image->bytes > 2)) {
        return "must end in .npy: PGM and PPM hold 1 or 3 channels of 8 or 16 bits without a sign";
    }
    if (!appears_whole(path)) {
        return write_file(path, image, npy);
    }
    if ((part = (char *)malloc(strlen(path) + sizeof PART)) == NULL) {
        return "is too large for the memory";
    }
    (void)strcat(strcpy(part, path), PART);
    wrong = write_file(part, image, npy);
    if (wrong == NULL && rename(part, path) != 0) {
        wrong = "cannot be written";
    }
    if (wrong != NULL) {
        (void)remove(part);
    }
    free(part);
    return wrong;
}

void fluorite_image_free(struct fluorite_image *image)
{
    free(image->values);
    memset(image, 0, sizeof *image);
}
