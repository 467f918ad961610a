/* What Halide's runtime would be to the extern stages: takes the text of errors. */
#include "HalideRuntime.h"
#include "fluorite_stage.h"

#include <stdio.h>

char fluorite_test_error[512];

void halide_error(void *user_context, const char *text)
{
    (void)user_context;
    (void)snprintf(fluorite_test_error, sizeof fluorite_test_error, "%s", text);
}

int64_t fluorite_test_arithmetic(int which, int64_t a, int64_t b)
{
    switch (which) {
    case 0: return fluorite_div(a, b);
    case 1: return fluorite_mod(a, b);
    case 2: return fluorite_ceil_div(a, b);
    case 3: return fluorite_min(a, b);
    case 4: return fluorite_max(a, b);
    default: return fluorite_abs(a);
    }
}
