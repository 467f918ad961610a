// SPDX-License-Identifier: GPL-2.0-or-later
//
// QEMU, as far as the plugin uses it: functions that its program exports, and the few structures they take.
//
// QEMU is built with loadable modules, so its program exports the functions that devices are made with. They are looked
// up here by name, one by one: where a build of QEMU lacks one, the message says which, and nothing has started.

#pragma once

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <dlfcn.h>

struct MemoryRegionOps {  // of include/exec/memory.h
    uint64_t (*read)(void*, uint64_t, unsigned);
    void (*write)(void*, uint64_t, uint64_t, unsigned);
    uint32_t (*read_with_attrs)(void*, uint64_t, uint64_t*, unsigned, uint64_t);
    uint32_t (*write_with_attrs)(void*, uint64_t, uint64_t, unsigned, uint64_t);
    int endianness;
    struct {
        unsigned min_access_size, max_access_size;
        bool unaligned;
        void* accepts;
    } valid;
    struct {
        unsigned min_access_size, max_access_size;
        bool unaligned;
    } impl;
};
struct Notifier {  // of include/qemu/notify.h
    void (*notify)(Notifier*, void*);
    void *next, **previous;
};

constexpr int LITTLE_ENDIAN_DEVICE = 2, VIRTUAL_CLOCK = 1, NANOSECONDS = 1;
constexpr uint32_t MEMTX_OK = 0, MEMTX_ERROR = 1;
constexpr int ABOVE_OTHERS = 1000;       // priority of a region over what the machine has at its place
constexpr int SHUTDOWN_HOST_ERROR = 1;   // enum ShutdownCause
constexpr size_t OBJECT_BYTES = 4096;    // larger than QEMU's MemoryRegion and QEMUTimer, whose insides are its own

#define QEMU_FUNCTIONS(F)                                                                               \
    F(void, qemu_add_machine_init_done_notifier, (Notifier*))                                           \
    F(void, qemu_add_exit_notifier, (Notifier*))                                                        \
    F(void, memory_region_init_io, (void*, void*, const MemoryRegionOps*, void*, const char*, uint64_t)) \
    F(void, memory_region_add_subregion_overlap, (void*, uint64_t, void*, int))                         \
    F(void*, get_system_memory, ())                                                                     \
    F(void*, object_resolve_path_type, (const char*, const char*, bool*))                               \
    F(void*, qdev_get_gpio_in, (void*, int))                                                            \
    F(void, qemu_set_irq, (void*, int))                                                                 \
    F(void, timer_init_full, (void*, void*, int, int, int, void (*)(void*), void*))                     \
    F(void, timer_mod, (void*, int64_t))                                                                \
    F(int64_t, qemu_clock_get_ns, (int))                                                                \
    F(void, qemu_system_shutdown_request, (int))

#define DECLARE(result, name, arguments) result(*name) arguments;
struct Qemu {
    QEMU_FUNCTIONS(DECLARE)
    void* (*map_memory)(uint64_t, uint64_t*, bool);
    void (*unmap_memory)(void*, uint64_t, bool, uint64_t);
};
#undef DECLARE
inline Qemu qemu;

[[noreturn]] __attribute__((format(printf, 1, 2))) inline void stop(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    std::fputs("fluorite: ", stderr);
    std::vfprintf(stderr, format, arguments);
    std::fputc('\n', stderr);
    va_end(arguments);
    std::exit(3);
}

// The first of these names that QEMU exports; `version` is for the message.
inline void* find(const char* version, const char* name, const char* later_name = nullptr) {
    const char* const hidden = std::getenv("FLUORITE_HIDE_QEMU_SYMBOL");  // so that a test sees the message
    for (const char* candidate : {name, later_name})
        if (candidate && !(hidden && !std::strcmp(hidden, candidate)))
            if (void* const found = dlsym(RTLD_DEFAULT, candidate)) return found;
    stop("this QEMU (%s) does not export %s, which a device in a plugin needs: use one that is built with loadable modules and not "
         "stripped of its dynamic symbols, such as Debian's qemu-system-arm 7.2 or 10.0", version, name);
}

inline void find_all(const char* version) {
#define LOOK(result, name, arguments) qemu.name = reinterpret_cast<result(*) arguments>(find(version, #name));
    QEMU_FUNCTIONS(LOOK)
#undef LOOK
    qemu.map_memory = reinterpret_cast<void* (*)(uint64_t, uint64_t*, bool)>(
        find(version, "cpu_physical_memory_map", "physical_memory_map"));
    qemu.unmap_memory = reinterpret_cast<void (*)(void*, uint64_t, bool, uint64_t)>(
        find(version, "cpu_physical_memory_unmap", "physical_memory_unmap"));
}

// A page of registers over whatever the machine has at its place, and the memory that QEMU's objects for it take.
struct Region {
    std::vector<uint8_t> object = std::vector<uint8_t>(OBJECT_BYTES);

    void add(const MemoryRegionOps& operations, void* device, const char* name, uint64_t base, uint64_t bytes) {
        qemu.memory_region_init_io(object.data(), nullptr, &operations, device, name, bytes);
        qemu.memory_region_add_subregion_overlap(qemu.get_system_memory(), base, object.data(), ABOVE_OTHERS);
    }
};

inline MemoryRegionOps words(decltype(MemoryRegionOps::read_with_attrs) read, decltype(MemoryRegionOps::write_with_attrs) write) {
    return {nullptr, nullptr, read, write, LITTLE_ENDIAN_DEVICE, {4, 4, false, nullptr}, {4, 4, false}};
}
