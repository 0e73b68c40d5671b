/* Delays each flush by SLOW_US microseconds, as a slow disk does, and writes down when it began.
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
    const char *us = getenv("SLOW_US"), *log = getenv("SLOW_LOG");
    int kept = errno;
    struct timespec now;
    if (log) {
        int handle = open(log, O_WRONLY | O_APPEND | O_CLOEXEC);
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t at = now.tv_sec * 1000000000LL + now.tv_nsec;
        if (handle >= 0) {
            if (write(handle, &at, sizeof at) < 0) { /* the figure is short by one */ }
            close(handle);
        }
    }
    if (us)
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
