/* Runs the pipeline on images: ./PROGRAM [options] INPUT... OUTPUT...

   Inputs and outputs in the order that --help prints. Files are PGM or PPM, or NumPy's .npy, which holds values of any
   type. Options: --size WxH (of the first output; the first image's by default), --set NAME=VALUE (each Param needs one),
   --repeat N (for timing). */
#define _POSIX_C_SOURCE 200809L

#include "design.h"
#include "fluorite_program.h"
#include "fluorite_stage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct program program; /* the error handler must reach it */

static void on_error(void *user_context, const char *text)
{
    (void)user_context;
    program.failed = 1;
    (void)fprintf(stderr, "%s\n", text);
}

static void print_help(const char *name)
{
    int i;
    (void)printf("%s [--size WxH] [--set NAME=VALUE] [--repeat N] INPUT... OUTPUT...\n", name);
    for (i = 0; i < program.count; ++i) {
        const struct halide_filter_argument_t *about = program.arguments[i].about;
        (void)printf("  %-6s %s: %d dimensions, %s%d\n",
                     about->kind == halide_argument_kind_input_scalar   ? "--set"
                     : about->kind == halide_argument_kind_input_buffer ? "input"
                                                                        : "output",
                     about->name, (int)about->dimensions,
                     about->type.code == halide_type_uint  ? "uint"
                     : about->type.code == halide_type_int ? "int"
                                                           : "float",
                     about->type.bits);
    }
}

/* --- the command line --------------------------------------------------------------------------------------------- */

/* A number that is there whole and within limits. */
static int number(const char *text, char end, long most, int *value, const char **rest)
{
    char *after;
    const long found = strtol(text, &after, 10);
    if (text[0] < '0' || text[0] > '9' || *after != end || found < 1 || found > most) {
        return 0;
    }
    *value = (int)found;
    *rest = after + 1;
    return 1;
}

static int parse_size(const char *text)
{
    return (number(text, 'x', FLUORITE_IMAGE_MAX_SIDE, &program.width, &text) &&
            number(text, '\0', FLUORITE_IMAGE_MAX_SIDE, &program.height, &text)) ||
           fluorite_program_complain("--size", "is WxH, each from 1 to 65536");
}

static int parse_repeat(const char *text)
{
    return number(text, '\0', 1000000000L, &program.repeat, &text) ||
           fluorite_program_complain("--repeat", "must be a positive number");
}

/* Little endian: narrower numbers begin alike. */
static int read_scalar(const char *text, struct argument *argument)
{
    const struct halide_type_t type = argument->about->type;
    const int unused = 64 - type.bits;
    char *end;
    int fits = 1;
    errno = 0;
    if (type.code == halide_type_float && type.bits == 32) {
        argument->scalar.real = strtof(text, &end);
    } else if (type.code == halide_type_float) {
        argument->scalar.wide = strtod(text, &end);
    } else if (type.code == halide_type_uint) {
        argument->scalar.natural = strtoull(text, &end, 0);
        fits = strchr(text, '-') == NULL && argument->scalar.natural <= UINT64_MAX >> unused;
    } else {
        argument->scalar.whole = strtoll(text, &end, 0);
        fits = argument->scalar.whole >= INT64_MIN >> unused && argument->scalar.whole <= INT64_MAX >> unused;
    }
    return fits && errno == 0 && end != text && *end == '\0';
}

static int set_scalar(const char *text)
{
    const char *equals = strchr(text, '=');
    int i;
    for (i = 0; equals != NULL && i < program.count; ++i) {
        struct argument *argument = &program.arguments[i];
        const struct halide_filter_argument_t *about = argument->about;
        if (about->kind == halide_argument_kind_input_scalar && strlen(about->name) == (size_t)(equals - text) &&
            strncmp(about->name, text, (size_t)(equals - text)) == 0) {
            if (!read_scalar(equals + 1, argument)) {
                return fluorite_program_complain(text, "is not a value of the Param's type (see --help)");
            }
            argument->is_set = 1;
            return 1;
        }
    }
    return fluorite_program_complain(text, "sets no Param of the pipeline");
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
    return fluorite_program_complain(path, "is one file too many");
}

static int parse(int argc, char **argv)
{
    int i, good = 1;
    for (i = 1; i < argc && good; ++i) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--size") == 0) {
            good = parse_size(value);
            i += 1;
        } else if (strcmp(argv[i], "--set") == 0) {
            good = set_scalar(value);
            i += 1;
        } else if (strcmp(argv[i], "--repeat") == 0) {
            good = parse_repeat(value);
            i += 1;
        } else {
            good = add_path(argv[i]);
        }
    }
    for (i = 0; i < program.count && good; ++i) {
        const struct argument *argument = &program.arguments[i];
        if (argument->about->kind == halide_argument_kind_input_scalar ? !argument->is_set : argument->path == NULL) {
            good = fluorite_program_complain(argument->about->name, "is missing (see --help)");
        }
    }
    return good;
}

/* --- running ------------------------------------------------------------------------------------------------------ */

static double now_ms(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* Before the first run: that memory is short explains what is slow or refused then. */
static void tell_of_memory(void)
{
    struct fluorite_error remark;
    if (fluorite_process_arena(&remark) != NULL && remark.text[0] != '\0') {
        (void)fprintf(stderr, "%s\n", remark.text);
    }
}

static int run(void)
{
    int i;
    for (i = 0; i < program.repeat; ++i) {
        const double start = now_ms();
        if (!fluorite_program_call(&program)) {
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
        (void)printf("; %u in flight at most, %u interrupts missed\n", (unsigned)counters.most_in_flight,
                     (unsigned)counters.interrupts_missed);
    }
    (void)printf("buffers: %llu handed over as they lie, %llu copied\n", (unsigned long long)copies.direct,
                 (unsigned long long)copies.copied);
}

int main(int argc, char **argv)
{
    const struct halide_filter_metadata_t *about = FLUORITE_PIPELINE_METADATA();
    int i, good;
    if (about->num_arguments > FLUORITE_PROGRAM_ARGUMENTS) {
        return !fluorite_program_complain(argv[0], "has too many arguments");
    }
    program.pipeline = FLUORITE_PIPELINE_ARGV;
    program.output_sizes = fluorite_output_sizes;
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
    good = parse(argc, argv);
    if (good) {
        tell_of_memory();
    }
    good = good && fluorite_program_prepare(&program) && run();
    if (good) {
        print_counters();
        good = fluorite_program_save(&program);
    }
    fluorite_program_free(&program);
    halide_shutdown_thread_pool();
    (void)fluorite_process_close();
    return !good;
}
