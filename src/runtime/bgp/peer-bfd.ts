/** The BFD session beside that of a peer (RFC 5882): when it begins, what it is like, and what it says of the path. */
import { type IpAddress, isLinkLocal } from "#base/address";
import { after, type Duration, type Instant, seconds } from "#base/time";
import type { SessionConfig, SessionPath } from "#core/bfd/config";
import type { PeerEvent } from "#core/bfd/observe";
import type { SessionState } from "#core/bfd/state";
import type { BfdWord } from "#core/bgp/desired";
import type { BgpConnection } from "#drivers/bgp/port";
import { linkOf } from "./next-hop-source.ts";
import type { BgpSpeakerParts } from "./parts.ts";

/** What BFD says: `down` only after it was up. */
export type BfdStatus = "up" | "down" | "admin-down";

type Parts = Pick<BgpSpeakerParts, "bfd" | "links"> & {
  readonly peer: string;
  /** The VRF that the peer is talked to in. */
  readonly vrf: () => string | undefined;
  /** Whether the peer is configured to be several hops away, wherever it is. */
  readonly isDistant: () => boolean;
  readonly onStatus: (status: BfdStatus, now: Instant) => void;
  /** There can be no session. */
  readonly onRefused: (detail: string, now: Instant) => void;
};

/** Where the session runs. */
type Ends = {
  readonly local: IpAddress;
  readonly remote: IpAddress;
  /** Whose network the peer is on; `undefined`: it is behind routers. */
  readonly link: { readonly index: number; readonly name: string } | undefined;
};

/** How long a broken path is taken for broken although nobody speaks of BFD on it any more, without a hold time. */
const WITHOUT_HOLD_TIME = seconds(90);

const placeOf = ({ local, remote, link }: Ends): string => JSON.stringify([local, remote, link?.index]);

export class PeerBfd {
  readonly #parts: Parts;
  #word: BfdWord | undefined;
  #ends: Ends | undefined;
  #status: BfdStatus | undefined;
  #patience: Duration = WITHOUT_HOLD_TIME;
  /** Until when a path that BFD has found broken is taken for broken. */
  #brokenUntil: Instant | undefined;

  constructor(parts: Parts, word: BfdWord | undefined) {
    this.#parts = parts;
    this.#word = word;
  }

  /** How the session is; `undefined`: there is none. */
  get state(): SessionState | undefined {
    return this.#ends === undefined || this.#word === undefined
      ? undefined
      : this.#parts.bfd.state(this.#name);
  }

  /** Whether BFD has found the path broken, so that no session is to come up. */
  isBroken(now: Instant): boolean {
    return this.#brokenUntil !== undefined && now < this.#brokenUntil;
  }

  /** BGP's session is established on this connection. */
  established(connection: BgpConnection, holdTime: Duration, now: Instant): void {
    this.#patience = holdTime === 0 ? WITHOUT_HOLD_TIME : holdTime;
    this.#brokenUntil = undefined;
    const ends = this.#endsOf(connection);
    if (this.#ends !== undefined && placeOf(this.#ends) === placeOf(ends)) return;
    this.leave(now);
    this.#ends = ends;
    this.#begin(now);
  }

  /** What is wanted of BFD now. */
  configure(word: BfdWord | undefined, now: Instant): void {
    const before = this.#word;
    if (JSON.stringify(before) === JSON.stringify(word)) return;
    this.#word = word;
    if (this.#ends === undefined) return;
    const config = this.#config(this.#ends);
    if (config === undefined) {
      this.#parts.bfd.retire(this.#name, now);
      this.#status = undefined;
      this.#brokenUntil = undefined;
    } else if (before === undefined || this.state === undefined) this.#begin(now);
    else this.#parts.bfd.configure(this.#name, config, now);
  }

  /** Ends the session; the peer hears that this is no failure. */
  leave(now: Instant): void {
    if (this.#ends !== undefined) this.#parts.bfd.retire(this.#name, now);
    this.#ends = undefined;
    this.#status = undefined;
    this.#brokenUntil = undefined;
  }

  get #name(): string {
    return `bgp/${this.#parts.peer}`;
  }

  #begin(now: Instant): void {
    const config = this.#ends === undefined ? undefined : this.#config(this.#ends);
    if (config === undefined) return;
    const onState = (_: SessionState, event: PeerEvent | undefined, at: Instant): void =>
      this.#hear(event, at);
    const problems = this.#parts.bfd.add(this.#name, config, { onState }, now);
    if (problems.length > 0) this.#parts.onRefused(problems.join("; "), now);
  }

  #config({ remote, local, link }: Ends): SessionConfig | undefined {
    if (this.#word === undefined) return undefined;
    const { transmitInterval, receiveInterval, detectMultiplier, role, minimumTtl, echo } = this.#word;
    const path: SessionPath =
      link === undefined ? { type: "multihop", minimumHopLimit: minimumTtl } : { type: "single-hop", link };
    return {
      ...{ peer: remote, localAddress: local, path, vrf: this.#parts.vrf(), detectMultiplier, role },
      ...{ desiredMinTxInterval: transmitInterval, requiredMinRxInterval: receiveInterval },
      // Over several hops there is none (RFC 5883 §4).
      echoReceiveInterval: link === undefined ? undefined : echo?.interval,
    };
  }

  /**
   * Over one hop where the peer is on a network of the interface (RFC 5881), over several else (RFC 5883). Also where it is near, but
   * configured as a multihop peer: FRR and BIRD go by that alone.
   */
  #endsOf(connection: BgpConnection): Ends {
    const { local, remote } = connection;
    const link = linkOf(this.#parts, connection);
    const isNear =
      link !== undefined &&
      !this.#parts.isDistant() &&
      (isLinkLocal(remote.address) || this.#parts.links.reaches(link, remote.address));
    return {
      ...{ local: local.address, remote: remote.address },
      link: isNear ? { index: link.index, name: link.name } : undefined,
    };
  }

  #hear(event: PeerEvent | undefined, now: Instant): void {
    if (event?.type === "up") this.#say("up", now);
    // It may not speak BFD any more, or speak it later.
    else if (event?.type === "leaving") this.#say("admin-down", now);
    else if (event?.type === "down" && event.reason !== "leave") this.#say("down", now);
  }

  #say(status: BfdStatus, now: Instant): void {
    const was = this.#status;
    this.#status = status;
    this.#brokenUntil = status === "down" && was === "up" ? after(now, this.#patience) : undefined;
    if (status !== was) this.#parts.onStatus(status, now);
  }
}
