/**
 * Who else changes nftables: a socket in the kernel's group for that.
 *
 * While anybody listens, the kernel makes a message of its own for each element of a transaction, before it hands any
 * over: some 7 KB each for a moment (measured: 200,000 elements took 1.5 GB and 1.8 s instead of 0.14 GB and 0.7 s). So
 * it does not listen to our own transactions, nor on small machines, nor any more once it was told more than it can
 * hold. What it has not heard of is found by comparing the tables.
 */
import { constants, totalmem } from "node:os";
import { AF_NETLINK } from "#core/netlink/constants";
import { writeHostU16, writeHostU32 } from "#core/netlink/host-order";
import { decodeMessages } from "#core/netlink/message";
import { decodeNotice } from "#core/nftables/nfnetlink";
import type { Door, StopWatching } from "#native/door";

const SOCK_RAW = 3;
const NETLINK_NETFILTER = 12;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_DROP_MEMBERSHIP = 2;
const NFNLGRP_NFTABLES = 7;
/** Least memory of a machine on which it listens. */
const LEAST_MEMORY = 2 * 2 ** 30;

/** What was heard since the last question. */
export type Testimony = {
  /** Whether nothing can have been missed. */
  readonly complete: boolean;
  /** Whether somebody has changed something in our tables. */
  readonly touched: boolean;
  /** Who did so last, as `NAME (pid N)`. */
  readonly by?: string;
};

export class Witness {
  readonly #door: Door;
  #fd: number | undefined;
  readonly #buffer = new Uint8Array(65_536);
  #listening = false;
  #onHeard: (() => void) | undefined;
  #stop: StopWatching | undefined;

  constructor(door: Door, memory = totalmem()) {
    this.#door = door;
    if (memory < LEAST_MEMORY) return;
    const fd = door.socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
    if (fd < 0) return;
    const address = new Uint8Array(12);
    writeHostU16(address, 0, AF_NETLINK);
    if (door.bind(fd, address) < 0) door.close(fd);
    else this.#fd = fd;
  }

  /** Listens from now on. */
  listen(): void {
    this.#listening = this.#setMembership(NETLINK_ADD_MEMBERSHIP);
  }

  /** Listens no more; what it has heard can still be asked for. */
  pause(): void {
    if (this.#listening) this.#setMembership(NETLINK_DROP_MEMBERSHIP);
    this.#listening = false;
  }

  /** Calls back when it has heard something, once until it is asked what. */
  watch(onHeard: () => void): void {
    this.#onHeard = onHeard;
    this.#arm();
  }

  /** What it has heard since it was asked last or began to listen. */
  ask(): Testimony {
    const testimony = this.#read();
    this.#arm();
    return testimony;
  }

  #read(): Testimony {
    let testimony: Testimony = { complete: this.#listening, touched: false };
    let touched = false;
    while (this.#fd !== undefined) {
      const length = this.#door.recv(this.#fd, this.#buffer, 0);
      if (length === -constants.errno.EINTR) continue;
      if (length === -constants.errno.ENOBUFS) {
        this.close();
        return { ...testimony, complete: false };
      }
      if (length <= 0) break;
      const messages = decodeMessages(this.#buffer.subarray(0, length));
      for (const message of messages.ok ? messages.value : []) {
        const notice = decodeNotice(message);
        if (!notice.ok) continue;
        if (notice.value.type === "change") touched ||= notice.value.ours;
        else if (touched) {
          const { by } = notice.value;
          testimony = { ...testimony, touched, ...(by === undefined ? {} : { by }) };
          touched = false;
        }
      }
    }
    return testimony;
  }

  close(): void {
    this.#disarm();
    if (this.#fd !== undefined) this.#door.close(this.#fd);
    this.#fd = undefined;
    this.#listening = false;
  }

  #arm(): void {
    if (this.#fd === undefined || this.#onHeard === undefined || this.#stop !== undefined) return;
    const watching = this.#door.watch(this.#fd, () => {
      // It stays readable until somebody asks, which may be a while.
      this.#disarm();
      this.#onHeard?.();
    });
    if (typeof watching === "function") this.#stop = watching;
  }

  #disarm(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #setMembership(option: number): boolean {
    if (this.#fd === undefined) return false;
    const group = new Uint8Array(4);
    writeHostU32(group, 0, NFNLGRP_NFTABLES);
    return this.#door.setsockopt(this.#fd, SOL_NETLINK, option, group) >= 0;
  }
}
