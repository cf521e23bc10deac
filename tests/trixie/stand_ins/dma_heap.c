/* Stands in for the kernel's /dev/dma_heap, which only a Pi has, for picamera2's allocator: preloaded, it turns opening a heap and
 * allocating from it into memfds. Everything else goes on to the C library. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAPS "/dev/dma_heap/"

static int is_heap(const char *path) { return path && strncmp(path, HEAPS, strlen(HEAPS)) == 0; }

static int open_heap(void) { return memfd_create("dma-heap", MFD_CLOEXEC); }

static int open_with(const char *name, const char *path, int flags, mode_t mode) {
  if (is_heap(path)) return open_heap();
  int (*next)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);
  return next(path, flags, mode);
}

static mode_t mode_of(int flags, va_list arguments) {
  return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name)                                  \
  int name(const char *path, int flags, ...) {      \
    va_list arguments;                              \
    va_start(arguments, flags);                     \
    mode_t mode = mode_of(flags, arguments);        \
    va_end(arguments);                              \
    return open_with(#name, path, flags, mode);     \
  }
OPEN(open)
OPEN(open64)

static int allocate(struct dma_heap_allocation_data *request) {
  int buffer = memfd_create("dma-buf", MFD_CLOEXEC);
  if (buffer < 0) return -1;
  if (ftruncate(buffer, (off_t)request->len)) {
    close(buffer);
    return -1;
  }
  request->fd = (unsigned)buffer;
  return 0;
}

/* Python hands the request on as a signed int, which is then sign-extended: only 32 bit of it count. */
int ioctl(int file, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  switch ((unsigned)request) {
    case (unsigned)DMA_HEAP_IOCTL_ALLOC:
      return allocate(argument);
    case (unsigned)DMA_BUF_IOCTL_SYNC:
    case (unsigned)DMA_BUF_SET_NAME_A:
    case (unsigned)DMA_BUF_SET_NAME_B:
      return 0;
  }
  int (*next)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
  return next(file, request, argument);
}
