// SPDX-License-Identifier: GPL-2.0-or-later
//
// Simulated accelerators as devices of a machine in QEMU: a plugin (qemu-system-... -plugin this.so,config=FILE).
//
// The files of this folder run inside QEMU, which is under the GPL, version 2 or later, and so are they; nothing else of
// fluorite is, and nothing else is linked with them: the accelerators are shared libraries of their own, loaded by name.

#include <memory>

#include "devcfg.h"

#ifndef QEMU_PLUGIN_API
#define QEMU_PLUGIN_API 1  // 7.2 and 8 take 1 alone; from 9.0 on 2 is the oldest
#endif

#define EXPORT __attribute__((visibility("default")))

extern "C" {
EXPORT int qemu_plugin_version = QEMU_PLUGIN_API;
EXPORT int qemu_plugin_install(uint64_t, const void*, int, char**);
}

namespace {

struct Machine {
    std::string version, gic, report;
    std::vector<std::unique_ptr<Accelerator>> accelerators;
    std::unique_ptr<Devcfg> devcfg;
    Notifier ready{}, leaving{};
};
Machine& machine = *new Machine;  // never destroyed: QEMU's exit comes after the destructors of what is static

void on_ready(Notifier*, void*) {
    void* const gic = qemu.object_resolve_path_type("", machine.gic.c_str(), nullptr);
    if (!gic) stop("this machine has no interrupt controller of type %s, or several", machine.gic.c_str());
    for (const auto& accelerator : machine.accelerators) accelerator->plug_in(gic);
    if (machine.devcfg) machine.devcfg->plug_in(gic);
}

std::string quoted(const char* text) {
    std::string result = "\"";
    for (; *text; ++text) {
        if (*text == '"' || *text == '\\') result += '\\';
        result += *text == '\n' ? ' ' : *text;
    }
    return result + '"';
}

void write_report(std::FILE* file, Accelerator& accelerator) {
    const Counters now = accelerator.counters();
    std::fprintf(file,
                 "%s: {\"violation\": %s, \"cycles\": %" PRIu64 ", \"interrupts\": %" PRIu64 ", \"interrupts_raised\": %" PRIu64
                 ", \"register_reads\": %" PRIu64 ", \"register_writes\": %" PRIu64 ", \"ports\": [",
                 quoted(accelerator.name.c_str()).c_str(), quoted(accelerator.library.report(accelerator.system)).c_str(), now.cycles,
                 now.interrupts, accelerator.interrupts_raised, now.register_reads, now.register_writes);
    const char* separator = "";
    for (const PortCounters& port : now.ports) {
        std::fprintf(file, "%s{\"read_beats\": %" PRIu64 ", \"write_beats\": %" PRIu64 ", \"bytes_written\": %" PRIu64 "}", separator,
                     port.read_beats, port.write_beats, port.bytes_written);
        separator = ", ";
    }
    std::fputs("]}", file);
}

// QEMU ends: see that nothing is left over, and write what was counted.
void on_leaving(Notifier*, void*) {
    std::FILE* const file = std::fopen(machine.report.c_str(), "w");
    if (!file) return;
    std::fprintf(file, "{\"bitstreams_loaded\": %" PRIu64 ", \"accelerators\": {", machine.devcfg ? machine.devcfg->loads : 0);
    const char* separator = "";
    for (const auto& accelerator : machine.accelerators) {
        if (!accelerator->system) continue;
        if (!accelerator->broken) accelerator->library.finish(accelerator->system);
        std::fputs(separator, file);
        write_report(file, *accelerator);
        separator = ", ";
    }
    std::fputs("}}\n", file);
    std::fclose(file);
}

// --- the configuration -----------------------------------------------------------------------------------------------

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

std::vector<uint8_t> read_file(const char* path) {
    std::vector<uint8_t> bytes;
    std::FILE* const file = std::fopen(path, "rb");
    if (!file) stop("%s cannot be read", path);
    for (int byte; (byte = std::getc(file)) != EOF;) bytes.push_back(uint8_t(byte));
    std::fclose(file);
    return bytes;
}

// Lines of a key, a space, a value. "device" begins an accelerator, which all that follows describes.
void take(const char* path, const std::string& key, const char* value) {
    const auto number = [&] { return std::strtoull(value, nullptr, 0); };
    Accelerator* const last = machine.accelerators.empty() ? nullptr : machine.accelerators.back().get();
    if (key == "qemu") machine.version = value;
    else if (key == "gic") machine.gic = value;
    else if (key == "report") machine.report = value;
    else if (key == "cycle_ps") fabric.cycle_ps = number();
    else if (key == "bitstream") (machine.devcfg = std::make_unique<Devcfg>())->bitstream = read_file(value);
    else if (key == "device") machine.accelerators.emplace_back(new Accelerator)->name = value;
    else if (last && key == "library") last->path = value;
    else if (last && key == "base") last->base = number();
    else if (last && key == "bytes") last->bytes = number();
    else if (last && key == "spi") last->spi = int(number());
    else if (last && key == "faults") last->faults = unhex<Fault>(value);
    else if (last && key == "options" && std::strlen(value) == 2 * sizeof(Options)) last->options = unhex<Options>(value)[0];
    else stop("%s: unknown line: %s %s", path, key.c_str(), value);
}

void read_configuration(const char* path) {
    const std::vector<uint8_t> bytes = read_file(path);
    const std::string text(bytes.begin(), bytes.end());
    for (size_t start = 0; start < text.size();) {
        const size_t end = text.find('\n', start);
        const std::string line = text.substr(start, end - start);
        const size_t space = line.find(' ');
        take(path, line.substr(0, space), space == std::string::npos ? "" : line.c_str() + space + 1);
        start = end == std::string::npos ? text.size() : end + 1;
    }
}

}  // namespace

int qemu_plugin_install(uint64_t, const void*, int count, char** arguments) {
    if (count != 1 || std::strncmp(arguments[0], "config=", 7)) stop("the plugin takes config=FILE");
    read_configuration(arguments[0] + 7);
    find_all(machine.version.c_str());
    for (const auto& accelerator : machine.accelerators) accelerator->load();
    machine.ready.notify = on_ready;
    machine.leaving.notify = on_leaving;
    qemu.qemu_add_machine_init_done_notifier(&machine.ready);
    qemu.qemu_add_exit_notifier(&machine.leaving);
    return 0;
}
