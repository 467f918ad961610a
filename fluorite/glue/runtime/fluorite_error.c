/* Error codes as sentences. */
#include "fluorite_runtime.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    int code;
    const char *text;
} TEXTS[] = {
    {FLUORITE_OK, "no error"},
    {FLUORITE_ERROR_READ_SLVERR, "memory answered a read with SLVERR"},
    {FLUORITE_ERROR_READ_DECERR, "no memory at the address of a read (DECERR)"},
    {FLUORITE_ERROR_WRITE_SLVERR, "memory answered a write with SLVERR"},
    {FLUORITE_ERROR_WRITE_DECERR, "no memory at the address of a write (DECERR)"},
    {FLUORITE_ERROR_STREAM_SHORT, "a row has too few bytes, or the stream too few rows, for the launch's settings"},
    {FLUORITE_ERROR_STREAM_LONG, "a row has too many bytes, or the stream too many rows, for the launch's settings"},
    {FLUORITE_ERROR_BAD_CONFIGURATION, "start refused: the queue was full, or a row length or count was 0"},
    {FLUORITE_ERROR_HARDWARE, "the hardware reports a failed launch without a reason"},
    {FLUORITE_ERROR_NO_DEVICE, "the accelerator was not found"},
    {FLUORITE_ERROR_NO_ARENA, "no DMA memory was found"},
    {FLUORITE_ERROR_SYSTEM, "the operating system refused an operation"},
    {FLUORITE_ERROR_WRONG_ID, "there is no fluorite accelerator at this address"},
    {FLUORITE_ERROR_WRONG_VERSION, "the accelerator's register map has a version this driver does not know"},
    {FLUORITE_ERROR_WRONG_DESIGN, "the accelerator in the FPGA is not the one this driver was generated with"},
    {FLUORITE_ERROR_BUSY, "already in use"},
    {FLUORITE_ERROR_TIMEOUT, "the launch did not end in time"},
    {FLUORITE_ERROR_QUEUE_FULL, "the accelerator's queue had no room in time"},
    {FLUORITE_ERROR_CANCELLED, "the launch was forgotten by a reset"},
    {FLUORITE_ERROR_TICKET, "there is no launch of this ticket, or it was waited for before"},
    {FLUORITE_ERROR_NO_MEMORY, "no room for another buffer"},
    {FLUORITE_ERROR_NOT_IN_ARENA, "a buffer is not allocated in the DMA arena"},
    {FLUORITE_ERROR_TOO_SMALL, "a buffer is smaller than what the launch transfers"},
    {FLUORITE_ERROR_UNALIGNED, "a buffer or stride is not a multiple of the pixel's bytes"},
    {FLUORITE_ERROR_ADDRESS, "a buffer lies where the accelerator's addresses do not reach"},
    {FLUORITE_ERROR_EXTENT,
     "a region does not fit what the hardware was made for, or an image is smaller than its border condition folds"},
    {FLUORITE_ERROR_STUCK, "the accelerator does not end its soft reset"},
    {FLUORITE_ERROR_ARGUMENT, "an argument is not valid"},
    {FLUORITE_ERROR_BORDER, "a region is not the whole image that a border condition is for, or a recursion goes over"},
};

const char *fluorite_error_text(int code)
{
    size_t i;
    for (i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; ++i) {
        if (TEXTS[i].code == code) {
            return TEXTS[i].text;
        }
    }
    return "unknown error";
}

int fluorite_fail(struct fluorite_error *error, int code, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;
        error->code = code;
        va_start(arguments, format);
        (void)vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
    }
    return code;
}
