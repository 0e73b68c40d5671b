/* Counts what the processes of one machine do to files below some directories, and at a chosen call ends them all, or
 * lets that call fail, or moves the clock. Preloaded (LD_PRELOAD) into every process; what it knows is shared in the
 * file that $CRASH_SHARED names, whose first bytes `shim.py` reads and writes. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { COUNT = 0, KILL = -1, CLOCK = -2 }; /* anything else is the errno of the call */
#define PIDS 4096
#define SLOTS 65536

struct shared {
    _Atomic int64_t calls;  /* made so far */
    _Atomic int64_t at;     /* the call to act at, from 1; 0: none */
    _Atomic int64_t act;
    _Atomic int64_t dead;
    _Atomic int64_t offset; /* of the clock, in seconds */
    int64_t step;           /* what is added to it */
    _Atomic int64_t is_traced;
    _Atomic int64_t pids_end;
    char below[2][256];     /* "" for none */
    char where[512];        /* the call that was acted at */
    _Atomic int32_t pids[PIDS];
    _Atomic uint64_t dirty[SLOTS]; /* inodes whose content no fsync has written yet */
};

static struct shared *shared;
static int trace = -1;

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static void enlist(void) {
    if (shared) {
        int64_t at = atomic_fetch_add(&shared->pids_end, 1);
        atomic_store(&shared->pids[at % PIDS], (int32_t)getpid());
    }
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CRASH_SHARED");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *found = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (found == MAP_FAILED) return;
    path = getenv("CRASH_TRACE");
    if (path) trace = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    shared = found;
    enlist();
    pthread_atfork(NULL, NULL, enlist);
}

/* Whether a process belongs to this machine: its number may be another's by now. */
static int is_one(int32_t pid) {
    char path[64], environment[16384];
    ssize_t length;
    int fd;
    REAL(open);
    snprintf(path, sizeof path, "/proc/%d/environ", pid);
    fd = real(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    length = read(fd, environment, sizeof environment);
    close(fd);
    return length > 0 && memmem(environment, (size_t)length, "CRASH_SHARED=", 13);
}

static void end_all(void) {
    int64_t end = atomic_load(&shared->pids_end);
    int32_t self = (int32_t)getpid();
    atomic_store(&shared->dead, 1);
    for (int64_t at = end > PIDS ? end - PIDS : 0; at < end; at++) {
        int32_t pid = atomic_load(&shared->pids[at % PIDS]);
        if (pid && pid != self && is_one(pid)) kill(pid, SIGKILL);
    }
    kill(self, SIGKILL);
    for (;;) pause();
}

/* Whether the path lies below one of the directories; it is made absolute in `full`. */
static int is_below(int at, const char *path, char *full, size_t size) {
    if (!shared || !path) return 0;
    if (path[0] == '/') {
        snprintf(full, size, "%s", path);
    } else {
        char link[64];
        ssize_t length;
        if (at == AT_FDCWD) {
            if (!getcwd(full, size)) return 0;
            length = (ssize_t)strlen(full);
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", at);
            length = readlink(link, full, size - 1);
            if (length < 0) return 0;
        }
        if (*path) snprintf(full + length, size - (size_t)length, "/%s", path);
        else full[length] = 0;
    }
    for (int each = 0; each < 2; each++) {
        size_t length = strlen(shared->below[each]);
        if (length && !strncmp(full, shared->below[each], length) && full[length] == '/') return 1;
    }
    return 0;
}

static int is_fd_below(int fd, char *full, size_t size) {
    int saved = errno;
    int found = fd >= 0 && is_below(fd, "", full, size);
    errno = saved;
    return found;
}

static _Atomic uint64_t *slot_of(uint64_t inode) {
    for (uint64_t at = inode; at < inode + SLOTS; at++) {
        _Atomic uint64_t *slot = &shared->dirty[at % SLOTS];
        if ((atomic_load(slot) >> 1) == inode || !atomic_load(slot)) return slot;
    }
    return NULL;
}

static void mark(int fd, int is_dirty) {
    struct stat facts;
    int saved = errno;
    if (shared && !fstat(fd, &facts) && S_ISREG(facts.st_mode)) {
        _Atomic uint64_t *slot = slot_of((uint64_t)facts.st_ino);
        if (slot) atomic_store(slot, (uint64_t)facts.st_ino << 1 | (uint64_t)is_dirty);
    }
    errno = saved;
}

/* Return 0 to make the call, or -1 with errno set. `fd` and `data`: what a write would have written half of. */
static int met(const char *name, const char *full, int fd, const void *data, size_t size) {
    int saved = errno;
    int64_t number, act;
    if (atomic_load(&shared->dead)) end_all();
    number = atomic_fetch_add(&shared->calls, 1) + 1;
    if (trace >= 0 && atomic_load(&shared->is_traced)) {
        char line[700];
        int length = snprintf(line, sizeof line, "%lld %s %s\n", (long long)number, name, full);
        REAL(write);
        if (real(trace, line, (size_t)length) < 0) errno = saved;
    }
    errno = saved;
    if (number != atomic_load(&shared->at)) return 0;
    act = atomic_load(&shared->act);
    snprintf(shared->where, sizeof shared->where, "%s %s", name, full);
    if (act == KILL) {
        REAL(write);
        if (data && size > 1) (void)!real(fd, data, size / 2);
        end_all();
    }
    if (act == CLOCK) atomic_fetch_add(&shared->offset, shared->step);
    if (act > 0) {
        errno = (int)act;
        return -1;
    }
    return 0;
}

#define PATH_CALL(name, at, path, type, parameters, arguments) \
    type name parameters { \
        char full[4096]; \
        REAL(name); \
        if (is_below(at, path, full, sizeof full) && met(#name, full, -1, NULL, 0)) return -1; \
        return real arguments; \
    }

PATH_CALL(rename, AT_FDCWD, to, int, (const char *from, const char *to), (from, to))
PATH_CALL(renameat, to_at, to, int, (int at, const char *from, int to_at, const char *to), (at, from, to_at, to))
PATH_CALL(renameat2, to_at, to, int, (int at, const char *from, int to_at, const char *to, unsigned flags),
          (at, from, to_at, to, flags))
PATH_CALL(link, AT_FDCWD, to, int, (const char *from, const char *to), (from, to))
PATH_CALL(linkat, to_at, to, int, (int at, const char *from, int to_at, const char *to, int flags),
          (at, from, to_at, to, flags))
PATH_CALL(symlink, AT_FDCWD, path, int, (const char *target, const char *path), (target, path))
PATH_CALL(symlinkat, at, path, int, (const char *target, int at, const char *path), (target, at, path))
PATH_CALL(unlink, AT_FDCWD, path, int, (const char *path), (path))
PATH_CALL(unlinkat, at, path, int, (int at, const char *path, int flags), (at, path, flags))
PATH_CALL(rmdir, AT_FDCWD, path, int, (const char *path), (path))
PATH_CALL(mkdir, AT_FDCWD, path, int, (const char *path, mode_t mode), (path, mode))
PATH_CALL(mkdirat, at, path, int, (int at, const char *path, mode_t mode), (at, path, mode))
PATH_CALL(truncate, AT_FDCWD, path, int, (const char *path, off_t size), (path, size))
PATH_CALL(truncate64, AT_FDCWD, path, int, (const char *path, off64_t size), (path, size))

#define FD_CALL(name, type, parameters, arguments, data, size) \
    type name parameters { \
        char full[4096]; \
        REAL(name); \
        if (is_fd_below(fd, full, sizeof full)) { \
            if (met(#name, full, fd, data, size)) return -1; \
            mark(fd, 1); \
        } \
        return real arguments; \
    }

FD_CALL(write, ssize_t, (int fd, const void *data, size_t size), (fd, data, size), data, size)
FD_CALL(pwrite, ssize_t, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at), NULL, 0)
FD_CALL(pwrite64, ssize_t, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at), NULL, 0)
FD_CALL(writev, ssize_t, (int fd, const struct iovec *pieces, int count), (fd, pieces, count), NULL, 0)
FD_CALL(ftruncate, int, (int fd, off_t size), (fd, size), NULL, 0)
FD_CALL(ftruncate64, int, (int fd, off64_t size), (fd, size), NULL, 0)

int fchmod(int fd, mode_t mode) {
    char full[4096];
    REAL(fchmod);
    if (is_fd_below(fd, full, sizeof full) && met("fchmod", full, -1, NULL, 0)) return -1;
    return real(fd, mode);
}

#define SYNC_CALL(name) \
    int name(int fd) { \
        char full[4096]; \
        int status; \
        REAL(name); \
        int is_ours = is_fd_below(fd, full, sizeof full); \
        if (is_ours && met(#name, full, -1, NULL, 0)) return -1; \
        status = real(fd); \
        if (is_ours && !status) mark(fd, 0); \
        return status; \
    }

SYNC_CALL(fsync)
SYNC_CALL(fdatasync)

int syncfs(int fd) {
    char full[4096];
    int status;
    REAL(syncfs);
    int is_ours = is_fd_below(fd, full, sizeof full);
    if (is_ours && met("syncfs", full, -1, NULL, 0)) return -1;
    status = real(fd);
    if (is_ours && !status)
        for (int at = 0; at < SLOTS; at++) atomic_fetch_and(&shared->dirty[at], ~(uint64_t)1);
    return status;
}

#define OPEN(name, at, parameters, arguments) \
    int name parameters { \
        char full[4096]; \
        mode_t mode = 0; \
        int fd, is_ours = 0; \
        REAL(name); \
        if (flags & (O_CREAT | O_TMPFILE)) { \
            va_list more; \
            va_start(more, flags); \
            mode = va_arg(more, mode_t); \
            va_end(more); \
        } \
        if (flags & (O_WRONLY | O_RDWR)) { \
            is_ours = is_below(at, path, full, sizeof full); \
            if (is_ours && met(#name, full, -1, NULL, 0)) return -1; \
        } \
        fd = real arguments; \
        if (fd >= 0 && is_ours && flags & (O_CREAT | O_TRUNC)) { \
            struct stat facts; \
            if (!fstat(fd, &facts) && !facts.st_size) mark(fd, 1); \
        } \
        return fd; \
    }

OPEN(open, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPEN(open64, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat, at, (int at, const char *path, int flags, ...), (at, path, flags, mode))
OPEN(openat64, at, (int at, const char *path, int flags, ...), (at, path, flags, mode))

#define FOPEN(name) \
    FILE *name(const char *path, const char *mode) { \
        char full[4096]; \
        REAL(name); \
        int is_ours = strpbrk(mode, "wa+") && is_below(AT_FDCWD, path, full, sizeof full); \
        if (is_ours && met(#name, full, -1, NULL, 0)) return NULL; \
        FILE *stream = real(path, mode); \
        if (stream && is_ours) mark(fileno(stream), 1); \
        return stream; \
    }

FOPEN(fopen)
FOPEN(fopen64)

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int status = real(clock, now);
    if (!status && shared && clock == CLOCK_REALTIME) now->tv_sec += atomic_load(&shared->offset);
    return status;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    REAL(gettimeofday);
    int status = real(now, zone);
    if (!status && shared) now->tv_sec += atomic_load(&shared->offset);
    return status;
}

time_t time(time_t *now) {
    struct timespec found;
    if (clock_gettime(CLOCK_REALTIME, &found)) return -1;
    if (now) *now = found.tv_sec;
    return found.tv_sec;
}
