/* Numbers and lines in small files, as sysfs has them. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* O_CLOEXEC; _GNU_SOURCE asks for a strtoull of newer C libraries */
#endif

#include "fluorite_sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int fluorite_sysfs_line(const char *path, char *line, size_t size)
{
    ssize_t got;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return FLUORITE_ERROR_SYSTEM;
    }
    got = read(file, line, size - 1);
    (void)close(file);
    if (got < 0) {
        return FLUORITE_ERROR_SYSTEM;
    }
    line[got] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return FLUORITE_OK;
}

int fluorite_sysfs_number(const char *path, uint64_t *value)
{
    char line[64], *end;
    if (fluorite_sysfs_line(path, line, sizeof line) != FLUORITE_OK) {
        return FLUORITE_ERROR_SYSTEM;
    }
    errno = 0;
    *value = strtoull(line, &end, 0);
    return errno == 0 && end != line ? FLUORITE_OK : FLUORITE_ERROR_SYSTEM;
}
