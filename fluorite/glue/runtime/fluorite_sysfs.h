/* Where the kernel's files are, and reading small ones. For the access layers on a board. */
#ifndef FLUORITE_SYSFS_H
#define FLUORITE_SYSFS_H

#include "fluorite_runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef FLUORITE_SYS
#define FLUORITE_SYS "/sys" /* tests put a folder of their own here */
#endif
#ifndef FLUORITE_DEV
#define FLUORITE_DEV "/dev"
#endif
#ifndef FLUORITE_PAGEMAP
#define FLUORITE_PAGEMAP "/proc/self/pagemap"
#endif

#define PATH_BYTES 320

/* The first line of a file, without its end. FLUORITE_ERROR_SYSTEM if it cannot be read. */
int fluorite_sysfs_line(const char *path, char *line, size_t size);

/* The number that it is, decimal or 0x. */
int fluorite_sysfs_number(const char *path, uint64_t *value);

/* fluorite_hugepage.c: an arena that is one huge page of the size that the text says, in bytes. */
int fluorite_hugepage_memory(struct fluorite_memory *memory, const char *size_text, struct fluorite_error *error);

/* Says in `error`, which stays FLUORITE_OK, that there is less memory than was asked for. */
static inline void fluorite_less_memory(struct fluorite_error *error, const char *path, uint64_t bytes, uint64_t asked)
{
    (void)fluorite_fail(error, FLUORITE_OK,
                        "%s: gives %llu KiB of DMA memory, %llu KiB were asked for: a larger pool is an argument of the "
                        "kernel (cma=, see linux/README.md)",
                        path, (unsigned long long)(bytes >> 10), (unsigned long long)(asked >> 10));
}

/* fluorite_zocl.c: an arena that is a buffer of XRT's kernel driver zocl, of so many bytes. */
int fluorite_zocl_memory(struct fluorite_memory *memory, const char *size_text, struct fluorite_error *error);

/* fluorite_io_kernel.c: an arena of the kernel driver's, of so many bytes; "": as many as can be had, up to 64 MiB. */
int fluorite_kernel_memory(struct fluorite_memory *memory, const char *size_text, struct fluorite_error *error);

/* Whether the kernel driver is there. */
int fluorite_kernel_is_there(void);

/* Makes an open file of the kernel driver's the accelerator, on an arena of fluorite_kernel_memory. */
int fluorite_kernel_claim(int file, const char *path, const struct fluorite_accelerator *accelerator,
                          const struct fluorite_memory *memory, struct fluorite_error *error);

#ifdef __cplusplus
}
#endif

#endif /* FLUORITE_SYSFS_H */
