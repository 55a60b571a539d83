/**
 * The door to the Linux kernel: the typed face of `door.c`.
 *
 * Every call returns a value >= 0 or a negative errno; nothing here throws once the binary is loaded.
 * Byte arguments are read or written in place. Watchers run on the event loop of the thread that made them.
 */

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** Stops a watcher and forgets its callback; the descriptor stays open. Safe to call twice. */
export type StopWatching = () => void;

export type Door = {
  /** socket(2); the descriptor is close-on-exec and non-blocking. */
  socket(domain: number, type: number, protocol: number): number;
  /** close(2); first stops a watcher of this thread on the descriptor. */
  close(fd: number): number;
  /** bind(2) with a raw `sockaddr`. */
  bind(fd: number, address: Uint8Array): number;
  /** listen(2). */
  listen(fd: number, backlog: number): number;
  /** accept4(2); the new descriptor is close-on-exec and non-blocking. `address` gets who calls, as far as it fits. */
  accept(fd: number, address: Uint8Array): number;
  connect(fd: number, address: Uint8Array): number;
  getsockname(fd: number, address: Uint8Array): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array): number;
  /** getsockopt(2), but for options whose length does not count bytes (SO_GET_FILTER, MCAST_MSFILTER): -EINVAL. */
  getsockopt(fd: number, level: number, name: number, value: Uint8Array): number;
  /** setsockopt(SO_ATTACH_FILTER) with a classic BPF program: 8 bytes an instruction, in host order (struct sock_filter). */
  attachFilter(fd: number, program: Uint8Array): number;
  /**
   * setsockopt(SO_ATTACH_REUSEPORT_CBPF): the same for UDP sockets that share a port (SO_REUSEPORT). For each datagram the program, which
   * sees its payload, gives the number of the socket that gets it, in the order in which they were bound.
   */
  attachSelector(fd: number, program: Uint8Array): number;
  /** sendto(2); an empty `address` means the connected peer. Gives the bytes sent. */
  send(fd: number, bytes: Uint8Array, address: Uint8Array, flags: number): number;
  /** sendmsg(2) with ancillary data (`control` holds complete cmsghdr records; may be empty). */
  sendmsg(fd: number, bytes: Uint8Array, address: Uint8Array, control: Uint8Array, flags: number): number;
  /** recv(2) into `bytes`, for request and answer on netlink. */
  recv(fd: number, bytes: Uint8Array, flags: number): number;
  /**
   * One recvmmsg(2) into a caller-owned arena: slot i occupies `slotSize` bytes at `i * slotSize`, laid out as
   * [payload: payloadSize][name: 128][control: 256]; `lengths` gets 4 numbers a slot: payload, name, control, msg_flags.
   * Gives the number of packets, at most 64, 0 when nothing waits (EAGAIN).
   */
  recvmmsg(fd: number, arena: Uint8Array, payloadSize: number, lengths: Int32Array): number;
  /**
   * Calls back whenever the descriptor is readable or has an error to collect (level-triggered, uv_poll), until
   * stopped. The callback must read it dry, or at least collect the error; what it throws is an uncaught exception.
   * One watcher a descriptor and thread: a second is -EEXIST. A live watcher keeps the event loop alive.
   */
  watch(fd: number, onReadable: () => void): StopWatching | number;
  /** The same for a descriptor that can be written to, such as a socket whose connect(2) has come to an end. */
  watchWritable(fd: number, onWritable: () => void): StopWatching | number;
  /** ioctl(2) with an in/out buffer of at least 40 bytes (struct ifreq), more if the request number says so. */
  ioctl(fd: number, request: number, buffer: Uint8Array): number;
  /** setns(2) for the calling thread. */
  setns(fd: number, kind: number): number;
  /** A timerfd on CLOCK_MONOTONIC, close-on-exec and non-blocking. */
  timerfdCreate(): number;
  /** The same on CLOCK_BOOTTIME. */
  bootTimerfdCreate(): number;
  /** Arms the timer for an absolute time of its clock in microseconds; 0 disarms it. Both make it unreadable: it is never read. */
  timerfdSet(fd: number, atMicros: number): number;
  /** CLOCK_MONOTONIC in microseconds. */
  monotonicMicros(): number;
  /** CLOCK_BOOTTIME in microseconds: it goes on while the machine is suspended. */
  bootMicros(): number;
  /** sched_setscheduler(2) for the calling thread: SCHED_OTHER 0, SCHED_FIFO 1, SCHED_RR 2. */
  setScheduler(policy: number, priority: number): number;
  /** The same for a thread of this process by its number. */
  setSchedulerOf(thread: number, policy: number, priority: number): number;
  /** setpriority(2) of the calling thread, -20..19. */
  setNice(nice: number): number;
  /** mlockall(2). */
  mlockall(flags: number): number;
  /**
   * bpf(2), the commands that the XDP engine needs. `attributes` is that command's part of `union bpf_attr` in exactly
   * its length, without addresses and without the lengths of `buffers`, which are put in here; it comes back as the
   * kernel left it. `buffers` in the order of the union: key and value; instructions, licence (NUL-terminated) and log;
   * data in and out; info; keys and values; to read a batch, where the last one ended, where this one does, keys and
   * values. Anything that the kernel could write beyond is -EINVAL.
   */
  bpf(command: number, attributes: Uint8Array, buffers: readonly Uint8Array[]): number;
  /** prctl(2) with four integer arguments. */
  prctl(option: number, a: number, b: number, c: number, d: number): number;
  /** malloc_trim(3): gives free pages of the C heap back to the system; 1 when there were some, 0 also where glibc is not. */
  trimHeap(): number;
  /**
   * madvise(MADV_DONTNEED) for those pages of a mapping that nobody writes to which are as its file has them: they are read again from there
   * when they are needed. Both in bytes, multiples of a page. Gives how many pages.
   */
  dropFilePages(start: number, length: number): number;
};

/** The binary for this CPU, as the build step writes and the package ships it. */
export const doorPath = (): string =>
  join(import.meta.dirname, "..", "prebuilds", `linux-${process.arch}`, "door.node");

let loaded: Door | undefined;

/** The door, loaded at first use. Throws one clear error when there is no binary for this machine. */
export const openDoor = (): Door => {
  if (loaded !== undefined) return loaded;
  const path = doorPath();
  if (!existsSync(path)) {
    throw new Error(`no kernel door for ${process.platform}-${process.arch} at ${path}: run "npm run build"`);
  }
  loaded = createRequire(import.meta.url)(path) as Door;
  return loaded;
};

/** The symbolic name of an errno (positive or negative), such as `EPERM`; `E<n>` when it has none here. */
export { errnoName } from "./errno.ts";
