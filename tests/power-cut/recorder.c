// Preloaded into a program, writes down what it does to the files below one folder: see README.md.
//
//   POWER_CUT_FOLDER  the folder, absolute, without links in it
//   POWER_CUT_LOG     the log, outside the folder; appended to
//   POWER_CUT_SYNCS   "ignored": leave syncs out of the log
//   POWER_CUT_SPACE   how many bytes can be written before the disk is full
//   POWER_CUT_FULL_WHILE        a file; the disk is full for as long as it is there
//   POWER_CUT_SYNCS_FAIL_WHILE  a file; syncs fail with an input/output error for as long as it is there
//
// One lock is held over each operation and its entry, so that the log's order is the order in which things
// happened. Syncs are the exception: they may overlap with writes, so their entry, written after they return,
// says how long the log was when they began.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { CREATE = 1, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, MKDIR, SYNC_FOLDER, RMDIR, LINK };

struct entry {
  uint32_t kind;
  uint32_t path_length;
  uint32_t second_path_length;
  uint32_t zero;
  uint64_t inode;
  uint64_t position;  // of a write; the new length of a truncation; the log's length when a sync began
  uint64_t length;    // of the data that follows
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX];
static size_t folder_length;
static int log_file = -1;
static uint64_t log_length;
static bool syncs_ignored;
static uint64_t space = UINT64_MAX;
static const char *full_while, *syncs_fail_while;

// Inodes of the files below the folder that were opened. A handful: a list will do.
static struct { dev_t device; ino_t inode; } tracked[4096];
static size_t tracked_count;

static void fail(const char *what) {
  dprintf(2, "power-cut recorder: %s: %s\n", what, strerror(errno));
  _exit(97);
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("POWER_CUT_FOLDER"), *log = getenv("POWER_CUT_LOG"), *syncs = getenv("POWER_CUT_SYNCS");
  if (!path || !log) return;
  if (strlen(path) >= sizeof folder) fail("the folder's path is too long");
  strcpy(folder, path);
  folder_length = strlen(folder);
  if (getenv("POWER_CUT_SPACE")) space = strtoull(getenv("POWER_CUT_SPACE"), NULL, 10);
  full_while = getenv("POWER_CUT_FULL_WHILE");
  syncs_fail_while = getenv("POWER_CUT_SYNCS_FAIL_WHILE");
  syncs_ignored = syncs && strcmp(syncs, "ignored") == 0;
  log_file = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_file < 0) fail(log);
  off_t length = lseek(log_file, 0, SEEK_END);
  if (length < 0) fail("the log's length");
  log_length = (uint64_t)length;
}

static bool is_there(const char *path) {
  if (!path) return false;
  int saved = errno;
  bool there = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
  errno = saved;
  return there;
}

static bool below(const char *path) {
  return log_file >= 0 && strncmp(path, folder, folder_length) == 0 && (path[folder_length] == '/' || !path[folder_length]);
}

static bool is_shared_memory(const char *path) {
  size_t length = strlen(path);
  return length >= 4 && strcmp(path + length - 4, "-shm") == 0;
}

// The absolute path of `path` as seen from `at`, by its folder: the last part need not exist.
static bool absolute(int at, const char *path, char *out) {
  if (log_file < 0 || !path) return false;
  char joined[PATH_MAX], base[PATH_MAX];
  if (path[0] == '/') {
    if (snprintf(joined, sizeof joined, "%s", path) >= (int)sizeof joined) return false;
  } else {
    if (at == AT_FDCWD) {
      if (!getcwd(base, sizeof base)) return false;
    } else {
      char link[64];
      snprintf(link, sizeof link, "/proc/self/fd/%d", at);
      ssize_t length = readlink(link, base, sizeof base - 1);
      if (length < 0) return false;
      base[length] = 0;
    }
    if (snprintf(joined, sizeof joined, "%s/%s", base, path) >= (int)sizeof joined) return false;
  }
  size_t length = strlen(joined);
  while (length > 1 && joined[length - 1] == '/') joined[--length] = 0;
  char *slash = strrchr(joined, '/');
  if (slash == joined) return strcpy(out, joined) && below(out);
  *slash = 0;
  int saved = errno;
  bool found = realpath(joined, base) != NULL;
  errno = saved;
  if (!found || snprintf(out, PATH_MAX, "%s/%s", base, slash + 1) >= PATH_MAX) return false;
  return below(out);
}

static const char *relative(const char *path) { return path[folder_length] ? path + folder_length + 1 : ""; }

static void append(enum kind kind, uint64_t inode, uint64_t position, const char *path, const char *second,
                   const struct iovec *data, int parts, uint64_t length) {
  struct entry entry = {kind, path ? strlen(path) : 0, second ? strlen(second) : 0, 0, inode, position, length};
  struct iovec out[67] = {{&entry, sizeof entry}, {(void *)path, entry.path_length}, {(void *)second, entry.second_path_length}};
  if (parts > 64) fail("a write in more than 64 parts");
  uint64_t left = length;
  int count = 3;
  for (int i = 0; i < parts && left > 0; i++) {
    size_t size = data[i].iov_len < left ? data[i].iov_len : left;
    out[count++] = (struct iovec){data[i].iov_base, size};
    left -= size;
  }
  uint64_t total = sizeof entry + entry.path_length + entry.second_path_length + length;
  long written = syscall(SYS_writev, log_file, out, count);
  if (written != (long)total) fail("the log was not written whole");
  log_length += total;
}

static void track(const struct stat *status) {
  for (size_t i = 0; i < tracked_count; i++)
    if (tracked[i].inode == status->st_ino && tracked[i].device == status->st_dev) return;
  if (tracked_count == sizeof tracked / sizeof *tracked) fail("too many files");
  tracked[tracked_count].inode = status->st_ino;
  tracked[tracked_count++].device = status->st_dev;
}

static bool is_tracked(int file, struct stat *status) {
  if (log_file < 0) return false;
  int saved = errno;
  bool found = false;
  if (fstat(file, status) == 0 && S_ISREG(status->st_mode))
    for (size_t i = 0; i < tracked_count && !found; i++)
      found = tracked[i].inode == status->st_ino && tracked[i].device == status->st_dev;
  errno = saved;
  return found;
}

static void forget(const char *path) {
  struct stat status;
  if (lstat(path, &status) != 0 || status.st_nlink > 1) return;
  for (size_t i = 0; i < tracked_count; i++)
    if (tracked[i].inode == status.st_ino && tracked[i].device == status.st_dev) tracked[i] = tracked[--tracked_count];
}

// ---- opening ----------------------------------------------------------------------------------------------

static int opened(int at, const char *path, int flags, mode_t mode) {
  char where[PATH_MAX];
  bool ours = absolute(at, path, where) && !is_shared_memory(where);
  if (!ours) return (int)syscall(SYS_openat, at, path, flags, mode);
  pthread_mutex_lock(&lock);
  struct stat status;
  bool was_there = lstat(where, &status) == 0;
  int file = (int)syscall(SYS_openat, at, path, flags, mode);
  int saved = errno;
  if (file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
    track(&status);
    if (!was_there) append(CREATE, status.st_ino, 0, relative(where), NULL, NULL, 0, 0);
    else if (flags & O_TRUNC) append(TRUNCATE, status.st_ino, 0, NULL, NULL, NULL, 0, 0);
  }
  pthread_mutex_unlock(&lock);
  errno = saved;
  return file;
}

#define MODE(last) \
  mode_t mode = 0; \
  if (flags & (O_CREAT | __O_TMPFILE)) { va_list rest; va_start(rest, last); mode = va_arg(rest, mode_t); va_end(rest); }

int open(const char *path, int flags, ...) { MODE(flags); return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags); return opened(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags); return opened(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags); return opened(at, path, flags | O_LARGEFILE, mode); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

// ---- writing ----------------------------------------------------------------------------------------------

// `at` < 0: at the file's own position.
static ssize_t written(int file, const struct iovec *data, int parts, off_t at) {
  struct stat status;
  pthread_mutex_lock(&lock);
  bool ours = is_tracked(file, &status);
  if (!ours) pthread_mutex_unlock(&lock);  // sockets and pipes may block
  if (ours) {
    size_t length = 0;
    for (int i = 0; i < parts; i++) length += data[i].iov_len;
    bool full = is_there(full_while);
    if (full || length > space) {
      if (!full) space = 0;
      pthread_mutex_unlock(&lock);
      errno = ENOSPC;
      return -1;
    }
    space -= space == UINT64_MAX ? 0 : length;
  }
  off_t position = at;
  if (ours && at < 0) position = fcntl(file, F_GETFL) & O_APPEND ? status.st_size : lseek(file, 0, SEEK_CUR);
  ssize_t count = at < 0 ? syscall(SYS_writev, file, data, parts) : syscall(SYS_pwritev, file, data, parts, at, 0);
  if (ours) {
    int saved = errno;
    if (count > 0) append(WRITE, status.st_ino, (uint64_t)position, NULL, NULL, data, parts, (uint64_t)count);
    pthread_mutex_unlock(&lock);
    errno = saved;
  }
  return count;
}

static ssize_t written_whole(int file, const void *data, size_t length, off_t at) {
  struct iovec part = {(void *)data, length};
  return written(file, &part, 1, at);
}

ssize_t write(int file, const void *data, size_t length) { return written_whole(file, data, length, -1); }
ssize_t pwrite(int file, const void *data, size_t length, off_t at) { return written_whole(file, data, length, at); }
ssize_t pwrite64(int file, const void *data, size_t length, off_t at) { return written_whole(file, data, length, at); }
ssize_t writev(int file, const struct iovec *data, int parts) { return written(file, data, parts, -1); }
ssize_t pwritev(int file, const struct iovec *data, int parts, off_t at) { return written(file, data, parts, at); }
ssize_t pwritev64(int file, const struct iovec *data, int parts, off_t at) { return written(file, data, parts, at); }

int ftruncate(int file, off_t length) {
  struct stat status;
  pthread_mutex_lock(&lock);
  bool ours = is_tracked(file, &status);
  if (ours && length > status.st_size && is_there(full_while)) {
    pthread_mutex_unlock(&lock);
    errno = ENOSPC;
    return -1;
  }
  int result = (int)syscall(SYS_ftruncate, file, length);
  int saved = errno;
  if (ours && result == 0) append(TRUNCATE, status.st_ino, (uint64_t)length, NULL, NULL, NULL, 0, 0);
  pthread_mutex_unlock(&lock);
  errno = saved;
  return result;
}
int ftruncate64(int file, off_t length) { return ftruncate(file, length); }

int posix_fallocate(int file, off_t at, off_t length) {
  struct stat status;
  if (fstat(file, &status) != 0) return errno;
  if (status.st_size >= at + length) return 0;
  return ftruncate(file, at + length) == 0 ? 0 : errno;
}
int posix_fallocate64(int file, off_t at, off_t length) { return posix_fallocate(file, at, length); }

// Copies inside the kernel cannot be seen; callers fall back to reading and writing.
static bool hidden_copy(int to) {
  struct stat status;
  pthread_mutex_lock(&lock);
  bool ours = is_tracked(to, &status);
  pthread_mutex_unlock(&lock);
  return ours;
}

ssize_t copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t length, unsigned flags) {
  if (hidden_copy(to)) { errno = EXDEV; return -1; }
  return syscall(SYS_copy_file_range, from, from_at, to, to_at, length, flags);
}
ssize_t sendfile(int to, int from, off_t *at, size_t length) {
  if (hidden_copy(to)) { errno = EINVAL; return -1; }
  return syscall(SYS_sendfile, to, from, at, length);
}
ssize_t sendfile64(int to, int from, off_t *at, size_t length) { return sendfile(to, from, at, length); }

// ---- syncing ----------------------------------------------------------------------------------------------

static int synced(int file, long call) {
  struct stat status;
  char path[PATH_MAX] = "";
  pthread_mutex_lock(&lock);
  bool is_file = is_tracked(file, &status);
  bool is_folder = false;
  if (log_file >= 0 && !is_file && fstat(file, &status) == 0 && S_ISDIR(status.st_mode)) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length > 0) { path[length] = 0; is_folder = below(path); }
  }
  uint64_t began = log_length;
  pthread_mutex_unlock(&lock);
  if (syncs_ignored && (is_file || is_folder)) return 0;
  if ((is_file || is_folder) && is_there(syncs_fail_while)) {
    errno = EIO;
    return -1;
  }
  int result = (int)syscall(call, file);
  int saved = errno;
  if (result == 0 && (is_file || is_folder)) {
    pthread_mutex_lock(&lock);
    if (is_file) append(SYNC, status.st_ino, began, NULL, NULL, NULL, 0, 0);
    else append(SYNC_FOLDER, 0, began, relative(path), NULL, NULL, 0, 0);
    pthread_mutex_unlock(&lock);
  }
  errno = saved;
  return result;
}

int fsync(int file) { return synced(file, SYS_fsync); }
int fdatasync(int file) { return synced(file, SYS_fdatasync); }

// ---- names ------------------------------------------------------------------------------------------------

static int renamed(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
  char old[PATH_MAX], new[PATH_MAX];
  bool from_ours = absolute(from_at, from, old), to_ours = absolute(to_at, to, new);
  if (from_ours != to_ours) { errno = EXDEV; return -1; }  // across the border: callers copy
  pthread_mutex_lock(&lock);
  int result = (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
  int saved = errno;
  if (from_ours && result == 0) append(RENAME, 0, flags, relative(old), relative(new), NULL, 0, 0);
  pthread_mutex_unlock(&lock);
  errno = saved;
  return result;
}

int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int from_at, const char *from, int to_at, const char *to) { return renamed(from_at, from, to_at, to, 0); }
int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) { return renamed(from_at, from, to_at, to, flags); }

static int unlinked(int at, const char *path, int flags) {
  char where[PATH_MAX];
  bool ours = absolute(at, path, where) && !is_shared_memory(where);
  pthread_mutex_lock(&lock);
  if (ours) forget(where);
  int result = (int)syscall(SYS_unlinkat, at, path, flags);
  int saved = errno;
  if (ours && result == 0) append(flags & AT_REMOVEDIR ? RMDIR : UNLINK, 0, 0, relative(where), NULL, NULL, 0, 0);
  pthread_mutex_unlock(&lock);
  errno = saved;
  return result;
}

int unlink(const char *path) { return unlinked(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return unlinked(at, path, flags); }
int rmdir(const char *path) { return unlinked(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
  struct stat status;
  bool is_folder = lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
  return unlinked(AT_FDCWD, path, is_folder ? AT_REMOVEDIR : 0);
}

int mkdirat(int at, const char *path, mode_t mode) {
  char where[PATH_MAX];
  bool ours = absolute(at, path, where);
  pthread_mutex_lock(&lock);
  int result = (int)syscall(SYS_mkdirat, at, path, mode);
  int saved = errno;
  if (ours && result == 0) append(MKDIR, 0, 0, relative(where), NULL, NULL, 0, 0);
  pthread_mutex_unlock(&lock);
  errno = saved;
  return result;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
  char old[PATH_MAX], new[PATH_MAX];
  bool from_ours = absolute(from_at, from, old), to_ours = absolute(to_at, to, new);
  if (from_ours != to_ours) { errno = EXDEV; return -1; }
  pthread_mutex_lock(&lock);
  int result = (int)syscall(SYS_linkat, from_at, from, to_at, to, flags);
  int saved = errno;
  if (from_ours && result == 0) append(LINK, 0, 0, relative(old), relative(new), NULL, 0, 0);
  pthread_mutex_unlock(&lock);
  errno = saved;
  return result;
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
