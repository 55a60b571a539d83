/** What one peer is told of routes: over which next hops, how much at a time, and what is left out. */
import type { Instant } from "#base/time";
import type { EncodeContext } from "#core/bgp/message/context";
import { encodeRouteRefresh } from "#core/bgp/message/encode";
import { encodeUpdates } from "#core/bgp/message/encode-update";
import { nextHopsOf } from "#core/bgp/rib-out/next-hops";
import type { Negotiated } from "#core/bgp/session/config";
import type { Channel } from "./channel.ts";
import { nextHopSourceOf } from "./next-hop-source.ts";
import type { BgpSpeakerParts } from "./parts.ts";
import type { Peer } from "./peer.ts";

type Parts = Pick<BgpSpeakerParts, "links" | "tell"> & { readonly peer: Peer };

export class Telling {
  readonly #parts: Parts;
  #leftOut = "[]";

  constructor(parts: Parts) {
    this.#parts = parts;
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

  /** Tells again what leads elsewhere now, and withdraws what leads nowhere any more. */
  nextHops(): void {
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
