// SPDX-License-Identifier: GPL-2.0-or-later
//
// An accelerator as a device: a page of registers (every access is an AXI4-Lite transaction of the RTL), an interrupt
// line, and the guest's memory behind the RTL's AXI masters.
//
// Its clock follows the guest's virtual time, never the wall clock: with -icount, a run is the same cycle by cycle
// whenever it is repeated. The clock rests while nothing happens.

#pragma once

#include <cinttypes>
#include <string>
#include <vector>

#include "abi.h"
#include "qemu.h"

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

// Of all accelerators.
struct Clock {
    uint64_t cycle_ps = 10000;
    uint64_t slice_cycles = 500;  // between two looks at the interrupt line, unless the guest looks first
    bool configured = true;       // the FPGA; without a bitstream there is nothing behind the registers' addresses

    int64_t slice_ns() const { return int64_t(slice_cycles * cycle_ps / 1000); }
};
inline Clock fabric;

struct Accelerator {
    std::string name, path;
    uint64_t base = 0, bytes = 0;  // of its registers
    int spi = 0;                   // number of its interrupt among the shared ones
    Options options{};
    std::vector<Fault> faults;

    Library library{};
    void* system = nullptr;
    bool broken = false;             // the RTL broke a rule
    uint64_t interrupts_raised = 0;  // as the guest's interrupt controller saw it

    void load() {
        void* const found = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!found) stop("%s: %s", name.c_str(), dlerror());
        const auto symbol = [&](const char* function) {
            void* const address = dlsym(found, (std::string("fluorite_system_") + function).c_str());
            if (!address) stop("%s: %s has no fluorite_system_%s", name.c_str(), path.c_str(), function);
            return address;
        };
#define TAKE(function) library.function = reinterpret_cast<decltype(Library::function)>(symbol(#function));
        TAKE(open) TAKE(read) TAKE(write) TAKE(run) TAKE(finish) TAKE(faults) TAKE(counters) TAKE(interrupt) TAKE(report)
#undef TAKE
    }

    // The machine is there and has its memory.
    void plug_in(void* gic) {
        uint64_t mapped = options.arena_bytes;
        void* const memory = qemu.map_memory(options.arena_base, &mapped, true);
        if (!memory || mapped != options.arena_bytes)
            stop("%s: the machine must have memory from 0x%" PRIx64 " on, 0x%" PRIx64 " bytes, not 0x%" PRIx64, name.c_str(),
                 options.arena_base, options.arena_bytes, memory ? mapped : 0);
        system = library.open(&options, static_cast<uint8_t*>(memory));
        if (!system) stop("%s: %s", name.c_str(), library.report(nullptr));
        library.faults(system, faults.data(), int32_t(faults.size()));

        static const MemoryRegionOps operations = words(on_read, on_write);
        line = qemu.qdev_get_gpio_in(gic, spi);
        region.add(operations, this, name.c_str(), base, bytes);
        qemu.timer_init_full(timer.data(), nullptr, VIRTUAL_CLOCK, NANOSECONDS, 0, on_timer, this);
    }

    Counters counters() const {
        Counters now;
        library.counters(system, &now);
        return now;
    }

private:
    Region region;
    std::vector<uint8_t> timer = std::vector<uint8_t>(OBJECT_BYTES);
    void* line = nullptr;
    bool level = false;

    bool awake = false;
    int64_t epoch_ns = 0;  // the clock's cycle `epoch_cycle` was at this time
    uint64_t epoch_cycle = 0;
    uint64_t accessed_cycle = 0;  // of the last register access

    // What came of an action of the RTL. After the first violation the machine stops and the device is as good as gone.
    void check(int32_t status) {
        if (status != BROKEN || broken) return;
        broken = true;
        std::fprintf(stderr, "fluorite: %s: %s\n", name.c_str(), library.report(system));
        std::fflush(stderr);
        qemu.qemu_system_shutdown_request(SHUTDOWN_HOST_ERROR);
    }

    void drive_line() {
        const bool now = !broken && library.interrupt(system);
        if (now == level) return;
        level = now;
        interrupts_raised += level;
        qemu.qemu_set_irq(line, level);
    }

    void wake() {
        if (awake) return;
        awake = true;
        epoch_ns = qemu.qemu_clock_get_ns(VIRTUAL_CLOCK);
        epoch_cycle = counters().cycles;
        qemu.timer_mod(timer.data(), epoch_ns + fabric.slice_ns());
    }

    // Clock the RTL up to the guest's time. Register accesses take cycles too, so it may be ahead a little.
    void catch_up() {
        if (!awake || broken) return;
        const uint64_t elapsed_ns = uint64_t(qemu.qemu_clock_get_ns(VIRTUAL_CLOCK) - epoch_ns);
        const uint64_t due = epoch_cycle + elapsed_ns * 1000 / fabric.cycle_ps, now = counters().cycles;
        if (due > now) check(library.run(system, due - now, 0));
        drive_line();
    }

    static void on_timer(void* opaque) {
        Accelerator& self = *static_cast<Accelerator*>(opaque);
        self.catch_up();
        if (self.broken) return;
        const Counters now = self.counters();
        uint64_t last = self.accessed_cycle;
        for (const PortCounters& port : now.ports)
            for (const uint64_t cycle : {port.last_read_cycle, port.last_write_cycle}) last = cycle > last ? cycle : last;
        if (now.cycles - last > self.options.idle_cycles) {
            self.awake = false;
            return;
        }
        qemu.timer_mod(self.timer.data(), qemu.qemu_clock_get_ns(VIRTUAL_CLOCK) + fabric.slice_ns());
    }

    // What is answered with an error would give the processor an external abort; QEMU's machines for Zynq leave that out,
    // and it reads 0.
    template <class Action>
    uint32_t access(Action action) {
        if (broken || !fabric.configured) return MEMTX_ERROR;
        wake();
        catch_up();
        if (broken) return MEMTX_ERROR;
        const int32_t status = action();
        check(status);
        accessed_cycle = counters().cycles;
        drive_line();
        return status == OK ? MEMTX_OK : MEMTX_ERROR;
    }
    static uint32_t on_read(void* opaque, uint64_t address, uint64_t* value, unsigned, uint64_t) {
        Accelerator& self = *static_cast<Accelerator*>(opaque);
        uint32_t word = 0;
        const uint32_t result = self.access([&] { return self.library.read(self.system, uint32_t(address), &word); });
        *value = word;
        return result;
    }
    static uint32_t on_write(void* opaque, uint64_t address, uint64_t value, unsigned, uint64_t) {
        Accelerator& self = *static_cast<Accelerator*>(opaque);
        return self.access([&] { return self.library.write(self.system, uint32_t(address), uint32_t(value)); });
    }
};
