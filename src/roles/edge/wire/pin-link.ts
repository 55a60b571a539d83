/**
 * The link on which two edges tell each other their pins: opened when it is needed, again when it is silent for long or
 * its secret has changed, and sealed where there is a secret.
 */
import type { IpAddress } from "#base/address";
import { between, type Duration, type Instant, seconds } from "#base/time";
import {
  decodePinDatagram,
  encodePinDatagram,
  type PinDatagram,
  type PinDecodeError,
} from "#core/pin-sync/packet";
import { createSeal, isSealed, type Seal, type UnsealReason } from "#core/pin-sync/seal";
import type { DatagramPort, DatagramSocket } from "#drivers/datagram/port";
import type { Secret } from "#drivers/files/secret";
import type { Clock } from "#runtime/deadlines";

/** Pause between two looks at the file with the secret. */
const SECRET_PERIOD: Duration = seconds(10);
const PURPOSE = "steelyard pin sync";

/** A way to the other edge. */
export type PinPath = {
  readonly interface: string;
  readonly address: IpAddress;
  readonly peer: IpAddress;
  readonly port: number;
  /** `undefined`: nothing is sealed. */
  readonly secretFile: string | undefined;
};

/** Why what came was not read; `sealed`: by somebody who has a secret, while we have none. */
export type LinkRefusal = PinDecodeError | UnsealReason | "sealed";

export type PinLink = {
  readonly isOpen: boolean;
  /** When it was opened last. */
  readonly openedAt: Instant;
  /** Opens this way; gives why it cannot. */
  open(path: PinPath, now: Instant): string | undefined;
  /** Whether the file with the secret is another than when it was opened. Looks at it now and then only. */
  isOutdated(now: Instant): boolean;
  send(datagram: PinDatagram): void;
  close(): void;
};

type Parts = {
  readonly datagrams: DatagramPort;
  readonly clock: Pick<Clock, "now">;
  /** The secret in a file, or why there is none. */
  readonly readSecret: (path: string, purpose: string) => Secret | string;
  /** Eight random bytes. */
  readonly nonce: () => Uint8Array;
  readonly onDatagram: (datagram: PinDatagram) => void;
  readonly onRefused: (reason: LinkRefusal) => void;
};

class SocketLink implements PinLink {
  readonly #parts: Parts;
  #socket: DatagramSocket | undefined;
  #seal: Seal | undefined;
  #secret: { readonly file: string; readonly version: string; readonly lookedAt: Instant } | undefined;
  openedAt: Instant;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.openedAt = parts.clock.now();
  }

  get isOpen(): boolean {
    return this.#socket !== undefined;
  }

  open(path: PinPath, now: Instant): string | undefined {
    this.close();
    const { secretFile, ...way } = path;
    if (secretFile !== undefined) {
      const secret = this.#parts.readSecret(secretFile, PURPOSE);
      if (typeof secret === "string") return `${secretFile} ${secret}`;
      this.#secret = { file: secretFile, version: secret.version, lookedAt: now };
      this.#seal = createSeal({ sign: secret.sign, nonce: this.#parts.nonce });
    }
    const socket = this.#parts.datagrams.open(way, this.#receive);
    if (typeof socket === "string") return socket;
    this.#socket = socket;
    this.openedAt = now;
    return undefined;
  }

  isOutdated(now: Instant): boolean {
    const known = this.#secret;
    if (known === undefined || between(known.lookedAt, now) < SECRET_PERIOD) return false;
    this.#secret = { ...known, lookedAt: now };
    const secret = this.#parts.readSecret(known.file, PURPOSE);
    return typeof secret === "string" || secret.version !== known.version;
  }

  send(datagram: PinDatagram): void {
    const bytes = encodePinDatagram(datagram);
    this.#socket?.send(this.#seal === undefined ? bytes : this.#seal.close(bytes, this.#parts.clock.now()));
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
    this.#seal = undefined;
    this.#secret = undefined;
  }

  readonly #receive = (bytes: Uint8Array): void => {
    if (this.#socket === undefined) return;
    const { onDatagram, onRefused, clock } = this.#parts;
    if (this.#seal === undefined && isSealed(bytes)) {
      onRefused("sealed");
      return;
    }
    const opened = this.#seal?.open(bytes, clock.now());
    if (opened?.ok === false) {
      onRefused(opened.reason);
      return;
    }
    const datagram = decodePinDatagram(opened === undefined ? bytes : opened.value);
    if (datagram.ok) onDatagram(datagram.value);
    else onRefused(datagram.reason);
  };
}

/** Closed until it is opened. */
export const createPinLink = (parts: Parts): PinLink => new SocketLink(parts);
