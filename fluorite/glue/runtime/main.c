/* Runs the pipeline on images: ./PROGRAM [options] INPUT... OUTPUT...

   Inputs and outputs in the order that --help prints. Files are PGM or PPM, or .raw: pixels as Halide holds them, of any
   type. Options: --size WxH (of the output; the first image's by default), --set NAME=VALUE (each Param needs one),
   --repeat N (for timing). */
#define _POSIX_C_SOURCE 200809L

#include "design.h"
#include "fluorite_image.h"
#include "fluorite_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_ARGUMENTS 32
#define MAX_DIMENSIONS 3

struct argument {
    const struct halide_filter_argument_t *about;
    const char *path; /* of a buffer's file */
    struct fluorite_image image;
    struct halide_buffer_t buffer;
    struct halide_dimension_t dims[MAX_DIMENSIONS];
    union {
        int64_t whole;
        uint64_t natural;
        double wide;
        float real;
        unsigned char bytes[8];
    } scalar;
    int is_set;
};

struct program {
    int count;
    struct argument arguments[MAX_ARGUMENTS];
    void *values[MAX_ARGUMENTS]; /* as the pipeline takes them */
    int width, height, repeat;
    int failed; /* Halide reported an error */
};

static struct program program; /* the error handler must reach it */

/* --- messages ----------------------------------------------------------------------------------------------------------- */

static void on_error(void *user_context, const char *text)
{
    (void)user_context;
    program.failed = 1;
    (void)fprintf(stderr, "%s\n", text);
}

static int complain(const char *what, const char *wrong)
{
    (void)fprintf(stderr, "%s %s\n", what, wrong);
    return 0;
}

static const char *kind_name(const struct halide_filter_argument_t *about)
{
    return about->kind == halide_argument_kind_input_scalar   ? "--set"
           : about->kind == halide_argument_kind_input_buffer ? "input"
                                                              : "output";
}

static void print_help(const char *name)
{
    int i;
    (void)printf("%s [--size WxH] [--set NAME=VALUE] [--repeat N] INPUT... OUTPUT...\n", name);
    for (i = 0; i < program.count; ++i) {
        const struct halide_filter_argument_t *about = program.arguments[i].about;
        (void)printf("  %-6s %s: %d dimensions, %s%d\n", kind_name(about), about->name, (int)about->dimensions,
                     about->type.code == halide_type_uint  ? "uint"
                     : about->type.code == halide_type_int ? "int"
                                                           : "float",
                     about->type.bits);
    }
}

/* --- the command line ------------------------------------------------------------------------------------------------------ */

static int set_scalar(const char *text)
{
    const char *equals = strchr(text, '=');
    int i;
    for (i = 0; equals != NULL && i < program.count; ++i) {
        struct argument *argument = &program.arguments[i];
        const struct halide_filter_argument_t *about = argument->about;
        if (about->kind == halide_argument_kind_input_scalar && strlen(about->name) == (size_t)(equals - text) &&
            strncmp(about->name, text, (size_t)(equals - text)) == 0) {
            if (about->type.code == halide_type_float && about->type.bits == 32) {
                argument->scalar.real = strtof(equals + 1, NULL);
            } else if (about->type.code == halide_type_float) {
                argument->scalar.wide = strtod(equals + 1, NULL);
            } else if (about->type.code == halide_type_uint) {
                argument->scalar.natural = strtoull(equals + 1, NULL, 0); /* little endian: narrower ones begin alike */
            } else {
                argument->scalar.whole = strtoll(equals + 1, NULL, 0);
            }
            argument->is_set = 1;
            return 1;
        }
    }
    return complain(text, "sets no Param of the pipeline");
}

/* The next file goes to the first buffer without one, inputs first. */
static int add_path(const char *path)
{
    const enum halide_argument_kind_t kinds[] = {halide_argument_kind_input_buffer, halide_argument_kind_output_buffer};
    int k, i;
    for (k = 0; k < 2; ++k) {
        for (i = 0; i < program.count; ++i) {
            struct argument *argument = &program.arguments[i];
            if (argument->about->kind == (int32_t)kinds[k] && argument->path == NULL) {
                argument->path = path;
                return 1;
            }
        }
    }
    return complain(path, "is one file too many");
}

static int parse(int argc, char **argv)
{
    int i, good = 1;
    for (i = 1; i < argc && good; ++i) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--size") == 0) {
            good = sscanf(value, "%dx%d", &program.width, &program.height) == 2 || complain("--size", "is WxH");
            i += 1;
        } else if (strcmp(argv[i], "--set") == 0) {
            good = set_scalar(value);
            i += 1;
        } else if (strcmp(argv[i], "--repeat") == 0) {
            good = (program.repeat = atoi(value)) > 0 || complain("--repeat", "must be a positive number");
            i += 1;
        } else {
            good = add_path(argv[i]);
        }
    }
    for (i = 0; i < program.count && good; ++i) {
        const struct argument *argument = &program.arguments[i];
        if (argument->about->kind == halide_argument_kind_input_scalar ? !argument->is_set : argument->path == NULL) {
            good = complain(argument->about->name, "is missing (see --help)");
        }
    }
    return good;
}

/* --- buffers ------------------------------------------------------------------------------------------------------------ */

static int value_bytes(const struct argument *argument)
{
    return (argument->about->type.bits + 7) / 8;
}

/* A buffer of these extents; planar, or with channels 0..c-1 of a pixel beside each other. */
static void shape(struct argument *argument, int width, int height, int channels, int interleaved)
{
    const int extents[MAX_DIMENSIONS] = {width, height, channels};
    int d, stride = 1;
    argument->buffer.type = argument->about->type;
    argument->buffer.dimensions = argument->about->dimensions;
    argument->buffer.dim = argument->dims;
    for (d = 0; d < argument->about->dimensions; ++d) {
        argument->dims[d].min = 0;
        argument->dims[d].extent = extents[d];
        argument->dims[d].stride = stride;
        argument->dims[d].flags = 0;
        stride *= extents[d];
    }
    if (interleaved) {
        argument->dims[0].stride = channels;
        argument->dims[1].stride = channels * width;
        argument->dims[2].stride = 1;
    }
}

static unsigned char *value_at(const struct argument *argument, int x, int y, int c)
{
    const int at[MAX_DIMENSIONS] = {x, y, c};
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
    int x, y, c;
    for (y = 0; y < image->height; ++y) {
        for (x = 0; x < image->width; ++x) {
            for (c = 0; c < image->channels; ++c) {
                unsigned char *value = value_at(argument, x, y, c);
                unsigned char *file =
                    image->values + (((size_t)y * (size_t)image->width + (size_t)x) * (size_t)image->channels +
                                     (size_t)c) * bytes;
                memcpy(into_buffer ? value : file, into_buffer ? file : value, bytes);
            }
        }
    }
}

static int load_inputs(void)
{
    int i;
    for (i = 0; i < program.count; ++i) {
        struct argument *argument = &program.arguments[i];
        const char *wrong;
        if (argument->about->kind == halide_argument_kind_input_scalar) {
            continue;
        }
        if (argument->about->dimensions > MAX_DIMENSIONS) {
            return complain(argument->about->name, "has too many dimensions for this program");
        }
        if (argument->about->kind == halide_argument_kind_input_buffer) {
            wrong = fluorite_image_load(argument->path, program.width, program.height, value_bytes(argument),
                                        &argument->image);
            if (wrong != NULL) {
                return complain(argument->path, wrong);
            }
            if (argument->image.bytes > value_bytes(argument)) {
                return complain(argument->path, "has 16 bits a value, the input 8");
            }
            if (program.width == 0) {
                program.width = argument->image.width;
                program.height = argument->image.height;
            }
        }
    }
    return program.width > 0 || complain("--size", "is needed: there is no input image");
}

static int call_pipeline(void)
{
    program.failed = 0;
    return FLUORITE_PIPELINE_ARGV(program.values) == 0 && !program.failed;
}

/* Asks the pipeline which regions and layouts it wants: with no memory behind a buffer, it says so in its dims. */
static int query(void)
{
    int i, d, channels = 3;
    for (i = 0; i < program.count; ++i) {
        if (program.arguments[i].about->kind == halide_argument_kind_input_buffer && program.arguments[i].image.values) {
            channels = program.arguments[i].image.channels;
        }
    }
    for (i = 0; i < program.count; ++i) {
        struct argument *argument = &program.arguments[i];
        if (argument->about->kind != halide_argument_kind_input_scalar) {
            shape(argument, program.width, program.height, channels == 1 ? 3 : channels, 0);
        }
    }
    if (!call_pipeline()) {
        return 0;
    }
    for (i = 0; i < program.count; ++i) {
        const struct argument *argument = &program.arguments[i];
        if (argument->about->kind == halide_argument_kind_output_buffer) {
            const int size[MAX_DIMENSIONS] = {program.width, program.height, argument->dims[2].extent};
            for (d = 0; d < argument->about->dimensions; ++d) {
                if (argument->dims[d].min != 0 || argument->dims[d].extent > size[d]) {
                    (void)fprintf(stderr, "%s: the pipeline computes at least %d pixels along dimension %d; see --size\n",
                                  argument->about->name, argument->dims[d].extent, d);
                    return 0;
                }
            }
        }
    }
    return 1;
}

/* Whether an image has all the pixels that the query asked for. */
static int covers(const struct argument *argument)
{
    const struct fluorite_image *image = &argument->image;
    const int has[MAX_DIMENSIONS] = {image->width, image->height, image->channels};
    int d;
    for (d = 0; d < argument->about->dimensions; ++d) {
        const struct halide_dimension_t *dim = &argument->dims[d];
        if (dim->extent > 0 && (dim->min < 0 || dim->min + dim->extent > has[d])) {
            (void)fprintf(stderr, "%s: the pipeline reads %d..%d along dimension %d, the image has 0..%d; see --size\n",
                          argument->path, dim->min, dim->min + dim->extent - 1, d, has[d] - 1);
            return 0;
        }
    }
    return argument->about->dimensions == 3 || image->channels == 1 ||
           complain(argument->path, "must be grey: the input has no channels");
}

static int allocate(struct argument *argument)
{
    const int interleaved = argument->about->dimensions == 3 && argument->dims[2].stride == 1 &&
                            argument->dims[0].stride != 1;
    struct fluorite_image *image = &argument->image;
    size_t bytes;
    if (argument->about->kind == halide_argument_kind_output_buffer) {
        image->width = argument->about->dimensions > 0 ? argument->dims[0].extent : 1;
        image->height = argument->about->dimensions > 1 ? argument->dims[1].extent : 1;
        image->channels = argument->about->dimensions > 2 ? argument->dims[2].extent : 1;
        image->bytes = value_bytes(argument);
    } else if (!covers(argument)) {
        return 0;
    }
    shape(argument, image->width, image->height, image->channels, interleaved);
    bytes = (size_t)image->width * (size_t)image->height * (size_t)image->channels * (size_t)value_bytes(argument);
    argument->buffer.host = (uint8_t *)halide_malloc(NULL, bytes); /* in the DMA arena, if there is room */
    if (image->values == NULL) {
        image->values = (unsigned char *)malloc(bytes);
    }
    if (argument->buffer.host == NULL || image->values == NULL) {
        return complain(argument->about->name, "is too large for the memory");
    }
    memset(argument->buffer.host, 0, bytes);
    if (argument->about->kind == halide_argument_kind_input_buffer) {
        copy_image(argument, 1);
    }
    return 1;
}

static int allocate_all(void)
{
    int i, good = 1;
    for (i = 0; i < program.count && good; ++i) {
        if (program.arguments[i].about->kind != halide_argument_kind_input_scalar) {
            good = allocate(&program.arguments[i]);
        }
    }
    return good;
}

/* --- running ------------------------------------------------------------------------------------------------------------ */

static double now_ms(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static int run(void)
{
    int i;
    for (i = 0; i < program.repeat; ++i) {
        const double start = now_ms();
        if (!call_pipeline()) {
            return 0;
        }
        (void)printf("run %d: %.3f ms\n", i + 1, now_ms() - start);
    }
    return 1;
}

static void print_counters(void)
{
    const struct fluorite_copies copies = fluorite_process_copies();
    size_t a;
    uint32_t i;
    for (a = 0; a < sizeof FLUORITE_ACCELERATORS / sizeof FLUORITE_ACCELERATORS[0]; ++a) {
        const struct fluorite_accelerator *accelerator = FLUORITE_ACCELERATORS[a];
        struct fluorite_device *device = NULL;
        struct fluorite_counters counters;
        if (fluorite_process_device(accelerator, &device, NULL) != FLUORITE_OK ||
            fluorite_counters(device, &counters) != FLUORITE_OK) {
            continue;
        }
        (void)printf("%s: %u launches, %u cycles", accelerator->name, (unsigned)counters.launches_completed,
                     (unsigned)counters.cycles);
        for (i = 0; i < accelerator->stream_count; ++i) {
            (void)printf(", %s held it up for %u", accelerator->streams[i].name, (unsigned)counters.stalls[i]);
        }
        (void)printf("; %u interrupts missed\n", (unsigned)counters.interrupts_missed);
    }
    (void)printf("buffers: %llu handed over as they lie, %llu copied\n", (unsigned long long)copies.direct,
                 (unsigned long long)copies.copied);
}

static int save_outputs(void)
{
    int i;
    for (i = 0; i < program.count; ++i) {
        struct argument *argument = &program.arguments[i];
        const char *wrong;
        if (argument->about->kind == halide_argument_kind_output_buffer) {
            copy_image(argument, 0);
            wrong = fluorite_image_save(argument->path, &argument->image);
            if (wrong != NULL) {
                return complain(argument->path, wrong);
            }
        }
    }
    return 1;
}

static void clean_up(void)
{
    int i;
    for (i = 0; i < program.count; ++i) {
        if (program.arguments[i].buffer.host != NULL) {
            halide_free(NULL, program.arguments[i].buffer.host);
        }
        fluorite_image_free(&program.arguments[i].image);
    }
    halide_shutdown_thread_pool();
    (void)fluorite_process_close();
}

int main(int argc, char **argv)
{
    const struct halide_filter_metadata_t *about = FLUORITE_PIPELINE_METADATA();
    int i, good;
    if (about->num_arguments > MAX_ARGUMENTS) {
        return !complain(argv[0], "has too many arguments");
    }
    program.count = about->num_arguments;
    program.repeat = 1;
    for (i = 0; i < program.count; ++i) {
        struct argument *argument = &program.arguments[i];
        argument->about = &about->arguments[i];
        program.values[i] = argument->about->kind == halide_argument_kind_input_scalar ? (void *)argument->scalar.bytes
                                                                                       : (void *)&argument->buffer;
    }
    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        print_help(argv[0]);
        return argc < 2;
    }
    (void)halide_set_error_handler(on_error);
    good = parse(argc, argv) && load_inputs() && query() && allocate_all() && run();
    if (good) {
        print_counters();
        good = save_outputs();
    }
    clean_up();
    return !good;
}
