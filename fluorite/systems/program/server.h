// Drivers' requests over a Unix socket (see fluorite_sim_protocol.h), between slices of simulation.

#pragma once

#include <chrono>
#include <csignal>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "caches.h"
#include "fluorite_sim_protocol.h"
#include "system.h"

constexpr int SLICE_CYCLES = 256;     // between two looks at the sockets: few, or drivers are slow beside the hardware
constexpr int LAST_CYCLES = 1000000;  // at most, after the last driver has gone

inline volatile std::sig_atomic_t stop_requested = 0;

struct Server {
    using Clock = std::chrono::steady_clock;
    struct Client {
        int socket;
        size_t received = 0;
        fluorite_sim_request request{};
        bool waiting = false;  // for an interrupt
        Clock::time_point deadline{};
    };

    System& system;
    Caches& caches;
    std::vector<Client> clients;
    uint64_t interrupts_seen = 0;   // rising edges that some WAIT_IRQ has reported
    uint64_t requested_cycle = 0;   // of the last request

    // Forever, until a signal.
    void run(int listener) {
        while (!stop_requested) {
            std::vector<pollfd> sockets{{listener, POLLIN, 0}};
            for (const Client& client : clients) sockets.push_back({client.socket, short(client.waiting ? 0 : POLLIN), 0});
            const bool clocking = system.report.empty() && busy();
            if (poll(sockets.data(), sockets.size(), clocking ? 0 : 100) < 0 && errno != EINTR) throw Violation{"poll failed"};
            if (sockets[0].revents & POLLIN) {
                const int socket = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
                if (socket >= 0) clients.push_back({socket});
            }
            for (size_t i = sockets.size() - 1; i > 0; --i)
                if (sockets[i].revents && !receive(clients[i - 1])) {
                    close(clients[i - 1].socket);
                    clients.erase(clients.begin() + long(i) - 1);
                }
            if (clocking) clock();
            answer_waiting();
        }
    }

    // Whether somebody waits for the hardware, or it did something not long ago.
    bool busy() const {
        for (const Client& client : clients)
            if (client.waiting) return true;
        const uint64_t last = std::max(system.active_cycle, requested_cycle);
        return !clients.empty() && system.cycle - last < system.options.idle_cycles;
    }

    void clock() {
        try {
            for (int i = 0; i < SLICE_CYCLES; ++i) {
                system.tick();
                if (system.interrupts > interrupts_seen && waiting()) return;
            }
        } catch (const Violation& found) {
            fail(found);
        }
    }
    bool waiting() const {
        for (const Client& client : clients)
            if (client.waiting) return true;
        return false;
    }

    void fail(const Violation& found) {
        system.report = found.text;
        std::fprintf(stderr, "fluorite simulator: %s\n", found.text.c_str());
        std::fflush(stderr);
    }

    void answer_waiting() {
        const bool rose = system.interrupt || system.interrupts > interrupts_seen;
        bool reported = false;
        for (Client& client : clients) {
            if (!client.waiting) continue;
            const bool late = Clock::now() >= client.deadline;
            if (!rose && !late && system.report.empty()) continue;
            client.waiting = false;
            reported |= rose;
            reply(client, system.report.empty() ? 0 : EIO, rose, system.interrupts);
        }
        if (reported) interrupts_seen = system.interrupts;
    }

    // Read what there is; false where the connection has ended.
    bool receive(Client& client) {
        uint8_t* bytes = reinterpret_cast<uint8_t*>(&client.request);
        const ssize_t count = recv(client.socket, bytes + client.received, sizeof client.request - client.received, MSG_DONTWAIT);
        if (count < 0) return errno == EAGAIN || errno == EINTR;
        if (count == 0) return false;
        client.received += size_t(count);
        if (client.received < sizeof client.request) return true;
        client.received = 0;
        requested_cycle = system.cycle;
        try {
            return handle(client);
        } catch (const Violation& found) {
            fail(found);
            reply(client, EIO, 0, 0);
            return true;
        }
    }

    bool handle(Client& client) {
        const fluorite_sim_request& request = client.request;
        const Options& options = system.options;
        if (!system.report.empty() && request.op != FLUORITE_SIM_BYE) return reply(client, EIO, 0, 0);
        switch (request.op) {
            case FLUORITE_SIM_HELLO:
                if (request.value != FLUORITE_SIM_PROTOCOL_VERSION) return reply(client, EPROTO, FLUORITE_SIM_PROTOCOL_VERSION, 0);
                return reply(client, 0, options.arena_bytes, options.arena_base);
            case FLUORITE_SIM_REG_READ: {
                if (request.address > UINT32_MAX || request.address % 4) return reply(client, EINVAL, 0, 0);
                uint32_t value = 0;
                const Status status = system.read(uint32_t(request.address), value);
                return reply(client, status == OK ? 0 : EIO, value, 0);
            }
            case FLUORITE_SIM_REG_WRITE: {
                if (request.address > UINT32_MAX || request.address % 4) return reply(client, EINVAL, 0, 0);
                const Status status = system.write(uint32_t(request.address), uint32_t(request.value));
                return reply(client, status == OK ? 0 : EIO, 0, 0);
            }
            case FLUORITE_SIM_WAIT_IRQ: {
                client.waiting = true;
                const uint64_t day = 86400000;
                client.deadline = Clock::now() + std::chrono::milliseconds(request.value < day ? request.value : day);
                return true;
            }
            case FLUORITE_SIM_SYNC_FOR_DEVICE:
            case FLUORITE_SIM_SYNC_FOR_CPU: {
                if (!caches.inside(request.address, request.value)) return reply(client, EINVAL, 0, 0);
                if (request.op == FLUORITE_SIM_SYNC_FOR_DEVICE)
                    caches.write_back(request.address, request.value);
                else
                    caches.invalidate(request.address, request.value);
                return reply(client, 0, 0, 0);
            }
            case FLUORITE_SIM_BYE:
                reply(client, system.report.empty() ? 0 : EIO, 0, 0);
                return false;
            default:
                return reply(client, EPROTO, 0, 0);
        }
    }

    bool reply(Client& client, int status, uint64_t value, uint64_t value2) {
        const fluorite_sim_reply answer{uint32_t(status), 0, value, value2, 0};
        return send(client.socket, &answer, sizeof answer, MSG_NOSIGNAL) == ssize_t(sizeof answer);
    }
};

inline void write_report(const System& system, const char* path) {
    std::FILE* file = std::fopen(path, "w");
    if (!file) return;
    std::string text;  // as a JSON string
    for (const char c : system.report) {
        if (c == '"' || c == '\\') text += '\\';
        text += c == '\n' ? ' ' : c;
    }
    std::fprintf(file, "{\"violation\": \"%s\", \"cycles\": %llu, \"register_reads\": %llu, \"register_writes\": %llu, \"interrupts\": %llu, \"ports\": {",
                 text.c_str(), (unsigned long long)system.cycle, (unsigned long long)system.register_reads,
                 (unsigned long long)system.register_writes, (unsigned long long)system.interrupts);
    const char* separator = "";
    for (const auto& port : system.masters) {
        std::fprintf(file, "%s\"%s\": {\"read_beats\": %llu, \"write_beats\": %llu, \"bytes_written\": %llu}", separator, port->name,
                     (unsigned long long)port->counters.read_beats, (unsigned long long)port->counters.write_beats,
                     (unsigned long long)port->counters.bytes_written);
        separator = ", ";
    }
    std::fprintf(file, "}}\n");
    std::fclose(file);
}

inline int serve(Options options, const std::vector<Fault>& faults, const char* socket_path, const char* arena_path,
                 const char* report_path, bool shared) {
    const auto refuse = [](const char* what) { return std::perror(what), 2; };
    struct sigaction action {};
    action.sa_handler = [](int) { stop_requested = 1; };
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);

    Caches caches;
    if (!caches.open_files(arena_path, shared)) return refuse(arena_path);
    options.arena_bytes = caches.bytes;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (std::strlen(socket_path) + 2 > sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return refuse(socket_path);
    }
    // Who sees the socket may connect at once: it gets its name when it already listens.
    std::strcpy(address.sun_path, socket_path);
    std::strcat(address.sun_path, "~");
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) || listen(listener, 16) ||
        std::rename(address.sun_path, socket_path))
        return refuse(socket_path);

    System system(options, caches.ddr);
    system.ddr.faults = faults;
    Server server{system, caches, {}};
    try {
        server.run(listener);
        // Programs may have given up on launches: what is under way still comes to its end, or it is left over.
        for (int i = 0; i < LAST_CYCLES && system.report.empty() && !system.idle(); ++i) system.tick();
        if (system.report.empty()) system.finish();
    } catch (const Violation& found) {
        server.fail(found);
    }
    unlink(socket_path);
    write_report(system, report_path);
    return system.report.empty() ? 0 : 1;
}
