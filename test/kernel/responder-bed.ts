/** A node that runs a responder on real sockets, in a namespace of its own, and hosts that ask it. Needs root. */
import assert from "node:assert/strict";
import { addressBytes, type IpAddress } from "#base/address";
import { type Instant, instant } from "#base/time";
import { type Assignment, DEFAULTS, type NodeLink, type ResponderConfig } from "#core/responder/config";
import type { Effect } from "#core/responder/effects";
import { Responder } from "#core/responder/responder";
import { openNetlink } from "#drivers/netlink/linux";
import type { NetlinkPort } from "#drivers/netlink/port";
import { openResponderPort } from "#drivers/packet/linux-responder";
import type { Listening, ResponderSocket } from "#drivers/packet/responder-port";
import { openDoor } from "#native/door";
import { type Namespaces, within } from "./namespaces.ts";

const door = openDoor();
const port = openResponderPort(door);

type Told = Exclude<Effect, { type: "send" } | { type: "listen" }>;

/** A responder with its sockets, as a role would wire it. */
export class NodeWire {
  readonly responder: Responder;
  readonly told: Told[] = [];
  readonly errors: string[] = [];
  readonly listening = new Map<string, Listening>();
  readonly #namespace: string;
  readonly #netlink: NetlinkPort;
  readonly #sockets = new Map<string, ResponderSocket>();
  #timer: NodeJS.Timeout | undefined;
  #stop: () => void = () => undefined;

  constructor(namespaces: Namespaces, host: string, config: Partial<ResponderConfig> = {}) {
    this.#namespace = namespaces.name(host);
    this.responder = new Responder({ ...DEFAULTS, nonce: 0x0bad_cafe, ...config });
    const opened = within(this.#namespace, () => openNetlink());
    assert.ok(opened.ok);
    this.#netlink = opened.value;
    const subscribed = within(this.#namespace, () => this.#netlink.subscribe(() => this.readLinks()));
    assert.ok(subscribed.ok);
    this.#stop = subscribed.value;
    this.readLinks();
  }

  now(): Instant {
    return instant(door.monotonicMicros());
  }

  /** What the kernel says of links now. */
  readLinks(): void {
    const links = this.#netlink.links();
    const addresses = this.#netlink.addresses();
    if (!links.ok || !addresses.ok) return;
    const nodeLinks: readonly NodeLink[] = links.value.map((link) => ({
      link,
      router: false,
      addresses: addresses.value.filter(({ linkIndex }) => linkIndex === link.index),
    }));
    this.perform(this.responder.setLinks(nodeLinks, this.now()));
  }

  assign(...assignments: readonly Assignment[]): void {
    this.perform(this.responder.assign(assignments, this.now()));
  }

  hold(...addresses: readonly IpAddress[]): void {
    this.assign(
      ...addresses.map((address) => ({
        ...({ address, stance: "holding", interfaces: "all", answers: "responder" } as const),
      })),
    );
  }

  /** Does what is asked, as a role does. */
  perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === "listen") this.#listen(effect);
      else if (effect.type === "send") {
        const socket = this.#sockets.get(`${effect.linkIndex} ${effect.family}`);
        const sent = socket?.send(effect.frame);
        if (sent?.ok !== true) this.errors.push(sent === undefined ? "no socket" : sent.error.code);
      } else this.told.push(effect);
    }
    clearTimeout(this.#timer);
    const at = this.responder.deadline();
    if (at === undefined) return;
    this.#timer = setTimeout(
      () => this.perform(this.responder.timer(this.now())),
      Math.max(0, Math.ceil((at - this.now()) / 1_000)),
    );
  }

  #listen({ linkIndex, family, addresses }: Extract<Effect, { type: "listen" }>): void {
    const key = `${linkIndex} ${family}`;
    if (addresses.size === 0) {
      this.#sockets.get(key)?.close();
      this.#sockets.delete(key);
      return;
    }
    within(this.#namespace, () => {
      let socket = this.#sockets.get(key);
      if (socket === undefined) {
        const opened = port.openResponder({
          link: { index: linkIndex, name: `link ${linkIndex}` },
          family,
          onFrame: (frame) => this.perform(this.responder.hear(linkIndex, family, frame, this.now())),
          onError: ({ code }) => this.errors.push(code),
        });
        assert.ok(opened.ok);
        socket = opened.value;
        this.#sockets.set(key, socket);
      }
      const listening = socket.listen(addresses);
      assert.ok(listening.ok);
      this.listening.set(key, listening.value);
    });
  }

  /** The process is gone, as if it were killed. */
  close(): void {
    clearTimeout(this.#timer);
    this.#stop();
    this.#netlink.close();
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }
}

/** Every frame that arrives at or leaves an interface, in hexadecimal from its Ethernet header on. */
export class Tap {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(2_048);

  constructor(namespaces: Namespaces, host: string, device: string) {
    this.#fd = within(namespaces.name(host), () => {
      const fd = door.socket(17, 3, 0);
      // SO_RCVBUFFORCE: what a thousand addresses cause at once.
      assert.equal(door.setsockopt(fd, 1, 33, new Uint8Array(Int32Array.of(1 << 23).buffer)), 0);
      const address = new Uint8Array(20);
      const view = new DataView(address.buffer);
      view.setUint16(0, 17, true);
      view.setUint16(2, 3);
      view.setInt32(4, indexOf(namespaces, host, device), true);
      assert.equal(door.bind(fd, address), 0);
      return fd;
    });
  }

  /** Frames that have passed since this was asked last. */
  take(): readonly string[] {
    const frames: string[] = [];
    for (;;) {
      const length = door.recv(this.#fd, this.#buffer, 0);
      if (length <= 0) return frames;
      frames.push(Buffer.from(this.#buffer.subarray(0, length)).toString("hex"));
    }
  }

  send(hex: string): boolean {
    return door.send(this.#fd, Buffer.from(hex, "hex"), new Uint8Array(0), 0) > 0;
  }

  close(): void {
    door.close(this.#fd);
  }
}

/** The number of an interface. */
const indexOf = (namespaces: Namespaces, host: string, device: string): number =>
  Number.parseInt(namespaces.ip(host, `-o link show ${device}`), 10);

/** Sends a datagram, so that the host's kernel has to find out where the address is. */
export const useAddress = (namespaces: Namespaces, host: string, address: IpAddress): void => {
  within(namespaces.name(host), () => {
    const isIpv4 = !address.includes(":");
    const fd = door.socket(isIpv4 ? 2 : 10, 2, 0);
    const bytes = addressBytes(address);
    const sockaddr = new Uint8Array(isIpv4 ? 16 : 28);
    const view = new DataView(sockaddr.buffer);
    view.setUint16(0, isIpv4 ? 2 : 10, true);
    view.setUint16(2, 9);
    sockaddr.set(bytes, isIpv4 ? 4 : 8);
    door.send(fd, Uint8Array.of(1), sockaddr, 0);
    door.close(fd);
  });
};

/** What a host's kernel knows of an address: the MAC address and the state, or "". */
export const neighbourOf = (namespaces: Namespaces, host: string, address: IpAddress): string =>
  namespaces.ip(host, `neigh show ${address}`).trim();
