/* Counts what a program does to the files below one folder, and lets the n-th of it fail, or ends the program there.
 *
 * Loaded by LD_PRELOAD. FAULT_ROOT: the folder. FAULT_LOG: where a line is written for each operation: its number, its name, device
 * and inode of the file or of the new file. FAULT_AT: the number that fails, from 1. FAULT_KIND: `eio`, `enospc`, `before` (the
 * program dies before it), `inside` (a write dies after its first half, everything else just after it). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum action { GO, FAIL, DIE_BEFORE, DIE_INSIDE };

static atomic_long count;
static long at;
static const char *root, *kind;
static int logging = -1;

#define REAL(name) ({ static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); real; })

__attribute__((constructor)) static void begin(void) {
    root = getenv("FAULT_ROOT");
    kind = getenv("FAULT_KIND");
    at = getenv("FAULT_AT") ? atol(getenv("FAULT_AT")) : 0;
    const char *path = getenv("FAULT_LOG");
    if (path) logging = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static int below(const char *path) {
    size_t length = root ? strlen(root) : 0;
    return length && path && strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == 0);
}

/* A path as seen from the folder `fd`, made absolute as far as that needs no look at links. */
static int path_in(int fd, const char *path) {
    char full[PATH_MAX], folder[PATH_MAX], link[64];
    if (!path) return 0;
    if (path[0] == '/') return below(path);
    if (fd == AT_FDCWD) {
        if (!getcwd(folder, sizeof folder)) return 0;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, folder, sizeof folder - 1);
        if (length < 0) return 0;
        folder[length] = 0;
    }
    if (snprintf(full, sizeof full, "%s/%s", folder, path) >= (int)sizeof full) return 0;
    return below(full);
}

static int fd_in(int fd) {
    char path[PATH_MAX], link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return below(path);
}

static void tell(long number, const char *name, const struct stat *about) {
    char line[160];
    int length = snprintf(line, sizeof line, "%ld %s %lu %lu\n", number, name, about ? (unsigned long)about->st_dev : 0,
                          about ? (unsigned long)about->st_ino : 0);
    if (logging >= 0 && REAL(write)(logging, line, (size_t)length) < 0) abort();
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* Counts one operation, tells it, and says what becomes of it. `fd` is an open file that it changes, or -1. */
static enum action meet(const char *name, int fd) {
    int saved = errno;
    struct stat about;
    int known = fd >= 0 && fstat(fd, &about) == 0;
    long number = atomic_fetch_add(&count, 1) + 1;
    enum action action = GO;
    if (at && number == at && kind) {
        if (strcmp(kind, "before") == 0) die();
        action = strcmp(kind, "inside") == 0 ? DIE_INSIDE : FAIL;
    }
    /* What failed was not done. */
    if (action != FAIL) tell(number, name, known ? &about : NULL);
    errno = action == FAIL ? (strcmp(kind, "enospc") == 0 ? ENOSPC : EIO) : saved;
    return action;
}

#define AROUND(name, fd, call)                      \
    ({                                              \
        enum action action = meet(name, fd);        \
        __typeof__(call) result;                    \
        if (action == FAIL) result = -1;            \
        else {                                      \
            result = call;                          \
            if (action == DIE_INSIDE) die();        \
        }                                           \
        result;                                     \
    })

ssize_t write(int fd, const void *bytes, size_t length) {
    if (fd == logging || !fd_in(fd)) return REAL(write)(fd, bytes, length);
    enum action action = meet("write", fd);
    if (action == FAIL) return -1;
    if (action == DIE_INSIDE) {
        if (REAL(write)(fd, bytes, length / 2) < 0) abort();
        die();
    }
    return REAL(write)(fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int parts_count) {
    return fd_in(fd) ? AROUND("write", fd, REAL(writev)(fd, parts, parts_count)) : REAL(writev)(fd, parts, parts_count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t place) {
    return fd_in(fd) ? AROUND("write", fd, REAL(pwrite64)(fd, bytes, length, place)) : REAL(pwrite64)(fd, bytes, length, place);
}

ssize_t copy_file_range(int from, off64_t *from_place, int to, off64_t *to_place, size_t length, unsigned flags) {
    return fd_in(to) ? AROUND("write", to, REAL(copy_file_range)(from, from_place, to, to_place, length, flags))
                     : REAL(copy_file_range)(from, from_place, to, to_place, length, flags);
}

ssize_t sendfile64(int to, int from, off64_t *place, size_t length) {
    return fd_in(to) ? AROUND("write", to, REAL(sendfile64)(to, from, place, length)) : REAL(sendfile64)(to, from, place, length);
}

int ftruncate64(int fd, off64_t length) {
    return fd_in(fd) ? AROUND("write", fd, REAL(ftruncate64)(fd, length)) : REAL(ftruncate64)(fd, length);
}

int fsync(int fd) {
    return fd_in(fd) ? AROUND("sync", fd, REAL(fsync)(fd)) : REAL(fsync)(fd);
}

int fdatasync(int fd) {
    return fd_in(fd) ? AROUND("sync", fd, REAL(fdatasync)(fd)) : REAL(fdatasync)(fd);
}

int rename(const char *from, const char *to) {
    return path_in(AT_FDCWD, to) ? AROUND("rename", -1, REAL(rename)(from, to)) : REAL(rename)(from, to);
}

int mkdir(const char *path, mode_t mode) {
    return path_in(AT_FDCWD, path) ? AROUND("mkdir", -1, REAL(mkdir)(path, mode)) : REAL(mkdir)(path, mode);
}

int unlink(const char *path) {
    return path_in(AT_FDCWD, path) ? AROUND("unlink", -1, REAL(unlink)(path)) : REAL(unlink)(path);
}

int unlinkat(int folder, const char *path, int flags) {
    return path_in(folder, path) ? AROUND("unlink", -1, REAL(unlinkat)(folder, path, flags)) : REAL(unlinkat)(folder, path, flags);
}

int rmdir(const char *path) {
    return path_in(AT_FDCWD, path) ? AROUND("rmdir", -1, REAL(rmdir)(path)) : REAL(rmdir)(path);
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
    return path_in(to_fd, to) ? AROUND("link", -1, REAL(linkat)(from_fd, from, to_fd, to, flags))
                              : REAL(linkat)(from_fd, from, to_fd, to, flags);
}

/* A file that is made, or emptied, is changed as if it were written: its old bytes are gone before the new ones are there. */
static int opened(int folder, const char *path, int flags, mode_t mode) {
    int changes = (flags & (O_CREAT | O_TRUNC)) && (flags & O_ACCMODE) != O_RDONLY && path_in(folder, path);
    if (!changes) return REAL(openat64)(folder, path, flags, mode);
    enum action action = meet("open", -1);
    if (action == FAIL) return -1;
    int fd = REAL(openat64)(folder, path, flags, mode);
    if (action == DIE_INSIDE) die();
    return fd;
}

#define WITH_MODE(flags)                            \
    ({                                              \
        mode_t mode = 0;                            \
        if ((flags) & (O_CREAT | __O_TMPFILE)) {    \
            va_list rest;                           \
            va_start(rest, flags);                  \
            mode = va_arg(rest, mode_t);            \
            va_end(rest);                           \
        }                                           \
        mode;                                       \
    })

int open64(const char *path, int flags, ...) {
    return opened(AT_FDCWD, path, flags, WITH_MODE(flags));
}

int open(const char *path, int flags, ...) {
    return opened(AT_FDCWD, path, flags, WITH_MODE(flags));
}

int openat64(int folder, const char *path, int flags, ...) {
    return opened(folder, path, flags, WITH_MODE(flags));
}
