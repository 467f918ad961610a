/* Arguments of a pipeline, from image files and to image files. */
#include "fluorite_program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int fluorite_program_complain(const char *what, const char *wrong)
{
    (void)fprintf(stderr, "%s %s\n", what, wrong);
    return 0;
}

static int is_scalar(const struct argument *argument)
{
    return argument->about->kind == halide_argument_kind_input_scalar;
}

static int is_input(const struct argument *argument)
{
    return argument->about->kind == halide_argument_kind_input_buffer;
}

/* --- types and layouts -------------------------------------------------------------------------------------------- */

static int value_bytes(const struct argument *argument)
{
    return (argument->about->type.bits + 7) / 8;
}

/* As an image says it. */
static char value_kind(const struct argument *argument)
{
    if (argument->about->type.bits == 1) {
        return 'b';
    }
    return argument->about->type.code == halide_type_uint  ? 'u'
           : argument->about->type.code == halide_type_int ? 'i'
                                                           : 'f';
}

/* Values are taken as they are; only those without a sign may be narrower than the input's. */
static int fits(const struct argument *argument)
{
    const struct fluorite_image *image = &argument->image;
    const char kind = value_kind(argument);
    const int bytes = value_bytes(argument);
    if ((image->kind == kind && image->bytes == bytes) || (image->kind == 'u' && kind == 'u' && image->bytes < bytes)) {
        return 1;
    }
    (void)fprintf(stderr, "%s holds values of type %c%d, the input %s takes %c%d\n", argument->path, image->kind,
                  image->bytes, argument->about->name, kind, bytes);
    return 0;
}

/* A buffer of these extents; planar, or with channels 0..c-1 of a pixel beside each other. */
static int shape(struct argument *argument, int width, int height, int channels, int interleaved)
{
    const int extents[FLUORITE_PROGRAM_DIMENSIONS] = {width, height, channels};
    int64_t stride = 1;
    int d;
    argument->buffer.type = argument->about->type;
    argument->buffer.dimensions = argument->about->dimensions;
    argument->buffer.dim = argument->dims;
    for (d = 0; d < argument->about->dimensions; ++d) {
        argument->dims[d].min = 0;
        argument->dims[d].extent = extents[d];
        argument->dims[d].stride = (int32_t)stride;
        argument->dims[d].flags = 0;
        if (extents[d] > 0 && stride > INT32_MAX / extents[d]) {
            return fluorite_program_complain(argument->about->name, "has more than 2147483647 values");
        }
        stride *= extents[d];
    }
    if (interleaved) {
        argument->dims[0].stride = channels;
        argument->dims[1].stride = channels * width;
        argument->dims[2].stride = 1;
    }
    return 1;
}

static unsigned char *value_at(const struct argument *argument, int x, int y, int c)
{
    const int at[FLUORITE_PROGRAM_DIMENSIONS] = {x, y, c};
    int64_t offset = 0;
    int d;
    for (d = 0; d < argument->about->dimensions; ++d) {
        offset += (int64_t)at[d] * argument->dims[d].stride;
    }
    return argument->buffer.host + offset * value_bytes(argument);
}

/* Between the file's pixels and the buffer's. A narrower file widens an unsigned value with zeros. */
static void copy_image(struct argument *argument, int into_buffer)
{
    const struct fluorite_image *image = &argument->image;
    const size_t bytes = (size_t)image->bytes;
    unsigned char *file = image->values;
    int x, y, c;
    for (y = 0; y < image->height; ++y) {
        for (x = 0; x < image->width; ++x) {
            for (c = 0; c < image->channels; ++c) {
                unsigned char *value = value_at(argument, x, y, c);
                memcpy(into_buffer ? value : file, into_buffer ? file : value, bytes);
                file += bytes;
            }
        }
    }
}

/* --- before the run ----------------------------------------------------------------------------------------------- */

static int load_inputs(struct program *program)
{
    int i;
    for (i = 0; i < program->count; ++i) {
        struct argument *argument = &program->arguments[i];
        const char *wrong;
        if (is_scalar(argument)) {
            continue;
        }
        if (argument->about->dimensions > FLUORITE_PROGRAM_DIMENSIONS) {
            return fluorite_program_complain(argument->about->name, "has too many dimensions for this program");
        }
        if (is_input(argument)) {
            wrong = fluorite_image_load(argument->path, &argument->image);
            if (wrong != NULL) {
                return fluorite_program_complain(argument->path, wrong);
            }
            if (!fits(argument)) {
                return 0;
            }
            if (program->width == 0) {
                program->width = argument->image.width;
                program->height = argument->image.height;
            }
        }
    }
    return program->width > 0 || fluorite_program_complain("--size", "is needed: there is no input image");
}

int fluorite_program_call(struct program *program)
{
    program->failed = 0;
    return program->pipeline(program->values) == 0 && !program->failed;
}

/* The sizes that an output is to have, and that an input has: a border is where the image that is there ends. */
static void wanted(const struct program *program, int argument, int channels, int *sizes)
{
    const int64_t size[FLUORITE_PROGRAM_DIMENSIONS] = {program->width, program->height, channels};
    int64_t own[FLUORITE_PROGRAM_DIMENSIONS];
    int i, d, output = 0;
    memcpy(own, size, sizeof own);
    for (i = 0; i < argument; ++i) {
        output += !is_scalar(&program->arguments[i]) && !is_input(&program->arguments[i]);
    }
    if (!is_input(&program->arguments[argument])) {
        program->output_sizes(output, size, own);
    } else {
        own[0] = program->arguments[argument].image.width;
        own[1] = program->arguments[argument].image.height;
        own[2] = program->arguments[argument].image.channels;
    }
    for (d = 0; d < FLUORITE_PROGRAM_DIMENSIONS; ++d) {
        sizes[d] = own[d] < INT32_MAX ? (int)own[d] : INT32_MAX;
    }
}

/* Asks the pipeline which regions and layouts it wants: with no memory behind a buffer, it says so in its dims. */
static int query(struct program *program)
{
    int i, d, channels = 3, size[FLUORITE_PROGRAM_DIMENSIONS];
    for (i = 0; i < program->count; ++i) {
        const struct argument *argument = &program->arguments[i];
        if (is_input(argument) && argument->image.channels > 1) {
            channels = argument->image.channels;
        }
    }
    for (i = 0; i < program->count; ++i) {
        if (!is_scalar(&program->arguments[i])) {
            wanted(program, i, channels, size);
            if (!shape(&program->arguments[i], size[0], size[1], size[2], 0)) {
                return 0;
            }
        }
    }
    if (!fluorite_program_call(program)) {
        return 0;
    }
    for (i = 0; i < program->count; ++i) {
        const struct argument *argument = &program->arguments[i];
        if (is_scalar(argument) || is_input(argument)) {
            continue;
        }
        wanted(program, i, channels, size);
        size[2] = argument->dims[2].extent;
        for (d = 0; d < argument->about->dimensions; ++d) {
            if (argument->dims[d].min != 0 || argument->dims[d].extent > size[d]) {
                (void)fprintf(stderr, "%s: the pipeline computes at least %d pixels along dimension %d; see --size\n",
                              argument->about->name, argument->dims[d].extent, d);
                return 0;
            }
        }
    }
    return 1;
}

/* Whether an image has all the pixels that the query asked for. */
static int covers(const struct argument *argument)
{
    const struct fluorite_image *image = &argument->image;
    const int has[FLUORITE_PROGRAM_DIMENSIONS] = {image->width, image->height, image->channels};
    int d;
    for (d = 0; d < argument->about->dimensions; ++d) {
        const struct halide_dimension_t *dim = &argument->dims[d];
        if (dim->extent > 0 && (dim->min < 0 || dim->extent > has[d] - dim->min)) {
            (void)fprintf(stderr, "%s: the pipeline reads %d..%d along dimension %d, the image has 0..%d; see --size\n",
                          argument->path, dim->min, (int)((int64_t)dim->min + dim->extent - 1), d, has[d] - 1);
            return 0;
        }
    }
    if (argument->about->dimensions < 3 && image->channels != 1) {
        return fluorite_program_complain(argument->path, "must be grey: the input has no channels");
    }
    return argument->about->dimensions > 1 || image->height == 1 ||
           fluorite_program_complain(argument->path, "must be one line: the input has one dimension");
}

static int allocate(struct argument *argument)
{
    const int interleaved = argument->about->dimensions == 3 && argument->dims[2].stride == 1 &&
                            argument->dims[0].stride != 1;
    struct fluorite_image *image = &argument->image;
    size_t bytes;
    if (!is_input(argument)) {
        image->width = argument->about->dimensions > 0 ? argument->dims[0].extent : 1;
        image->height = argument->about->dimensions > 1 ? argument->dims[1].extent : 1;
        image->channels = argument->about->dimensions > 2 ? argument->dims[2].extent : 1;
        image->dimensions = argument->about->dimensions;
        image->kind = value_kind(argument);
        image->bytes = value_bytes(argument);
    } else if (!covers(argument)) {
        return 0;
    }
    if (!shape(argument, image->width, image->height, image->channels, interleaved)) {
        return 0;
    }
    bytes = fluorite_image_count(image) * (size_t)value_bytes(argument);
    argument->buffer.host = (uint8_t *)halide_malloc(NULL, bytes); /* in the DMA arena, if there is room */
    if (image->values == NULL) {
        image->values = fluorite_image_room(image);
    }
    if (argument->buffer.host == NULL || image->values == NULL) {
        return fluorite_program_complain(argument->about->name, "is too large for the memory");
    }
    memset(argument->buffer.host, 0, bytes);
    if (is_input(argument)) {
        copy_image(argument, 1);
    }
    return 1;
}

int fluorite_program_prepare(struct program *program)
{
    int i, good = load_inputs(program) && query(program);
    for (i = 0; i < program->count && good; ++i) {
        if (!is_scalar(&program->arguments[i])) {
            good = allocate(&program->arguments[i]);
        }
    }
    return good;
}

/* --- after it ----------------------------------------------------------------------------------------------------- */

int fluorite_program_save(struct program *program)
{
    int i;
    for (i = 0; i < program->count; ++i) {
        struct argument *argument = &program->arguments[i];
        if (!is_scalar(argument) && !is_input(argument)) {
            const char *wrong;
            copy_image(argument, 0);
            wrong = fluorite_image_save(argument->path, &argument->image);
            if (wrong != NULL) {
                return fluorite_program_complain(argument->path, wrong);
            }
        }
    }
    return 1;
}

void fluorite_program_free(struct program *program)
{
    int i;
    for (i = 0; i < program->count; ++i) {
        if (program->arguments[i].buffer.host != NULL) {
            halide_free(NULL, program->arguments[i].buffer.host);
        }
        fluorite_image_free(&program->arguments[i].image);
    }
}
