/* A Halide pipeline on image files: its arguments, with memory in the DMA arena. For main.c. */
#ifndef FLUORITE_PROGRAM_H
#define FLUORITE_PROGRAM_H

#include "HalideRuntime.h"
#include "fluorite_image.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FLUORITE_PROGRAM_ARGUMENTS 32
#define FLUORITE_PROGRAM_DIMENSIONS 3

struct argument {
    const struct halide_filter_argument_t *about;
    const char *path; /* of a buffer's file */
    struct fluorite_image image;
    struct halide_buffer_t buffer;
    struct halide_dimension_t dims[FLUORITE_PROGRAM_DIMENSIONS];
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
    int (*pipeline)(void **arguments); /* as Halide's ..._argv */
    int count;
    struct argument arguments[FLUORITE_PROGRAM_ARGUMENTS];
    void *values[FLUORITE_PROGRAM_ARGUMENTS]; /* as the pipeline takes them */
    int width, height, repeat; /* size of the first output; 0: the first image's */
    /* Sizes of an output, by its number, where `size` are those of the first one. */
    void (*output_sizes)(int output, const int64_t *size, int64_t *sizes);
    int failed;                /* Halide reported an error */
};

/* Says what is wrong on the standard error stream; 0. */
int fluorite_program_complain(const char *what, const char *wrong);

/* Functions return 1, or 0 when they have said what is wrong. */

int fluorite_program_call(struct program *program);

/* Loads the inputs, and makes buffers as large and laid out as the pipeline asks for. */
int fluorite_program_prepare(struct program *program);

int fluorite_program_save(struct program *program);

/* Gives all memory back. */
void fluorite_program_free(struct program *program);

#ifdef __cplusplus
}
#endif

#endif /* FLUORITE_PROGRAM_H */
