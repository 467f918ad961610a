// SPDX-License-Identifier: GPL-2.0-or-later
//
// Simulated accelerators as devices of a machine in QEMU: a plugin (qemu-system-... -plugin this.so,config=FILE).
//
// This one file runs inside QEMU, which is under the GPL, version 2 or later, and so is this file; nothing else of
// fluorite is, and nothing else is linked with it: the accelerators are shared libraries of their own, loaded by name.
//
// QEMU is built with loadable modules, so its program exports the functions that devices are made with. They are looked
// up here by name, one by one: where a build of QEMU lacks one, the message says which, and nothing has started.
//
// A device is a page of registers (every access is an AXI4-Lite transaction of the RTL), an interrupt line, and the
// guest's memory behind the RTL's AXI masters. Its clock follows the guest's virtual time, never the wall clock: with
// -icount, a run is the same cycle by cycle whenever it is repeated. The clock rests while nothing happens.

#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <dlfcn.h>

#include "abi.h"

#ifndef QEMU_PLUGIN_API
#define QEMU_PLUGIN_API 1  // 7.2 and 8 take 1 alone; from 9.0 on 2 is the oldest
#endif

#define EXPORT extern "C" __attribute__((visibility("default")))

extern "C" {
__attribute__((visibility("default"))) int qemu_plugin_version = QEMU_PLUGIN_API;
}

namespace {

// --- QEMU, as far as it is used here -------------------------------------------------------------------------------------

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
} qemu;
#undef DECLARE

[[noreturn]] __attribute__((format(printf, 1, 2))) void stop(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    std::fputs("fluorite: ", stderr);
    std::vfprintf(stderr, format, arguments);
    std::fputc('\n', stderr);
    va_end(arguments);
    std::exit(3);
}

// The first of these names that QEMU exports; `version` is for the message.
void* find(const char* version, const char* name, const char* later_name = nullptr) {
    const char* const hidden = std::getenv("FLUORITE_HIDE_QEMU_SYMBOL");  // so that a test sees the message
    for (const char* candidate : {name, later_name})
        if (candidate && !(hidden && !std::strcmp(hidden, candidate)))
            if (void* const found = dlsym(RTLD_DEFAULT, candidate)) return found;
    stop("this QEMU (%s) does not export %s, which a device in a plugin needs: use one that is built with loadable modules and not "
         "stripped of its dynamic symbols, such as Debian's qemu-system-arm 7.2 or 10.0", version, name);
}

void find_all(const char* version) {
#define LOOK(result, name, arguments) qemu.name = reinterpret_cast<result(*) arguments>(find(version, #name));
    QEMU_FUNCTIONS(LOOK)
#undef LOOK
    qemu.map_memory = reinterpret_cast<void* (*)(uint64_t, uint64_t*, bool)>(
        find(version, "cpu_physical_memory_map", "physical_memory_map"));
}

// --- the accelerators ------------------------------------------------------------------------------------------------------

struct Library {  // of one accelerator: system.cpp's functions
    void* (*open)(const Options*, uint8_t*);
    int32_t (*read)(void*, uint32_t, uint32_t*);
    int32_t (*write)(void*, uint32_t, uint32_t);
    int32_t (*run)(void*, uint64_t, int32_t);
    int32_t (*finish)(void*);
    void (*faults)(void*, const Fault*, int32_t);
    void (*counters)(void*, Counters*);
    int32_t (*interrupt)(void*);
    const char* (*report)(void*);
};

struct Device {
    std::string name, path, ports;
    uint64_t base = 0, bytes = 0;  // of its registers
    int spi = 0;                   // number of its interrupt among the shared ones
    Options options{};
    std::vector<Fault> faults;

    Library library{};
    void* system = nullptr;
    void* line = nullptr;
    std::vector<uint8_t> region, timer;  // QEMU's objects

    bool awake = false;
    int64_t epoch_ns = 0;        // the clock's cycle `epoch_cycle` was at this time
    uint64_t epoch_cycle = 0;
    uint64_t accessed_cycle = 0;  // of the last register access
    bool level = false;
    uint64_t interrupts_raised = 0;  // as the guest's interrupt controller saw it
    bool broken = false;
};

struct Machine {
    std::string version, gic, report;
    uint64_t cycle_ps = 10000, slice_cycles = 500;
    std::vector<std::unique_ptr<Device>> devices;
    Notifier ready{}, leaving{};
};
Machine& machine = *new Machine;  // never destroyed: QEMU's exit comes after the destructors of what is static

Counters counters(const Device& device) {
    Counters now;
    device.library.counters(device.system, &now);
    return now;
}

// What came of an action of the RTL. After the first violation the machine stops and the device is as good as gone.
void check(Device& device, int32_t status) {
    if (status != BROKEN || device.broken) return;
    device.broken = true;
    std::fprintf(stderr, "fluorite: %s: %s\n", device.name.c_str(), device.library.report(device.system));
    std::fflush(stderr);
    qemu.qemu_system_shutdown_request(SHUTDOWN_HOST_ERROR);
}

void drive_line(Device& device) {
    const bool level = !device.broken && device.library.interrupt(device.system);
    if (level == device.level) return;
    device.level = level;
    device.interrupts_raised += level;
    qemu.qemu_set_irq(device.line, level);
}

uint64_t active_cycle(const Counters& now) {
    uint64_t last = 0;
    for (const PortCounters& port : now.ports)
        for (const uint64_t cycle : {port.last_read_cycle, port.last_write_cycle}) last = cycle > last ? cycle : last;
    return last;
}

int64_t slice_ns() { return int64_t(machine.slice_cycles * machine.cycle_ps / 1000); }

void wake(Device& device) {
    if (device.awake) return;
    device.awake = true;
    device.epoch_ns = qemu.qemu_clock_get_ns(VIRTUAL_CLOCK);
    device.epoch_cycle = counters(device).cycles;
    qemu.timer_mod(device.timer.data(), device.epoch_ns + slice_ns());
}

// Clock the RTL up to the guest's time. Register accesses take cycles too, so it may be ahead a little.
void catch_up(Device& device) {
    if (!device.awake || device.broken) return;
    const uint64_t elapsed_ns = uint64_t(qemu.qemu_clock_get_ns(VIRTUAL_CLOCK) - device.epoch_ns);
    const uint64_t due = device.epoch_cycle + elapsed_ns * 1000 / machine.cycle_ps, now = counters(device).cycles;
    if (due > now) check(device, device.library.run(device.system, due - now, 0));
    drive_line(device);
}

void on_timer(void* opaque) {
    Device& device = *static_cast<Device*>(opaque);
    catch_up(device);
    if (device.broken) return;
    const Counters now = counters(device);
    const uint64_t active = active_cycle(now);
    const uint64_t last = active > device.accessed_cycle ? active : device.accessed_cycle;
    if (now.cycles - last > device.options.idle_cycles) {
        device.awake = false;
        return;
    }
    qemu.timer_mod(device.timer.data(),
                   qemu.qemu_clock_get_ns(VIRTUAL_CLOCK) + slice_ns());
}

template <class Access>
uint32_t access(Device& device, Access action) {
    if (device.broken) return MEMTX_ERROR;
    wake(device);
    catch_up(device);
    if (device.broken) return MEMTX_ERROR;
    const int32_t status = action();
    check(device, status);
    device.accessed_cycle = counters(device).cycles;
    drive_line(device);
    return status == OK ? MEMTX_OK : MEMTX_ERROR;  // the processor gets an external abort, as from a real bus
}

uint32_t on_read(void* opaque, uint64_t address, uint64_t* value, unsigned, uint64_t) {
    Device& device = *static_cast<Device*>(opaque);
    uint32_t word = 0;
    const uint32_t result = access(device, [&] { return device.library.read(device.system, uint32_t(address), &word); });
    *value = word;
    return result;
}

uint32_t on_write(void* opaque, uint64_t address, uint64_t value, unsigned, uint64_t) {
    Device& device = *static_cast<Device*>(opaque);
    return access(device, [&] { return device.library.write(device.system, uint32_t(address), uint32_t(value)); });
}

const MemoryRegionOps OPERATIONS = {
    nullptr, nullptr, on_read, on_write, LITTLE_ENDIAN_DEVICE, {4, 4, false, nullptr}, {4, 4, false},
};

void load(Device& device) {
    void* const library = dlopen(device.path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) stop("%s: %s", device.name.c_str(), dlerror());
    const auto symbol = [&](const char* name) {
        void* const found = dlsym(library, (std::string("fluorite_system_") + name).c_str());
        if (!found) stop("%s: %s has no fluorite_system_%s", device.name.c_str(), device.path.c_str(), name);
        return found;
    };
#define TAKE(name) device.library.name = reinterpret_cast<decltype(Library::name)>(symbol(#name));
    TAKE(open) TAKE(read) TAKE(write) TAKE(run) TAKE(finish) TAKE(faults) TAKE(counters) TAKE(interrupt) TAKE(report)
#undef TAKE
}

// The machine is there and has its memory: put the devices into it.
void on_ready(Notifier*, void*) {
    void* const gic = qemu.object_resolve_path_type("", machine.gic.c_str(), nullptr);
    if (!gic) stop("this machine has no interrupt controller of type %s, or several", machine.gic.c_str());
    for (const auto& pointer : machine.devices) {
        Device& device = *pointer;
        uint64_t mapped = device.options.arena_bytes;
        void* const memory = qemu.map_memory(device.options.arena_base, &mapped, true);
        if (!memory || mapped != device.options.arena_bytes)
            stop("%s: the machine must have memory from 0x%" PRIx64 " on, 0x%" PRIx64 " bytes, not 0x%" PRIx64, device.name.c_str(),
                 device.options.arena_base, device.options.arena_bytes, memory ? mapped : 0);
        device.system = device.library.open(&device.options, static_cast<uint8_t*>(memory));
        if (!device.system) stop("%s: %s", device.name.c_str(), device.library.report(nullptr));
        device.library.faults(device.system, device.faults.data(), int32_t(device.faults.size()));

        device.line = qemu.qdev_get_gpio_in(gic, device.spi);
        device.region.resize(OBJECT_BYTES);
        device.timer.resize(OBJECT_BYTES);
        qemu.memory_region_init_io(device.region.data(), nullptr, &OPERATIONS, &device, device.name.c_str(), device.bytes);
        qemu.memory_region_add_subregion_overlap(qemu.get_system_memory(), device.base, device.region.data(), ABOVE_OTHERS);
        qemu.timer_init_full(device.timer.data(), nullptr, VIRTUAL_CLOCK, NANOSECONDS, 0, on_timer, &device);
    }
}

std::string quoted(const char* text) {
    std::string result = "\"";
    for (; *text; ++text) {
        if (*text == '"' || *text == '\\') result += '\\';
        result += *text == '\n' ? ' ' : *text;
    }
    return result + '"';
}

// QEMU ends: see that nothing is left over, and write what was counted.
void on_leaving(Notifier*, void*) {
    std::FILE* const file = std::fopen(machine.report.c_str(), "w");
    if (!file) return;
    std::fputc('{', file);
    const char* separator = "";
    for (const auto& pointer : machine.devices) {
        Device& device = *pointer;
        if (!device.system) continue;
        if (!device.broken) device.library.finish(device.system);
        const Counters now = counters(device);
        std::fprintf(file,
                     "%s%s: {\"violation\": %s, \"cycles\": %" PRIu64 ", \"interrupts\": %" PRIu64
                     ", \"interrupts_raised\": %" PRIu64 ", \"register_reads\": %" PRIu64 ", \"register_writes\": %" PRIu64
                     ", \"ports\": [",
                     separator, quoted(device.name.c_str()).c_str(), quoted(device.library.report(device.system)).c_str(), now.cycles,
                     now.interrupts, device.interrupts_raised, now.register_reads, now.register_writes);
        const char* comma = "";
        for (const PortCounters& port : now.ports) {
            std::fprintf(file, "%s{\"read_beats\": %" PRIu64 ", \"write_beats\": %" PRIu64 ", \"bytes_written\": %" PRIu64 "}", comma,
                         port.read_beats, port.write_beats, port.bytes_written);
            comma = ", ";
        }
        std::fputs("]}", file);
        separator = ", ";
    }
    std::fputs("}\n", file);
    std::fclose(file);
}

// --- the configuration -------------------------------------------------------------------------------------------------------

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

// Lines of a key, a space, a value. "device" begins a device, all else that is not the machine's belongs to the last one.
void read_configuration(const char* path) {
    std::FILE* const file = std::fopen(path, "r");
    if (!file) stop("%s cannot be read", path);
    char* line = nullptr;
    size_t room = 0;
    while (getline(&line, &room, file) > 0) {
        line[std::strcspn(line, "\n")] = 0;
        char* const space = std::strchr(line, ' ');
        const std::string key(line, space ? size_t(space - line) : std::strlen(line)), value(space ? space + 1 : "");
        const auto number = [&] { return std::strtoull(value.c_str(), nullptr, 0); };
        Device* const device = machine.devices.empty() ? nullptr : machine.devices.back().get();
        if (key == "qemu") machine.version = value;
        else if (key == "gic") machine.gic = value;
        else if (key == "report") machine.report = value;
        else if (key == "cycle_ps") machine.cycle_ps = number();
        else if (key == "device") machine.devices.emplace_back(new Device)->name = value;
        else if (device && key == "library") device->path = value;
        else if (device && key == "base") device->base = number();
        else if (device && key == "bytes") device->bytes = number();
        else if (device && key == "spi") device->spi = int(number());
        else if (device && key == "faults") device->faults = unhex<Fault>(value.c_str());
        else if (device && key == "options" && value.size() == 2 * sizeof(Options)) device->options = unhex<Options>(value.c_str())[0];
        else stop("%s: unknown line: %s", path, line);
    }
    std::free(line);
    std::fclose(file);
}

}  // namespace

EXPORT int qemu_plugin_install(uint64_t, const void*, int count, char** arguments) {
    if (count != 1 || std::strncmp(arguments[0], "config=", 7)) stop("the plugin takes config=FILE");
    read_configuration(arguments[0] + 7);
    find_all(machine.version.c_str());
    for (const auto& device : machine.devices) load(*device);
    machine.ready.notify = on_ready;
    machine.leaving.notify = on_leaving;
    qemu.qemu_add_machine_init_done_notifier(&machine.ready);
    qemu.qemu_add_exit_notifier(&machine.leaving);
    return 0;
}
