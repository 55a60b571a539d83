/*
 * The door to the Linux kernel: the system calls that Node.js does not offer, and nothing else.
 *
 * The typed face, with what each call means, is door.ts. Rules of this file:
 *
 *  - Every call returns a value >= 0 or a negative errno. Nothing throws; a wrong argument is -EINVAL.
 *  - No libc: system calls are made directly and memory comes from mmap, so one binary per CPU serves
 *    glibc and musl and, Node-API being stable, every Node.js from 20 on. The only symbols it needs are
 *    Node-API's and five of libuv's, all found in the node executable. One of glibc's is used where it is
 *    there (a weak symbol): malloc_trim, which musl does not have and does not need.
 *  - No globals: state belongs to one environment (the main thread's or a worker's).
 *
 * Left out on purpose: knowledge of any protocol. Addresses, options and packets are bytes that
 * TypeScript lays out.
 */

#define NAPI_VERSION 8
#include <node_api.h>

#include <asm/unistd.h>
#include <linux/errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---------------------------------------------------------------------------------- system calls */

/* Up to six arguments; gives what the kernel gives: a value, or -errno. */
static inline long syscall6(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
#elif defined(__arm__) && defined(__ARM_EABI__)
  /* r7 is the frame pointer of Thumb code, so it is saved by hand. */
  register long r0 __asm__("r0") = a;
  register long r1 __asm__("r1") = b;
  register long r2 __asm__("r2") = c;
  register long r3 __asm__("r3") = d;
  register long r4 __asm__("r4") = e;
  register long r5 __asm__("r5") = f;
  register long r6 __asm__("r6") = number;
  __asm__ volatile("mov r12, r7\n\tmov r7, r6\n\tsvc 0\n\tmov r7, r12"
                   : "+r"(r0)
                   : "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5), "r"(r6)
                   : "r12", "memory");
  return r0;
#elif defined(__riscv) && __riscv_xlen == 64
  register long a7 __asm__("a7") = number;
  register long a0 __asm__("a0") = a;
  register long a1 __asm__("a1") = b;
  register long a2 __asm__("a2") = c;
  register long a3 __asm__("a3") = d;
  register long a4 __asm__("a4") = e;
  register long a5 __asm__("a5") = f;
  __asm__ volatile("ecall"
                   : "+r"(a0)
                   : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
                   : "memory");
  return a0;
#else
#error "no system call sequence for this CPU: add one here"
#endif
}

/* The same, tried again when a signal came in between. */
static long syscall_again(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  do {
    result = syscall6(number, a, b, c, d, e, f);
  } while (result == -EINTR);
  return result;
}

/* The compiler may call these even in freestanding code (C11 has no way to forbid it). */
__attribute__((used)) void *memset(void *target, int byte, size_t length) {
  volatile uint8_t *at = target;
  while (length-- > 0) *at++ = (uint8_t)byte;
  return target;
}

__attribute__((used)) void *memcpy(void *restrict target, const void *restrict source, size_t length) {
  volatile uint8_t *to = target;
  const uint8_t *from = source;
  while (length-- > 0) *to++ = *from++;
  return target;
}

/* The kernel's layouts (include/linux/socket.h, include/uapi/linux/time_types.h, .../filter.h). */
struct iovec {
  void *base;
  size_t length;
};

struct message {
  void *name;
  int name_length;
  struct iovec *parts;
  size_t part_count;
  void *control;
  size_t control_length;
  unsigned int flags;
};

struct multi_message {
  struct message header;
  unsigned int length;
};

struct timespec64 {
  int64_t seconds;
  int64_t nanos;
};

struct itimerspec64 {
  struct timespec64 interval;
  struct timespec64 at;
};

struct filter_program {
  unsigned short count;
  void *instructions;
};

enum {
  SOCK_NONBLOCK = 04000,
  SOCK_CLOEXEC = 02000000,
  MSG_DONTWAIT = 0x40,
  SOL_IP = 0,
  IP_MSFILTER = 41,
  MCAST_MSFILTER = 48,
  SOL_IPV6 = 41,
  SOL_SOCKET = 1,
  SO_ATTACH_FILTER = 26,
  SO_ATTACH_REUSEPORT_CBPF = 51,
  SO_GET_FILTER = 26,
  CLOCK_MONOTONIC = 1,
  CLOCK_BOOTTIME = 7,
  TFD_NONBLOCK = 04000,
  TFD_CLOEXEC = 02000000,
  TFD_TIMER_ABSTIME = 1,
  PRIO_PROCESS = 0,
  PROT_READ_WRITE = 3,
  MAP_PRIVATE_ANONYMOUS = 0x22,
  PAGE = 4096,
};

/* 32-bit CPUs have separate calls that take 64-bit times (Linux 5.1). */
#if defined(__NR_clock_gettime64)
#define NR_CLOCK_GETTIME __NR_clock_gettime64
#define NR_TIMERFD_SETTIME __NR_timerfd_settime64
#define NR_MMAP __NR_mmap2
#else
#define NR_CLOCK_GETTIME __NR_clock_gettime
#define NR_TIMERFD_SETTIME __NR_timerfd_settime
#define NR_MMAP __NR_mmap
#endif

/* One zeroed page, or NULL. Used for the few long-lived structures; there is no allocator here. */
static void *take_page(void) {
  long address = syscall6(NR_MMAP, 0, PAGE, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
  return address < 0 && address > -PAGE ? NULL : (void *)address;
}

static void give_page_back(void *page) { syscall6(__NR_munmap, (long)page, PAGE, 0, 0, 0, 0); }

/* ---------------------------------------------------------------------------------- arguments */

enum { MAX_ARGUMENTS = 5 };

/* The arguments of one call. `bad` is set by the first that is not what was expected. */
struct arguments {
  napi_env env;
  napi_value values[MAX_ARGUMENTS];
  bool bad;
};

struct bytes {
  uint8_t *data;
  size_t length;
};

/* Missing arguments read as undefined, which no reader below accepts. */
static struct arguments read_arguments(napi_env env, napi_callback_info info) {
  struct arguments arguments = {.env = env, .bad = false};
  size_t count = MAX_ARGUMENTS;
  arguments.bad = napi_get_cb_info(env, info, &count, arguments.values, NULL, NULL) != napi_ok;
  return arguments;
}

/* A whole number between `low` and `high`. */
static int64_t number_at(struct arguments *arguments, int index, int64_t low, int64_t high) {
  double exact = 0;
  int64_t whole = 0;
  if (arguments->bad || napi_get_value_double(arguments->env, arguments->values[index], &exact) != napi_ok ||
      napi_get_value_int64(arguments->env, arguments->values[index], &whole) != napi_ok ||
      (double)whole != exact || whole < low || whole > high) {
    arguments->bad = true;
    return 0;
  }
  return whole;
}

static long int_at(struct arguments *arguments, int index) {
  return (long)number_at(arguments, index, INT32_MIN, INT32_MAX);
}

static long fd_at(struct arguments *arguments, int index) {
  return (long)number_at(arguments, index, 0, INT32_MAX);
}

/* A typed array of exactly this element type. `length` counts elements. */
static struct bytes array_at(struct arguments *arguments, int index, napi_typedarray_type wanted) {
  struct bytes bytes = {NULL, 0};
  bool is_array = false;
  napi_typedarray_type type;
  void *data = NULL;
  size_t length = 0;
  if (arguments->bad ||
      napi_is_typedarray(arguments->env, arguments->values[index], &is_array) != napi_ok || !is_array ||
      napi_get_typedarray_info(arguments->env, arguments->values[index], &type, &length, &data, NULL, NULL) !=
          napi_ok ||
      type != wanted) {
    arguments->bad = true;
    return bytes;
  }
  bytes.data = length == 0 ? NULL : data;
  bytes.length = length;
  return bytes;
}

static struct bytes bytes_at(struct arguments *arguments, int index) {
  struct bytes bytes = array_at(arguments, index, napi_uint8_array);
  if (bytes.length > INT32_MAX) arguments->bad = true;
  return bytes;
}

static napi_value number(napi_env env, double value) {
  napi_value result = NULL;
  napi_create_double(env, value, &result);
  return result;
}

/* ---------------------------------------------------------------------------------- sockets */

static napi_value door_socket(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long domain = int_at(&arguments, 0);
  long type = int_at(&arguments, 1);
  long protocol = int_at(&arguments, 2);
  if (arguments.bad) return number(env, -EINVAL);
  type |= SOCK_CLOEXEC | SOCK_NONBLOCK;
  return number(env, syscall6(__NR_socket, domain, type, protocol, 0, 0, 0));
}

static napi_value door_bind(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long fd = fd_at(&arguments, 0);
  struct bytes address = bytes_at(&arguments, 1);
  if (arguments.bad) return number(env, -EINVAL);
  return number(env, syscall6(__NR_bind, fd, (long)address.data, (long)address.length, 0, 0, 0));
}

static napi_value door_listen(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long fd = fd_at(&arguments, 0);
  long backlog = int_at(&arguments, 1);
  if (arguments.bad) return number(env, -EINVAL);
  return number(env, syscall6(__NR_listen, fd, backlog, 0, 0, 0, 0));
}

/* The new descriptor is close-on-exec and non-blocking; an address that does not fit is cut off. */
static napi_value door_accept(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long fd = fd_at(&arguments, 0);
  struct bytes address = bytes_at(&arguments, 1);
  if (arguments.bad) return number(env, -EINVAL);
  int length = (int)address.length;
  return number(env, syscall6(__NR_accept4, fd, (long)address.data, (long)&length, SOCK_NONBLOCK | SOCK_CLOEXEC, 0, 0));
}

static napi_value door_connect(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long fd = fd_at(&arguments, 0);
  struct bytes address = bytes_at(&arguments, 1);
  if (arguments.bad) return number(env, -EINVAL);
  return number(env, syscall6(__NR_connect, fd, (long)address.data, (long)address.length, 0, 0, 0));
}

/* Gives the length of the address, which may exceed the buffer's when it did not fit. */
static napi_value door_getsockname(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long fd = fd_at(&arguments, 0);
  struct bytes address = bytes_at(&arguments, 1);
  if (arguments.bad) return number(env, -EINVAL);
  int length = (int)address.length;
  long result = syscall6(__NR_getsockname, fd, (long)address.data, (long)&length, 0, 0, 0);
  return number(env, result < 0 ? result : length);
}

static napi_value door_setsockopt(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long fd = fd_at(&arguments, 0);
  long level = int_at(&arguments, 1);
  long name = int_at(&arguments, 2);
  struct bytes value = bytes_at(&arguments, 3);
  if (arguments.bad) return number(env, -EINVAL);
  return number(env,
                syscall6(__NR_setsockopt, fd, level, name, (long)value.data, (long)value.length, 0));
}

/*
 * Options whose length counts something else than bytes, so that the kernel would write past the buffer: a classic
 * BPF program, and lists of multicast sources, whose count is in the value.
 */
static bool overruns(long level, long name) {
  if (level == SOL_SOCKET) return name == SO_GET_FILTER;
  if (level == SOL_IP) return name == IP_MSFILTER || name == MCAST_MSFILTER;
  return level == SOL_IPV6 && name == MCAST_MSFILTER;
}

/* Gives the length of the value. */
static napi_value door_getsockopt(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long fd = fd_at(&arguments, 0);
  long level = int_at(&arguments, 1);
  long name = int_at(&arguments, 2);
  struct bytes value = bytes_at(&arguments, 3);
  if (arguments.bad || overruns(level, name)) return number(env, -EINVAL);
  int length = (int)value.length;
  long result = syscall6(__NR_getsockopt, fd, level, name, (long)value.data, (long)&length, 0);
  return number(env, result < 0 ? result : length);
}

/* The option holds a pointer, so it cannot be laid out in TypeScript: 8 bytes an instruction. */
static napi_value attach_program(napi_env env, napi_callback_info info, long option) {
  struct arguments arguments = read_arguments(env, info);
  long fd = fd_at(&arguments, 0);
  struct bytes code = bytes_at(&arguments, 1);
  if (arguments.bad || code.length == 0 || code.length % 8 != 0 || code.length / 8 > UINT16_MAX) {
    return number(env, -EINVAL);
  }
  struct filter_program program = {.count = (unsigned short)(code.length / 8), .instructions = code.data};
  return number(env, syscall6(__NR_setsockopt, fd, SOL_SOCKET, option, (long)&program, sizeof(program), 0));
}

static napi_value door_attach_filter(napi_env env, napi_callback_info info) {
  return attach_program(env, info, SO_ATTACH_FILTER);
}

static napi_value door_attach_selector(napi_env env, napi_callback_info info) {
  return attach_program(env, info, SO_ATTACH_REUSEPORT_CBPF);
}

static napi_value door_send(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long fd = fd_at(&arguments, 0);
  struct bytes bytes = bytes_at(&arguments, 1);
  struct bytes address = bytes_at(&arguments, 2);
  long flags = int_at(&arguments, 3);
  if (arguments.bad) return number(env, -EINVAL);
  return number(env, syscall_again(__NR_sendto, fd, (long)bytes.data, (long)bytes.length, flags,
                                   (long)address.data, (long)address.length));
}

static napi_value door_sendmsg(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long fd = fd_at(&arguments, 0);
  struct bytes bytes = bytes_at(&arguments, 1);
  struct bytes address = bytes_at(&arguments, 2);
  struct bytes control = bytes_at(&arguments, 3);
  long flags = int_at(&arguments, 4);
  if (arguments.bad) return number(env, -EINVAL);
  struct iovec part = {.base = bytes.data, .length = bytes.length};
  struct message message = {
      .name = address.data,
      .name_length = (int)address.length,
      .parts = &part,
      .part_count = 1,
      .control = control.data,
      .control_length = control.length,
  };
  return number(env, syscall_again(__NR_sendmsg, fd, (long)&message, flags, 0, 0, 0));
}

static napi_value door_recv(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long fd = fd_at(&arguments, 0);
  struct bytes bytes = bytes_at(&arguments, 1);
  long flags = int_at(&arguments, 2);
  if (arguments.bad) return number(env, -EINVAL);
  return number(env,
                syscall_again(__NR_recvfrom, fd, (long)bytes.data, (long)bytes.length, flags, 0, 0));
}

enum { NAME_SIZE = 128, CONTROL_SIZE = 256, MAX_SLOTS = 64, LENGTHS_PER_SLOT = 4 };

static napi_value door_recvmmsg(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long fd = fd_at(&arguments, 0);
  struct bytes arena = bytes_at(&arguments, 1);
  size_t payload_size = (size_t)number_at(&arguments, 2, 1, INT32_MAX - NAME_SIZE - CONTROL_SIZE);
  struct bytes array = array_at(&arguments, 3, napi_int32_array);
  if (arguments.bad) return number(env, -EINVAL);

  size_t slot_size = payload_size + NAME_SIZE + CONTROL_SIZE;
  size_t slots = 0;
  /* Counted, not divided: ARMv7 divides in libgcc, which wants raise() from a C library. */
  for (size_t room = arena.length; slots < MAX_SLOTS && room >= slot_size; room -= slot_size) {
    if ((slots + 1) * LENGTHS_PER_SLOT > array.length) break;
    slots++;
  }
  if (slots == 0) return number(env, -EINVAL);

  struct multi_message messages[MAX_SLOTS];
  struct iovec parts[MAX_SLOTS];
  for (size_t slot = 0; slot < slots; slot++) {
    uint8_t *payload = arena.data + slot * slot_size;
    parts[slot].base = payload;
    parts[slot].length = payload_size;
    messages[slot].length = 0;
    messages[slot].header.name = payload + payload_size;
    messages[slot].header.name_length = NAME_SIZE;
    messages[slot].header.parts = &parts[slot];
    messages[slot].header.part_count = 1;
    messages[slot].header.control = payload + payload_size + NAME_SIZE;
    messages[slot].header.control_length = CONTROL_SIZE;
    messages[slot].header.flags = 0;
  }

  long count = syscall_again(__NR_recvmmsg, fd, (long)messages, (long)slots, MSG_DONTWAIT, 0, 0);
  if (count == -EAGAIN) count = 0;
  int32_t *lengths = (int32_t *)(void *)array.data;
  for (long slot = 0; slot < count; slot++) {
    int32_t *of_slot = lengths + slot * LENGTHS_PER_SLOT;
    of_slot[0] = (int32_t)messages[slot].length;
    of_slot[1] = messages[slot].header.name_length;
    of_slot[2] = (int32_t)messages[slot].header.control_length;
    of_slot[3] = (int32_t)messages[slot].header.flags;
  }
  return number(env, count);
}

/* An interface request is 40 bytes whatever its number says, an ARP request 68. */
static napi_value door_ioctl(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long fd = fd_at(&arguments, 0);
  uint32_t request = (uint32_t)number_at(&arguments, 1, 0, UINT32_MAX);
  struct bytes buffer = bytes_at(&arguments, 2);
  size_t needed = (request >> 16) & 0x3fff;
  if (needed < 40) needed = 40;
  if (request >= 0x8953 && request <= 0x8955) needed = 68;
  if (arguments.bad || buffer.length < needed) return number(env, -EINVAL);
  return number(env, syscall6(__NR_ioctl, fd, (long)request, (long)buffer.data, 0, 0, 0));
}

/* ---------------------------------------------------------------------------------- watchers */

/* libuv's stable C ABI, as far as it is used. Every handle begins with its `data` pointer. */
struct uv_handle {
  void *data;
};
enum { UV_POLL = 8, UV_READABLE = 1, UV_WRITABLE = 2 };
extern size_t uv_handle_size(int type);
extern int uv_poll_init(struct uv_loop_s *loop, struct uv_handle *handle, int fd);
extern int uv_poll_start(struct uv_handle *handle, int events,
                         void (*callback)(struct uv_handle *handle, int status, int events));
extern int uv_poll_stop(struct uv_handle *handle);
extern void uv_close(struct uv_handle *handle, void (*callback)(struct uv_handle *handle));

struct watcher {
  struct environment *environment;
  struct watcher *next;
  napi_ref callback;
  uintptr_t id;
  int fd;
  int events;
  bool stopped;
  /* The libuv handle follows, to the end of the page. */
  _Alignas(16) struct uv_handle handle;
};

/* All of one JavaScript environment: the main thread or one worker. */
struct environment {
  napi_env env;
  struct uv_loop_s *loop;
  struct watcher *watchers;
  uintptr_t last_id;
  napi_async_cleanup_hook_handle cleanup;
  bool leaving;
};

static struct environment *environment_of(napi_env env) {
  void *data = NULL;
  napi_get_instance_data(env, &data);
  return data;
}

/* When an environment leaves, it lives until its last watcher is closed. */
static void leave_when_empty(struct environment *environment) {
  if (!environment->leaving || environment->watchers != NULL) return;
  napi_remove_async_cleanup_hook(environment->cleanup);
  give_page_back(environment);
}

static void on_closed(struct uv_handle *handle) {
  struct watcher *watcher = handle->data;
  struct environment *environment = watcher->environment;
  struct watcher **link = &environment->watchers;
  while (*link != watcher) link = &(*link)->next;
  *link = watcher->next;
  give_page_back(watcher);
  leave_when_empty(environment);
}

static void stop(struct watcher *watcher) {
  if (watcher->stopped) return;
  watcher->stopped = true;
  /* A leaving environment frees its references itself, possibly before the handle is closed. */
  if (!watcher->environment->leaving) napi_delete_reference(watcher->environment->env, watcher->callback);
  uv_poll_stop(&watcher->handle);
  uv_close(&watcher->handle, on_closed);
}

static void on_ready(struct uv_handle *handle, int status, int events);

/* Runs the callback; an exception in it is the process's 'uncaughtException', as from any event. */
static void call_back(struct watcher *watcher) {
  napi_env env = watcher->environment->env;
  napi_handle_scope scope;
  napi_value callback, receiver;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  if (napi_get_reference_value(env, watcher->callback, &callback) == napi_ok &&
      napi_get_global(env, &receiver) == napi_ok &&
      napi_make_callback(env, NULL, receiver, callback, 0, NULL, NULL) == napi_pending_exception) {
    bool pending = false;
    napi_value exception;
    if (napi_is_exception_pending(env, &pending) == napi_ok && pending &&
        napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
      napi_fatal_exception(env, exception);
    }
  }
  napi_close_handle_scope(env, scope);
}

static void on_ready(struct uv_handle *handle, int status, int events) {
  struct watcher *watcher = handle->data;
  (void)events;
  if (watcher->stopped || watcher->environment->leaving) return;
  call_back(watcher);
  /*
   * libuv stops polling when the socket has an error pending (ENOBUFS on netlink, ENETDOWN on a link that
   * went away). The callback has just read that error, which clears it, and the socket goes on.
   */
  if (status < 0 && !watcher->stopped) uv_poll_start(&watcher->handle, watcher->events, on_ready);
}

/* The function given to JavaScript knows its watcher by number, so calling it late or twice is harmless. */
static napi_value stop_watching(napi_env env, napi_callback_info info) {
  struct environment *environment = environment_of(env);
  void *id = NULL;
  if (napi_get_cb_info(env, info, NULL, NULL, NULL, &id) != napi_ok) return NULL;
  for (struct watcher *watcher = environment->watchers; watcher != NULL; watcher = watcher->next) {
    if (watcher->id == (uintptr_t)id) stop(watcher);
  }
  return NULL;
}

static napi_value start_watching(napi_env env, napi_callback_info info, int events) {
  struct environment *environment = environment_of(env);
  struct arguments arguments = read_arguments(env, info);
  long fd = fd_at(&arguments, 0);
  napi_valuetype type = napi_undefined;
  napi_value stopper;
  if (arguments.bad || napi_typeof(env, arguments.values[1], &type) != napi_ok || type != napi_function) {
    return number(env, -EINVAL);
  }
  if (offsetof(struct watcher, handle) + uv_handle_size(UV_POLL) > PAGE) return number(env, -ENOMEM);
  struct watcher *watcher = take_page();
  if (watcher == NULL) return number(env, -ENOMEM);
  watcher->environment = environment;
  watcher->id = ++environment->last_id;
  watcher->fd = (int)fd;
  watcher->events = events;

  int failed = uv_poll_init(environment->loop, &watcher->handle, (int)fd);
  if (failed < 0) {
    give_page_back(watcher);
    return number(env, failed);
  }
  /* From here on the loop knows the handle: the page may only be given back by on_closed. */
  watcher->handle.data = watcher;
  watcher->next = environment->watchers;
  environment->watchers = watcher;
  if (napi_create_reference(env, arguments.values[1], 1, &watcher->callback) != napi_ok ||
      napi_create_function(env, NULL, 0, stop_watching, (void *)watcher->id, &stopper) != napi_ok) {
    failed = -ENOMEM;
  } else {
    failed = uv_poll_start(&watcher->handle, watcher->events, on_ready);
  }
  if (failed < 0) {
    stop(watcher);
    return number(env, failed);
  }
  return stopper;
}

static napi_value door_watch(napi_env env, napi_callback_info info) { return start_watching(env, info, UV_READABLE); }

static napi_value door_watch_writable(napi_env env, napi_callback_info info) {
  return start_watching(env, info, UV_WRITABLE);
}

/* Stops a watcher of this thread on the descriptor first: libuv must never poll a number that is reused. */
static napi_value door_close(napi_env env, napi_callback_info info) {
  struct environment *environment = environment_of(env);
  struct arguments arguments = read_arguments(env, info);
  long fd = fd_at(&arguments, 0);
  if (arguments.bad) return number(env, -EINVAL);
  for (struct watcher *watcher = environment->watchers; watcher != NULL; watcher = watcher->next) {
    if (watcher->fd == fd) stop(watcher);
  }
  return number(env, syscall6(__NR_close, fd, 0, 0, 0, 0, 0));
}

static void on_leaving(napi_async_cleanup_hook_handle hook, void *data) {
  struct environment *environment = data;
  environment->cleanup = hook;
  environment->leaving = true;
  for (struct watcher *watcher = environment->watchers; watcher != NULL; watcher = watcher->next) {
    stop(watcher);
  }
  leave_when_empty(environment);
}

/* ---------------------------------------------------------------------------------- time */

static napi_value create_timerfd(napi_env env, long clock) {
  return number(env, syscall6(__NR_timerfd_create, clock, TFD_CLOEXEC | TFD_NONBLOCK, 0, 0, 0, 0));
}

static napi_value door_timerfd_create(napi_env env, napi_callback_info info) {
  (void)info;
  return create_timerfd(env, CLOCK_MONOTONIC);
}

static napi_value door_boot_timerfd_create(napi_env env, napi_callback_info info) {
  (void)info;
  return create_timerfd(env, CLOCK_BOOTTIME);
}

/* Setting a timerfd also forgets earlier expirations, so it is never read: see timerfd_setup in fs/timerfd.c. */
static napi_value door_timerfd_set(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long fd = fd_at(&arguments, 0);
  double at = (double)number_at(&arguments, 1, 0, (int64_t)1 << 52);
  if (arguments.bad) return number(env, -EINVAL);
  /* Uptime in whole seconds fits 32 bits, and doubles need no 64-bit division on small CPUs. */
  if (at / 1e6 >= 4294967295.0) return number(env, -EINVAL);
  uint32_t seconds = (uint32_t)(at / 1e6);
  int32_t nanos = (int32_t)((at - (double)seconds * 1e6) * 1e3);
  struct itimerspec64 setting = {
      .interval = {0, 0},
      .at = {.seconds = seconds, .nanos = nanos},
  };
  return number(env, syscall6(NR_TIMERFD_SETTIME, fd, TFD_TIMER_ABSTIME, (long)&setting, 0, 0, 0));
}

static napi_value read_micros(napi_env env, long clock) {
  struct timespec64 now = {0, 0};
  long result = syscall6(NR_CLOCK_GETTIME, clock, (long)&now, 0, 0, 0, 0);
  if (result < 0) return number(env, result);
  return number(env, (double)now.seconds * 1e6 + (double)((int32_t)now.nanos / 1000));
}

static napi_value door_monotonic_micros(napi_env env, napi_callback_info info) {
  (void)info;
  return read_micros(env, CLOCK_MONOTONIC);
}

static napi_value door_boot_micros(napi_env env, napi_callback_info info) {
  (void)info;
  return read_micros(env, CLOCK_BOOTTIME);
}

/* ---------------------------------------------------------------------------------- this thread, this process */

static napi_value door_setns(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long fd = fd_at(&arguments, 0);
  long kind = int_at(&arguments, 1);
  if (arguments.bad) return number(env, -EINVAL);
  return number(env, syscall6(__NR_setns, fd, kind, 0, 0, 0, 0));
}

static napi_value door_set_scheduler(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long policy = int_at(&arguments, 0);
  int priority = (int)int_at(&arguments, 1);
  if (arguments.bad) return number(env, -EINVAL);
  return number(env, syscall6(__NR_sched_setscheduler, 0, policy, (long)&priority, 0, 0, 0));
}

static napi_value door_set_scheduler_of(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long thread = (long)number_at(&arguments, 0, 1, INT32_MAX);
  long policy = int_at(&arguments, 1);
  int priority = (int)int_at(&arguments, 2);
  if (arguments.bad) return number(env, -EINVAL);
  return number(env, syscall6(__NR_sched_setscheduler, thread, policy, (long)&priority, 0, 0, 0));
}

static napi_value door_set_nice(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long nice = (long)number_at(&arguments, 0, -20, 19);
  if (arguments.bad) return number(env, -EINVAL);
  return number(env, syscall6(__NR_setpriority, PRIO_PROCESS, 0, nice, 0, 0, 0));
}

static napi_value door_mlockall(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long flags = int_at(&arguments, 0);
  if (arguments.bad) return number(env, -EINVAL);
  return number(env, syscall6(__NR_mlockall, flags, 0, 0, 0, 0, 0));
}

static napi_value door_prctl(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long option = int_at(&arguments, 0);
  long values[4];
  for (int index = 0; index < 4; index++) {
    values[index] = (long)number_at(&arguments, index + 1, 0, UINT32_MAX);
  }
  if (arguments.bad) return number(env, -EINVAL);
  return number(env, syscall6(__NR_prctl, option, values[0], values[1], values[2], values[3], 0));
}

/* glibc's (malloc.h); NULL under another C library. */
extern int malloc_trim(size_t pad) __attribute__((weak, visibility("default")));

static napi_value door_trim_heap(napi_env env, napi_callback_info info) {
  (void)info;
  return number(env, malloc_trim == NULL ? 0 : malloc_trim(0));
}

enum {
  AT_FDCWD = -100,
  O_CLOEXEC_ONLY = 02000000,
  AT_PAGESZ = 6,
  MADV_DONTNEED = 4,
  ENTRIES = 512,
};

/* The kernel's own pages, which on some arm64 are larger than ours; 0 if it does not say. */
static uint32_t kernel_page_size(void) {
  unsigned long pairs[64] = {0};
  long fd = syscall6(__NR_openat, AT_FDCWD, (long)"/proc/self/auxv", O_CLOEXEC_ONLY, 0, 0, 0);
  if (fd < 0) return 0;
  long length = syscall_again(__NR_read, fd, (long)pairs, sizeof(pairs), 0, 0, 0);
  syscall6(__NR_close, fd, 0, 0, 0, 0, 0);
  for (size_t at = 0; length > 0 && at + 1 < (size_t)length / sizeof(pairs[0]); at += 2) {
    if (pairs[at] == AT_PAGESZ) return (uint32_t)pairs[at + 1];
  }
  return 0;
}

/* Whether a page is there and is the file's, and no copy that was made to be written to (Documentation/admin-guide/mm/pagemap). */
static bool is_of_file(uint64_t entry) { return (entry >> 63) != 0 && ((entry >> 61) & 1) != 0; }

/*
 * Only pages that are as the file has them are let go, so nothing can be lost: the next access reads them again, from the page cache
 * as a rule. Memory that somebody writes to meanwhile would be another matter; the caller has none of it.
 */
static napi_value door_drop_file_pages(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  int64_t start = number_at(&arguments, 0, 0, (int64_t)1 << 52);
  int64_t length = number_at(&arguments, 1, 0, (int64_t)1 << 32);
  uint32_t size = kernel_page_size();
  if (arguments.bad || size < PAGE || (size & (size - 1)) != 0 || ((start | length) & (size - 1)) != 0) {
    return number(env, -EINVAL);
  }
  uint32_t shift = 0;
  while (((uint32_t)1 << shift) < size) shift++;
  long fd = syscall6(__NR_openat, AT_FDCWD, (long)"/proc/self/pagemap", O_CLOEXEC_ONLY, 0, 0, 0);
  if (fd < 0) return number(env, fd);
  uint64_t entries[ENTRIES];
  uint64_t page = (uint64_t)start >> shift;
  uint64_t end = (uint64_t)(start + length) >> shift;
  long dropped = 0;
  long outcome = 0;
  while (page < end && outcome >= 0) {
    size_t wanted = end - page < ENTRIES ? (size_t)(end - page) : ENTRIES;
#if defined(__arm__)
    /* Its 64-bit arguments begin at an even register. */
    outcome = syscall_again(__NR_pread64, fd, (long)entries, (long)(wanted * 8), 0, (long)(page * 8), 0);
#else
    outcome = syscall_again(__NR_pread64, fd, (long)entries, (long)(wanted * 8), (long)(page * 8), 0, 0);
#endif
    if (outcome < 8) break;
    size_t count = (size_t)outcome / 8;
    for (size_t first = 0; first < count && outcome >= 0;) {
      size_t run = 0;
      while (first + run < count && is_of_file(entries[first + run])) run++;
      if (run > 0) {
        outcome = syscall6(__NR_madvise, (long)((page + first) << shift), (long)(run << shift), MADV_DONTNEED, 0, 0, 0);
        if (outcome >= 0) dropped += (long)run;
      }
      first += run + 1;
    }
    page += count;
  }
  syscall6(__NR_close, fd, 0, 0, 0, 0, 0);
  return number(env, outcome < 0 ? outcome : dropped);
}

/* ---------------------------------------------------------------------------------- bpf(2) */

enum {
  BPF_MAP_CREATE = 0,
  BPF_MAP_LOOKUP_ELEM = 1,
  BPF_MAP_UPDATE_ELEM = 2,
  BPF_MAP_DELETE_ELEM = 3,
  BPF_PROG_LOAD = 5,
  BPF_PROG_TEST_RUN = 10,
  BPF_OBJ_GET_INFO_BY_FD = 15,
  BPF_MAP_LOOKUP_BATCH = 24,
  BPF_MAP_UPDATE_BATCH = 26,
  BPF_LINK_CREATE = 28,
  BPF_LINK_UPDATE = 29,
  BPF_MAP_TYPE_HASH = 1,
  BPF_MAP_TYPE_ARRAY = 2,
  BPF_MAP_TYPE_PROG_ARRAY = 3,
  BPF_MAP_TYPE_LRU_HASH = 9,
  BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
  BPF_XDP = 37,
  BPF_ATTRIBUTES = 80,
  BPF_BUFFERS = 4,
};

/*
 * The commands that pass: exactly how long their part of `union bpf_attr` is, and where in it the kernel expects the
 * addresses of buffers. It writes through them, so which there are and how long they must be is known here.
 */
static const struct bpf_command {
  uint8_t command;
  uint8_t length;
  uint8_t buffers;
  uint8_t offsets[BPF_BUFFERS];
} BPF_COMMANDS[] = {
    {BPF_MAP_CREATE, 48, 0, {0}},
    {BPF_MAP_LOOKUP_ELEM, 32, 2, {8, 16}},
    {BPF_MAP_UPDATE_ELEM, 32, 2, {8, 16}},
    {BPF_MAP_DELETE_ELEM, 32, 1, {8}},
    {BPF_PROG_LOAD, 72, 3, {8, 16, 32}},
    {BPF_PROG_TEST_RUN, 80, 2, {16, 24}},
    {BPF_OBJ_GET_INFO_BY_FD, 16, 1, {8}},
    {BPF_MAP_LOOKUP_BATCH, 56, 4, {0, 8, 16, 24}},
    {BPF_MAP_UPDATE_BATCH, 56, 2, {16, 24}},
    {BPF_LINK_CREATE, 16, 0, {0}},
    {BPF_LINK_UPDATE, 16, 0, {0}},
};

union bpf_attributes {
  uint8_t bytes[BPF_ATTRIBUTES];
  uint32_t words[BPF_ATTRIBUTES / 4];
  uint64_t pointers[BPF_ATTRIBUTES / 8];
};

/* Kinds of map whose elements are as long as they say, which those with a value for each CPU are not. */
static bool says_its_length(uint32_t kind) {
  switch (kind) {
    case BPF_MAP_TYPE_HASH:
    case BPF_MAP_TYPE_ARRAY:
    case BPF_MAP_TYPE_LRU_HASH:
    /* These take descriptors, of programs and of maps; benchmarks use them. */
    case BPF_MAP_TYPE_PROG_ARRAY:
    case BPF_MAP_TYPE_ARRAY_OF_MAPS:
      return true;
    default:
      return false;
  }
}

/* Whether `buffers` (keys, values) hold `count` elements of this map. */
static bool holds_elements(uint32_t map, const struct bytes *keys, const struct bytes *values, uint64_t count) {
  /* The beginning of struct bpf_map_info: type, id, size of keys, size of values. */
  uint32_t info[4] = {0, 0, 0, 0};
  union bpf_attributes query = {.words = {map, sizeof(info)}};
  query.pointers[1] = (uintptr_t)info;
  if (syscall6(__NR_bpf, BPF_OBJ_GET_INFO_BY_FD, (long)&query, 16, 0, 0, 0) < 0) return false;
  if (!says_its_length(info[0])) return false;
  return keys->length >= info[2] * count && (values == NULL || values->length >= info[3] * count);
}

/* Whether the kernel stays within the buffers; sets the lengths that follow from them. */
static bool fits_buffers(long command, union bpf_attributes *attributes, const struct bytes *buffers) {
  uint32_t *words = attributes->words;
  switch (command) {
    case BPF_MAP_LOOKUP_ELEM:
    case BPF_MAP_UPDATE_ELEM:
      return holds_elements(words[0], &buffers[0], &buffers[1], 1);
    case BPF_MAP_DELETE_ELEM:
      return holds_elements(words[0], &buffers[0], NULL, 1);
    case BPF_MAP_UPDATE_BATCH:
      return holds_elements(words[9], &buffers[0], &buffers[1], words[8]);
    case BPF_MAP_LOOKUP_BATCH:
      /* The first two are where the last batch ended and where this one does: a key each. */
      return (buffers[0].length == 0 || holds_elements(words[9], &buffers[0], NULL, 1)) &&
             holds_elements(words[9], &buffers[1], NULL, 1) &&
             holds_elements(words[9], &buffers[2], &buffers[3], words[8]);
    case BPF_PROG_LOAD:
      words[1] = (uint32_t)(buffers[0].length / 8);
      words[7] = (uint32_t)buffers[2].length;
      return buffers[1].length > 0 && buffers[1].data[buffers[1].length - 1] == 0;
    case BPF_PROG_TEST_RUN:
      words[2] = (uint32_t)buffers[0].length;
      words[3] = (uint32_t)buffers[1].length;
      return words[10] == 0 && words[11] == 0 && attributes->pointers[6] == 0 && attributes->pointers[7] == 0;
    case BPF_OBJ_GET_INFO_BY_FD:
      /* What is said of a program holds addresses that the kernel writes to, if they are not 0. */
      for (size_t index = 0; index < buffers[0].length; index++) buffers[0].data[index] = 0;
      words[1] = (uint32_t)buffers[0].length;
      return true;
    case BPF_LINK_CREATE:
      return words[2] == BPF_XDP;
    default:
      return true;
  }
}

/* Reads the array of exactly `count` byte arrays at this argument. */
static void read_buffers(struct arguments *arguments, int index, struct bytes *buffers, uint32_t count) {
  bool is_array = false;
  uint32_t length = 0;
  napi_value list = arguments->values[index];
  if (arguments->bad || napi_is_array(arguments->env, list, &is_array) != napi_ok || !is_array ||
      napi_get_array_length(arguments->env, list, &length) != napi_ok || length != count) {
    arguments->bad = true;
    return;
  }
  struct arguments elements = {.env = arguments->env, .bad = false};
  for (uint32_t at = 0; at < count && !elements.bad; at++) {
    elements.bad = napi_get_element(arguments->env, list, at, &elements.values[at]) != napi_ok;
  }
  /* All are read before the address of one is taken: reading an element may run code that moves another. */
  for (uint32_t at = 0; at < count && !elements.bad; at++) buffers[at] = bytes_at(&elements, (int)at);
  arguments->bad = elements.bad;
}

/* The attributes come back as the kernel left them, but with no address in them. */
static napi_value door_bpf(napi_env env, napi_callback_info info) {
  struct arguments arguments = read_arguments(env, info);
  long number_of_command = int_at(&arguments, 0);
  const struct bpf_command *command = NULL;
  for (size_t index = 0; index < sizeof(BPF_COMMANDS) / sizeof(BPF_COMMANDS[0]); index++) {
    if (BPF_COMMANDS[index].command == number_of_command) command = &BPF_COMMANDS[index];
  }
  struct bytes buffers[BPF_BUFFERS] = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
  if (command != NULL) read_buffers(&arguments, 2, buffers, command->buffers);
  struct bytes given = bytes_at(&arguments, 1);
  if (arguments.bad || command == NULL || given.length != command->length) return number(env, -EINVAL);

  union bpf_attributes attributes = {.bytes = {0}};
  memcpy(attributes.bytes, given.data, given.length);
  for (int index = 0; index < command->buffers; index++) {
    attributes.pointers[command->offsets[index] / 8] = (uintptr_t)buffers[index].data;
  }
  if (!fits_buffers(number_of_command, &attributes, buffers)) return number(env, -EINVAL);
  long result = syscall6(__NR_bpf, number_of_command, (long)&attributes, (long)given.length, 0, 0, 0);
  for (int index = 0; index < command->buffers; index++) attributes.pointers[command->offsets[index] / 8] = 0;
  memcpy(given.data, attributes.bytes, given.length);
  return number(env, result);
}

/* ---------------------------------------------------------------------------------- the module */

static const struct {
  const char *name;
  napi_callback call;
} CALLS[] = {
    {"socket", door_socket},
    {"close", door_close},
    {"bind", door_bind},
    {"listen", door_listen},
    {"accept", door_accept},
    {"connect", door_connect},
    {"getsockname", door_getsockname},
    {"setsockopt", door_setsockopt},
    {"getsockopt", door_getsockopt},
    {"attachFilter", door_attach_filter},
    {"attachSelector", door_attach_selector},
    {"send", door_send},
    {"sendmsg", door_sendmsg},
    {"recv", door_recv},
    {"recvmmsg", door_recvmmsg},
    {"watch", door_watch},
    {"watchWritable", door_watch_writable},
    {"ioctl", door_ioctl},
    {"setns", door_setns},
    {"timerfdCreate", door_timerfd_create},
    {"bootTimerfdCreate", door_boot_timerfd_create},
    {"timerfdSet", door_timerfd_set},
    {"monotonicMicros", door_monotonic_micros},
    {"bootMicros", door_boot_micros},
    {"setScheduler", door_set_scheduler},
    {"setSchedulerOf", door_set_scheduler_of},
    {"setNice", door_set_nice},
    {"mlockall", door_mlockall},
    {"bpf", door_bpf},
    {"prctl", door_prctl},
    {"trimHeap", door_trim_heap},
    {"dropFilePages", door_drop_file_pages},
};

NAPI_MODULE_INIT(/* napi_env env, napi_value exports */) {
  struct environment *environment = take_page();
  if (environment == NULL) return NULL;
  environment->env = env;
  if (napi_get_uv_event_loop(env, &environment->loop) != napi_ok ||
      napi_set_instance_data(env, environment, NULL, NULL) != napi_ok ||
      napi_add_async_cleanup_hook(env, on_leaving, environment, NULL) != napi_ok) {
    return NULL;
  }
  for (size_t index = 0; index < sizeof(CALLS) / sizeof(CALLS[0]); index++) {
    napi_value call;
    if (napi_create_function(env, CALLS[index].name, NAPI_AUTO_LENGTH, CALLS[index].call, NULL, &call) !=
            napi_ok ||
        napi_set_named_property(env, exports, CALLS[index].name, call) != napi_ok) {
      return NULL;
    }
  }
  return exports;
}
