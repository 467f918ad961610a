/* What the simulated board says to a simulator (fluorite_sim_protocol.h), and the end where there is none. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "board.h"

void board_die(const char *format, ...)
{
    char text[300];
    va_list arguments;
    int length;
    va_start(arguments, format);
    length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)!write(2, "simulated board: ", 17);
    (void)!write(2, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
    (void)!write(2, "\n", 1);
    _exit(97);
}

int board_request(int socket, uint32_t op, uint64_t address, uint64_t value, uint64_t *result)
{
    struct fluorite_sim_request asked = {op, 0, address, value, 0};
    struct fluorite_sim_reply reply;
    size_t got = 0;
    if (send(socket, &asked, sizeof asked, MSG_NOSIGNAL) != (ssize_t)sizeof asked) {
        board_die("the simulator is gone");
    }
    while (got < sizeof reply) {
        const ssize_t part = recv(socket, (char *)&reply + got, sizeof reply - got, 0);
        if (part < 0 && errno == EINTR) {
            continue;
        }
        if (part <= 0) {
            board_die("the simulator is gone");
        }
        got += (size_t)part;
    }
    if (result != NULL) {
        *result = reply.value;
    }
    return (int)reply.status;
}

int board_connect(const char *path)
{
    struct sockaddr_un address;
    const int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (made < 0 || connect(made, (const struct sockaddr *)&address, sizeof address) != 0) {
        board_die("no simulator at %s: %s", path, strerror(errno));
    }
    return made;
}
