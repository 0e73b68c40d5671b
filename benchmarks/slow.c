/* Delays each flush by SLOW_US microseconds, as a slow disk does, and writes down when it began. With SLOW_ONE_IN=10 it
 * delays about one flush in ten, as a busy disk does.
 * Loaded by LD_PRELOAD; SLOW_LOG is the file that gets eight bytes (nanoseconds, CLOCK_MONOTONIC) for each. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void delay(void) {
    const char *us = getenv("SLOW_US"), *log = getenv("SLOW_LOG"), *one_in = getenv("SLOW_ONE_IN");
    int kept = errno;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (log) {
        int handle = open(log, O_WRONLY | O_APPEND | O_CLOEXEC);
        int64_t at = now.tv_sec * 1000000000LL + now.tv_nsec;
        if (handle >= 0) {
            if (write(handle, &at, sizeof at) < 0) { /* the figure is short by one */ }
            close(handle);
        }
    }
    if (us && (!one_in || now.tv_nsec / 1000 % atoi(one_in) == 0))
        usleep((useconds_t)atoi(us));
    errno = kept;
}

#define SLOW(name)                                                                                                     \
    int name(int handle) {                                                                                             \
        static int (*real)(int);                                                                                       \
        if (!real)                                                                                                     \
            real = (int (*)(int))dlsym(RTLD_NEXT, #name);                                                              \
        delay();                                                                                                       \
        return real(handle);                                                                                           \
    }

SLOW(fsync)
SLOW(fdatasync)
SLOW(syncfs)
