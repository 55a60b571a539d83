/** What one peer is told of routes: over which next hops, how much at a time, and what is left out. */
import type { IpFamily } from "#base/address";
import { after, type Instant, seconds } from "#base/time";
import type { EncodeContext } from "#core/bgp/message/context";
import { encodeRouteRefresh } from "#core/bgp/message/encode";
import { encodeUpdates } from "#core/bgp/message/encode-update";
import { nextHopsOf } from "#core/bgp/rib-out/next-hops";
import type { Negotiated } from "#core/bgp/session/config";
import type { Channel } from "./channel.ts";
import { nextHopSourceOf } from "./next-hop-source.ts";
import type { BgpSpeakerParts } from "./parts.ts";
import type { Peer } from "./peer.ts";

type Parts = Pick<BgpSpeakerParts, "links" | "tell" | "deadlines"> & {
  readonly peer: Peer;
  /** There may be something to be sent. */
  readonly onWork: (peer: Peer) => void;
};

/** All routes are told again no more often, however often a peer asks: they may be ten thousand. */
const REFRESH_PAUSE = seconds(5);

export class Telling {
  readonly #parts: Parts;
  readonly #timerId: string;
  #leftOut = "[]";
  /** Next hops may be others than were told. */
  #hasMoved = false;
  /** Families whose routes the peer wants to hear again. */
  readonly #asked = new Set<IpFamily>();
  #refreshed: Instant | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#timerId = `bgp refresh ${parts.peer.name}`;
  }

  /** The session is established. */
  begin({ connection }: Channel, negotiated: Negotiated): void {
    const { peer } = this.#parts;
    const source = nextHopSourceOf(this.#parts, connection, negotiated.hasExtendedNextHop);
    peer.rib.up({
      ...{ negotiated, localAsn: peer.word.localAsn, shownGlobalAsn: undefined },
      nextHops: nextHopsOf(source),
    });
  }

  /** The session is over. */
  end(): void {
    this.#hasMoved = false;
    this.#asked.clear();
    this.#refreshed = undefined;
    this.#parts.deadlines.set(this.#timerId, undefined, this.#onTimer);
  }

  /** Addresses of this machine may be others: what leads elsewhere now is told again, soon. */
  moved(): void {
    this.#hasMoved = true;
    this.#parts.onWork(this.#parts.peer);
  }

  /** The peer has asked for all routes of a family again. */
  refresh(family: IpFamily): void {
    this.#asked.add(family);
    this.#parts.onWork(this.#parts.peer);
  }

  /** Begins what was asked for since it was last called. It looks at every route, so it is for one peer in a turn. */
  settle(now: Instant): void {
    if (this.#hasMoved) this.#redirect();
    if (this.#asked.size === 0) return;
    const due = this.#refreshed === undefined ? now : after(this.#refreshed, REFRESH_PAUSE);
    if (due > now) {
      this.#parts.deadlines.set(this.#timerId, due, this.#onTimer);
      return;
    }
    this.#refreshed = now;
    for (const family of this.#asked) this.#parts.peer.rib.refresh(family);
    this.#asked.clear();
  }

  readonly #onTimer = (): void => this.#parts.onWork(this.#parts.peer);

  /** Tells again what leads elsewhere now, and withdraws what leads nowhere any more. */
  #redirect(): void {
    this.#hasMoved = false;
    const { peer } = this.#parts;
    const { channel, negotiated } = peer;
    if (channel === undefined || negotiated === undefined) return;
    peer.rib.redirect(
      nextHopsOf(nextHopSourceOf(this.#parts, channel.connection, negotiated.hasExtendedNextHop)),
    );
  }

  /** Says what is left out, if that is another thing than before. */
  leftOut(now: Instant): void {
    const { peer, tell } = this.#parts;
    const { leftOut } = peer.rib.counts;
    const text = JSON.stringify(leftOut);
    if (text === this.#leftOut) return;
    this.#leftOut = text;
    tell({ type: "left-out", peer: peer.name, leftOut }, now);
  }
}

/** Prefixes that are taken at once; between two times it is looked at the clock, and at what the peer takes. */
const PREFIXES_AT_ONCE = 128;

/** Sends some of what a peer is to be told; gives whether more can be sent at once. */
export const sendSome = (peer: Peer): boolean => {
  const { channel, negotiated, rib, word } = peer;
  // What waits here can still be decided anew; what was written cannot.
  if (channel === undefined || negotiated === undefined || rib.pending === 0 || channel.waiting() > 0)
    return false;
  const { hasFourOctetAsn, hasExtendedNextHop } = negotiated;
  const context: EncodeContext = { hasFourOctetAsn, hasExtendedNextHop, multiprotocol: word.multiprotocol };
  for (const outgoing of rib.take(PREFIXES_AT_ONCE)) {
    if (outgoing.type === "route-refresh") {
      channel.sendBytes(encodeRouteRefresh(outgoing));
      peer.counters.sent("route-refresh");
      continue;
    }
    for (const bytes of encodeUpdates(outgoing, context)) {
      channel.sendBytes(bytes);
      peer.counters.sent("update");
    }
  }
  return rib.pending > 0 && channel.waiting() === 0;
};
