/** The BFD session beside that of a peer (RFC 5882): when it begins, what it is like, and what it says of the path. */
import { type IpAddress, isLinkLocal } from "#base/address";
import { after, type Duration, type Instant, seconds } from "#base/time";
import type { SessionConfig, SessionPath } from "#core/bfd/config";
import type { LeftSession } from "#core/bfd/legacy-words";
import type { PeerEvent } from "#core/bfd/observe";
import type { SessionState } from "#core/bfd/state";
import type { BfdWord } from "#core/bgp/desired";
import type { BgpConnection } from "#drivers/bgp/port";
import { linkOf } from "./next-hop-source.ts";
import type { BgpSpeakerParts } from "./parts.ts";

/** What BFD says: `down` only after it was up. */
export type BfdStatus = "up" | "down" | "admin-down";

type Parts = Pick<BgpSpeakerParts, "bfd" | "links" | "left"> & {
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
  /** Since when the session is one of an earlier run that nobody has answered yet. */
  #succeededAt: Instant | undefined;

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

  /** Has the peer miss us only after so long a silence: a run that comes after this one is to go on with the session. */
  prolong(silence: Duration, now: Instant): void {
    if (this.#status === "up") this.#parts.bfd.prolong(this.#name, silence, now);
  }

  /** Whether the session could be left to the next run now, or there is none. */
  get mayBeLeft(): boolean {
    return this.#status !== "up" || this.#parts.bfd.legacy(this.#name) !== undefined;
  }

  /** Ends the session without a word and gives what is left of it; says farewell if it cannot be left. */
  bequeath(now: Instant): LeftSession | undefined {
    const legacy = this.#status === "up" ? this.#parts.bfd.legacy(this.#name) : undefined;
    const ends = this.#ends;
    if (legacy === undefined || ends === undefined) {
      this.leave(now);
      return undefined;
    }
    this.#parts.bfd.remove(this.#name);
    this.#ends = undefined;
    this.#status = undefined;
    return { ...this.#placeOf(ends), legacy };
  }

  #placeOf({ local, remote, link }: Ends): Omit<LeftSession, "legacy"> {
    return { localAddress: local, peer: remote, linkIndex: link?.index, vrf: this.#parts.vrf() };
  }

  get #name(): string {
    return `bgp/${this.#parts.peer}`;
  }

  #begin(now: Instant): void {
    const ends = this.#ends;
    const config = ends === undefined ? undefined : this.#config(ends);
    if (ends === undefined || config === undefined) return;
    const legacy = this.#parts.left.take(this.#placeOf(ends), now);
    this.#succeededAt = legacy === undefined ? undefined : now;
    const onState = (state: SessionState, event: PeerEvent | undefined, at: Instant): void =>
      this.#hear(this.#confirmed(state, event), at);
    const problems = this.#parts.bfd.add(this.#name, config, { onState, legacy }, now);
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

  /**
   * A session of an earlier run is up for us once the peer has been heard in it. If it is found to be down first, the peer had given it up
   * before, as one does that ends BFD with BGP's session: that says nothing of the path.
   */
  #confirmed({ name, heardAt }: SessionState, event: PeerEvent | undefined): PeerEvent | undefined {
    const since = this.#succeededAt;
    if (since === undefined || (event === undefined && (name !== "up" || heardAt <= since))) return event;
    this.#succeededAt = undefined;
    if (event === undefined) return { type: "up" };
    return event.type === "down" ? undefined : event;
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
