/* The server as a program: loads a simulated system and serves drivers. run.py gives the arguments:
   LIBRARY SOCKET ARENA REPORT SHARED OPTIONS FAULTS, the last two being structures of abi.h in hexadecimal. */

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>

static uint8_t *unhex(const char *text, size_t *bytes) {
    *bytes = strlen(text) / 2;
    uint8_t *data = malloc(*bytes + 1);
    for (size_t i = 0; data && i < *bytes; ++i) {
        unsigned value;
        sscanf(text + 2 * i, "%2x", &value);
        data[i] = (uint8_t)value;
    }
    return data;
}

int main(int count, char **arguments) {
    if (count != 8) return fprintf(stderr, "usage: %s LIBRARY SOCKET ARENA REPORT SHARED OPTIONS FAULTS\n", arguments[0]), 2;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* never outlive who started us */
    void *library = dlopen(arguments[1], RTLD_NOW);
    if (!library) return fprintf(stderr, "%s\n", dlerror()), 2;
    int32_t (*serve)(const void *, const void *, int32_t, const char *, const char *, const char *, int32_t);
    *(void **)&serve = dlsym(library, "fluorite_system_serve");
    if (!serve) return fprintf(stderr, "%s\n", dlerror()), 2;
    size_t option_bytes, fault_bytes;
    const uint8_t *options = unhex(arguments[6], &option_bytes), *faults = unhex(arguments[7], &fault_bytes);
    return serve(options, faults, (int32_t)(fault_bytes / 48), arguments[2], arguments[3], arguments[4], atoi(arguments[5]));
}
