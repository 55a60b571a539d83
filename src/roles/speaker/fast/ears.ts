/** The responder's sockets: one for each link and family that it listens on, opened again when they die with their link. */
import type { IpAddress, IpFamily } from "#base/address";
import { after, type Instant, seconds } from "#base/time";
import type { Frame } from "#core/announce/frames";
import type { Effect } from "#core/responder/effects";
import type { PacketError, PacketLink } from "#drivers/packet/port";
import type { HeardFrame, ResponderPort, ResponderSocket } from "#drivers/packet/responder-port";
import type { Deadlines } from "#runtime/deadlines";

export type EarsParts = {
  readonly packets: ResponderPort;
  readonly deadlines: Deadlines;
  readonly now: () => Instant;
  /** The name of a link; `undefined` when it is gone. */
  readonly nameOf: (linkIndex: number) => string | undefined;
  readonly onFrame: (linkIndex: number, family: IpFamily, frame: HeardFrame) => void;
  readonly count: (what: string) => void;
};

type Ear = {
  readonly linkIndex: number;
  readonly family: IpFamily;
  addresses: ReadonlySet<IpAddress>;
  socket: ResponderSocket | undefined;
  /** Whether the socket was not told of all addresses. */
  isDeaf: boolean;
};

type Listen = Extract<Effect, { readonly type: "listen" }>;

const RETRY = seconds(1);

export class Ears {
  readonly #parts: EarsParts;
  readonly #ears = new Map<string, Ear>();

  constructor(parts: EarsParts) {
    this.#parts = parts;
  }

  /**
   * Listens on a link for exactly these addresses from now on; without any, not at all. `added`: these alone are new since the last time,
   * and none is gone.
   */
  listen({ linkIndex, family, addresses, added }: Listen): void {
    const key = `${linkIndex} ${family}`;
    const ear = this.#ears.get(key) ?? { linkIndex, family, addresses, socket: undefined, isDeaf: false };
    if (addresses.size === 0) {
      ear.socket?.close();
      this.#ears.delete(key);
      return;
    }
    ear.addresses = addresses;
    this.#ears.set(key, ear);
    this.#open(ear, added);
  }

  /** Sends a frame from a link. */
  send(linkIndex: number, family: IpFamily, frame: Frame): void {
    const ear = this.#ears.get(`${linkIndex} ${family}`);
    const sent = ear?.socket?.send(frame);
    if (ear === undefined || sent === undefined || sent.ok) return;
    this.#refused(sent.error);
    // A socket does not outlive its link.
    if (sent.error.code === "ENODEV" || sent.error.code === "ENXIO") this.#lost(ear);
  }

  /** Reads what is queued: call it before anything is concluded from silence. */
  drain(): void {
    for (const { socket } of this.#ears.values()) socket?.drain();
  }

  close(): void {
    for (const { socket } of this.#ears.values()) socket?.close();
    this.#ears.clear();
    this.#parts.deadlines.set("ears", undefined, this.#onRetry);
  }

  #open(ear: Ear, added?: readonly IpAddress[]): void {
    const { linkIndex, family } = ear;
    const isKnown = ear.socket !== undefined;
    const name = this.#parts.nameOf(linkIndex);
    if (ear.socket === undefined && name !== undefined) {
      const link: PacketLink = { index: linkIndex, name };
      const opened = this.#parts.packets.openResponder({
        ...{ link, family },
        onFrame: (frame) => this.#parts.onFrame(linkIndex, family, frame),
        onError: (error) => {
          this.#refused(error);
          this.#lost(ear);
        },
      });
      if (opened.ok) ear.socket = opened.value;
      else this.#refused(opened.error);
    }
    const listening =
      added !== undefined && isKnown && !ear.isDeaf
        ? ear.socket?.listenToo(added)
        : ear.socket?.listen(ear.addresses);
    // What it was not told of it must be told with the rest.
    ear.isDeaf = listening?.ok !== true;
    if (listening?.ok === false) this.#refused(listening.error);
    if (listening?.ok !== true) this.#retry();
  }

  #lost(ear: Ear): void {
    ear.socket?.close();
    ear.socket = undefined;
    this.#retry();
  }

  #refused({ operation, code }: PacketError): void {
    this.#parts.count(`responder ${operation}: ${code}`);
  }

  #retry(): void {
    this.#parts.deadlines.set("ears", after(this.#parts.now(), RETRY), this.#onRetry);
  }

  readonly #onRetry = (): void => {
    for (const ear of this.#ears.values()) if (ear.socket === undefined || ear.isDeaf) this.#open(ear);
  };
}
