/** What is heard in answer to questions: everything on the wire is a stranger's, so it is bounded, checked and counted. */
import type { IpAddress, IpFamily } from "#base/address";
import type { Instant } from "#base/time";
import type { Input } from "#core/reachability/machine";
import { TokenBucket } from "#core/responder/limits";
import { looksLikeQuestion, readFrame } from "#core/responder/reading";
import { decodeRefusal } from "#core/tcp/refusal";
import { decode, type Flow } from "#core/tcp/segment";
import type { HeardFrame } from "#drivers/packet/responder-port";

/** A handshake that this node began. */
export type Attempt = { readonly flow: Flow; readonly sequence: number };

/** Whether both are the same handshake: who answers knows the sequence only if it has seen the segment. */
export const isSameAttempt = (one: Attempt, other: Attempt): boolean =>
  one.sequence === other.sequence &&
  one.flow.source === other.flow.source &&
  one.flow.destination === other.flow.destination &&
  one.flow.sourcePort === other.flow.sourcePort &&
  one.flow.destinationPort === other.flow.destinationPort;

/** Answers and announcements that are read in a second; a node that takes over sends 8,000 for its addresses. */
const MOST_PER_SECOND = 20_000;

/** A word about an address. */
export type HeardWord = {
  readonly address: IpAddress;
  readonly input: Extract<Input, { type: "answer" | "announced" }>;
};

/** A word about a handshake. */
export type HeardSegment = { readonly attempt: Attempt; readonly kind: "syn-ack" | "reset" };

/** Seen from our side: it came from the address. */
const reversed = ({ source, destination, sourcePort, destinationPort }: Flow): Flow => ({
  ...{ source: destination, destination: source },
  ...{ sourcePort: destinationPort, destinationPort: sourcePort },
});

export class Hearing {
  readonly #count: (what: string) => void;
  readonly #frames = new TokenBucket(MOST_PER_SECOND);
  readonly #segments = new TokenBucket(MOST_PER_SECOND);

  constructor(count: (what: string) => void) {
    this.#count = count;
  }

  /** Who says by ARP or Neighbour Discovery that it has an address; `undefined` if nobody does. */
  frame(family: IpFamily, frame: HeardFrame, now: Instant): HeardWord | undefined {
    if (looksLikeQuestion(family, frame)) return undefined;
    if (!this.#frames.take(now)) return this.#dropped("an answer", "too many");
    const reading = readFrame(family, frame);
    if (!reading.ok) return this.#dropped("an answer", reading.reason);
    const { claim } = reading.value;
    if (claim?.evidence !== "answer" && claim?.evidence !== "announcement") return undefined;
    const { address, mac, evidence } = claim;
    return { address, input: { type: evidence === "answer" ? "answer" : "announced", mac } };
  }

  /** What is said of a handshake; `undefined` if nothing is. */
  segment(packet: Uint8Array, now: Instant): HeardSegment | undefined {
    if (!this.#segments.take(now)) return this.#dropped("a segment", "too many");
    const segment = decode(packet);
    if (segment.ok) {
      const { kind, acknowledges } = segment.value;
      if (kind === "other") return undefined;
      return { attempt: { flow: reversed(segment.value), sequence: (acknowledges - 1) >>> 0 }, kind };
    }
    const refusal = decodeRefusal(packet);
    if (!refusal.ok) return this.#dropped("a segment", segment.reason);
    const { sequence, ...flow } = refusal.value;
    return { attempt: { flow, sequence }, kind: "reset" };
  }

  #dropped(what: string, reason: string): undefined {
    this.#count(`prober dropped ${what}: ${reason}`);
    return undefined;
  }
}
