// The server as a program: loads a simulated system and serves drivers. run.py gives the arguments:
// LIBRARY SOCKET ARENA REPORT SHARED OPTIONS FAULTS, the last two being structures of abi.h in hexadecimal.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <dlfcn.h>
#include <sys/prctl.h>

#include "abi.h"

template <class Structure>
std::vector<Structure> unhex(const char* text) {
    std::vector<Structure> structures(std::strlen(text) / 2 / sizeof(Structure));
    uint8_t* bytes = reinterpret_cast<uint8_t*>(structures.data());
    for (size_t i = 0; i < structures.size() * sizeof(Structure); ++i) {
        const char digits[] = {text[2 * i], text[2 * i + 1], 0};
        bytes[i] = uint8_t(std::strtoul(digits, nullptr, 16));
    }
    return structures;
}

int main(int count, char** arguments) {
    if (count != 8) {
        std::fprintf(stderr, "usage: %s LIBRARY SOCKET ARENA REPORT SHARED OPTIONS FAULTS\n", arguments[0]);
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // never outlive who started us
    void* const library = dlopen(arguments[1], RTLD_NOW);
    void* const found = library ? dlsym(library, "fluorite_system_serve") : nullptr;
    if (!found) {
        std::fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    using Serve = int32_t (*)(const Options*, const Fault*, int32_t, const char*, const char*, const char*, int32_t);
    const auto options = unhex<Options>(arguments[6]);
    const auto faults = unhex<Fault>(arguments[7]);
    return reinterpret_cast<Serve>(found)(options.data(), faults.data(), int32_t(faults.size()), arguments[2], arguments[3],
                                          arguments[4], std::atoi(arguments[5]));
}
