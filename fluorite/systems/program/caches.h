// The CPU's caches, as far as drivers have to know of them, over the one DDR that all accelerators share.
//
// Three files hold the arena: what the CPU sees (programs map it), the DDR, and what the CPU's caches would call clean,
// which is what the CPU saw when caches were last maintained. A line is dirty where the CPU's view is another one.
// Writing back touches dirty lines only, as caches do: a line that some accelerator is writing meanwhile stays its own.
// Every accelerator has a server of its own, so the files are locked while one of them maintains.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

constexpr uint64_t LINE_BYTES = 64;

// A file mapped for all who map it; null, with errno, if it cannot be.
inline uint8_t* map_file(const std::string& path, uint64_t& bytes, int& file) {
    file = open(path.c_str(), O_RDWR | O_CLOEXEC);
    struct stat status {};
    if (file < 0 || fstat(file, &status)) return nullptr;
    bytes = uint64_t(status.st_size);
    void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    return mapped == MAP_FAILED ? nullptr : static_cast<uint8_t*>(mapped);
}

struct Caches {
    uint8_t *cpu = nullptr, *ddr = nullptr, *clean = nullptr;
    uint64_t bytes = 0;
    int lock = -1;

    // `path` names the CPU's file; the others lie beside it. `coherent`: one file for all, and nothing to maintain.
    bool open_files(const char* path, bool coherent) {
        int file = -1;
        uint64_t others = 0;
        if (!(cpu = map_file(path, bytes, file))) return false;
        ddr = cpu;
        if (coherent) return true;
        return (ddr = map_file(std::string(path) + "-ddr", others, file)) &&
               (clean = map_file(std::string(path) + "-clean", others, lock));
    }

    bool inside(uint64_t offset, uint64_t size) const { return offset <= bytes && size <= bytes - offset; }

    void write_back(uint64_t offset, uint64_t size) {
        if (!clean) return;
        flock(lock, LOCK_EX);
        for (uint64_t at = offset, end; at < offset + size; at = end) {
            end = std::min(offset + size, (at / LINE_BYTES + 1) * LINE_BYTES);
            uint8_t line[LINE_BYTES];
            std::memcpy(line, cpu + at, end - at);  // once: the CPU may be writing
            if (!std::memcmp(line, clean + at, end - at)) continue;
            std::memcpy(ddr + at, line, end - at);
            std::memcpy(clean + at, line, end - at);
        }
        flock(lock, LOCK_UN);
    }

    // What the CPU wrote and did not write back is lost.
    void invalidate(uint64_t offset, uint64_t size) {
        if (!clean) return;
        flock(lock, LOCK_EX);
        std::memcpy(clean + offset, ddr + offset, size);
        std::memcpy(cpu + offset, clean + offset, size);
        flock(lock, LOCK_UN);
    }
};
