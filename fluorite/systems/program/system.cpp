// The C ABI of a simulated system. Compiled together with each shell, whose masters ports.h declares.

#include "system.h"
#include "server.h"

namespace {

thread_local std::string failed_open;

// Run `action`; a violation ends the simulation and is kept for fluorite_system_report.
template <class Action>
int32_t guarded(System& system, Action action) {
    if (!system.report.empty()) return BROKEN;
    try {
        return action();
    } catch (const Violation& found) {
        system.report = found.text;
        return BROKEN;
    }
}

}  // namespace

// Called by the Verilated runtime, for example when combinational logic does not settle.
void vl_fatal(const char*, int, const char*, const char* message) { throw Violation{std::string(MODULE " must settle: ") + message}; }

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT void* fluorite_system_open(const Options* options, uint8_t* memory) {
    try {
        return new System(*options, memory);
    } catch (const Violation& found) {
        failed_open = found.text;
        return nullptr;
    }
}

EXPORT void fluorite_system_close(void* handle) { delete static_cast<System*>(handle); }

EXPORT int32_t fluorite_system_reset(void* handle) {
    System& system = *static_cast<System*>(handle);
    system.report.clear();
    return guarded(system, [&] { return system.reset(), OK; });
}

EXPORT int32_t fluorite_system_read(void* handle, uint32_t address, uint32_t* value) {
    System& system = *static_cast<System*>(handle);
    return guarded(system, [&] { return system.read(address, *value); });
}

EXPORT int32_t fluorite_system_write(void* handle, uint32_t address, uint32_t value) {
    System& system = *static_cast<System*>(handle);
    return guarded(system, [&] { return system.write(address, value); });
}

EXPORT int32_t fluorite_system_run(void* handle, uint64_t cycles, int32_t until_interrupt) {
    System& system = *static_cast<System*>(handle);
    return guarded(system, [&] {
        for (uint64_t i = 0; i < cycles; ++i) {
            if (until_interrupt && system.interrupt) return OK;
            system.tick();
        }
        return until_interrupt && !system.interrupt ? TIMEOUT : OK;
    });
}

EXPORT int32_t fluorite_system_finish(void* handle) {
    System& system = *static_cast<System*>(handle);
    return guarded(system, [&] { return system.finish(), OK; });
}

EXPORT void fluorite_system_faults(void* handle, const Fault* faults, int32_t count) {
    static_cast<System*>(handle)->ddr.faults.assign(faults, faults + count);
}

EXPORT void fluorite_system_counters(void* handle, Counters* counters) {
    const System& system = *static_cast<System*>(handle);
    *counters = {system.cycle, system.register_reads, system.register_writes, system.interrupts, system.interrupt_cycle, {}};
    for (size_t i = 0; i < system.masters.size(); ++i) counters->ports[i] = system.masters[i]->counters;
}

EXPORT int32_t fluorite_system_interrupt(void* handle) { return static_cast<System*>(handle)->interrupt; }

EXPORT const char* fluorite_system_report(void* handle) {
    return handle ? static_cast<System*>(handle)->report.c_str() : failed_open.c_str();
}

// Serve drivers until a signal; returns 0, or 1 after a violation, 2 where it could not start.
EXPORT int32_t fluorite_system_serve(const Options* options, const Fault* faults, int32_t fault_count, const char* socket_path,
                                     const char* arena_path, const char* report_path, int32_t shared) {
    return serve(*options, std::vector<Fault>(faults, faults + fault_count), socket_path, arena_path, report_path, shared);
}
