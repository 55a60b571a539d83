/** What is done about frames of others: questions are answered, claims are told of, and some lead to more. */
import type { IpAddress, IpFamily } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { Instant } from "#base/time";
import { sight } from "#core/announce/duplicate";
import type { Frame } from "#core/announce/frames";
import { encode as encodeArp, replyTo } from "#core/arp/packet";
import { answerTo } from "#core/ndp/answer";
import { encodePacket } from "#core/ndp/packet";
import type { PeerByMac, ResponderConfig } from "./config.ts";
import type { Effect, Who } from "./effects.ts";
import type { UsableLink } from "./fitness.ts";
import type { Holding } from "./holding.ts";
import { QuestionLimits, TokenBucket } from "./limits.ts";
import {
  type Claim,
  type HeardFrame,
  looksLikeQuestion,
  type Question,
  type ReadingReason,
  readFrame,
} from "./reading.ts";
import { LOOK_ADDRESS, type Segments } from "./segments.ts";
import { ToldClaims } from "./told-claims.ts";

/** What became of a frame, besides what was wrong with it. */
const OUTCOMES = [
  "answered",
  /** Somebody else's claim of an address of ours. */
  "claim",
  /** Our own, heard on another link of ours. */
  "own",
  /** About an address that is none of ours; the kernel's filter lets a few through. */
  "other-address",
  /** We do not hold the address, or the kernel answers. */
  "not-answering",
  /** Another link of ours on the same segment answers. */
  "other-link-speaks",
  /** The link is down, enslaved or gone, and the frame was still on its way. */
  "unusable-link",
  /** More questions than are read, of this source or of all. */
  "source-limit",
  "total-limit",
  /** More claims than are read. */
  "claim-limit",
] as const;
/** What became of a frame that was heard. Each is also the `outcome` label of the counter. */
export type HearingCount = (typeof OUTCOMES)[number] | ReadingReason;
/** Every outcome that a reading may have, besides those of `DROP_REASONS`. */
export const HEARING_OUTCOMES: readonly HearingCount[] = OUTCOMES;

/** Claims that are read a second. */
const CLAIMS_PER_SECOND = 2_000;

type Heard = {
  readonly link: UsableLink | undefined;
  readonly family: IpFamily;
  readonly frame: HeardFrame;
  readonly holdings: ReadonlyMap<IpAddress, Holding>;
};

/** What follows: effects, the address whose deadline may be another, and whether segments have changed. */
type Consequence = {
  readonly effects: readonly Effect[];
  readonly holding?: Holding;
  readonly regroup?: boolean;
};

const NOTHING: Consequence = { effects: [] };

/** The answer: `link` has the address that was asked for. */
const answerFrame = (question: Question, { mac, router }: UsableLink): Frame => {
  if (question.family === "IPv4") {
    const { packet } = question;
    return { destination: packet.senderMac, payload: encodeArp(replyTo(packet, mac)) };
  }
  const { solicitation, source, from } = question;
  const { message, context, destination } = answerTo(solicitation, { source, from, mac, router });
  return { destination, payload: encodePacket(message, context) };
};

export class Hearing {
  readonly #limits: QuestionLimits;
  readonly #claims = new TokenBucket(CLAIMS_PER_SECOND);
  readonly #segments: Segments;
  readonly #told = new ToldClaims();
  readonly #counts = new Map<HearingCount, number>();
  #ownMacs: ReadonlySet<MacAddress> = new Set();
  #peers: PeerByMac = new Map();

  constructor({ questionsPerSecond }: ResponderConfig, segments: Segments) {
    this.#limits = new QuestionLimits(questionsPerSecond);
    this.#segments = segments;
  }

  setOwnMacs(macs: ReadonlySet<MacAddress>): void {
    this.#ownMacs = macs;
  }

  setPeers(peers: PeerByMac): void {
    this.#peers = peers;
  }

  /** What is heard of an address next is news, though the same may have been said a moment ago: it is treated or asked for anew. */
  expect(address: IpAddress): void {
    this.#told.forget(address);
  }

  counts(): ReadonlyMap<HearingCount, number> {
    return new Map(this.#counts);
  }

  /** Takes one frame. */
  hear(heard: Heard, now: Instant): Consequence {
    const { link, family, frame, holdings } = heard;
    if (link === undefined) return this.#drop("unusable-link");
    const refusal = this.#refuse(family, frame, now);
    if (refusal !== undefined) return this.#drop(refusal);
    const reading = readFrame(family, frame);
    if (!reading.ok) return this.#drop(reading.reason);
    const { claim, question, arp, mac } = reading.value;
    if (this.#ownMacs.has(mac)) {
      this.#count("own");
      const isLook = arp?.targetAddress === LOOK_ADDRESS;
      if (!isLook) this.#segments.suspect(now);
      return { effects: [], regroup: arp !== undefined && this.#segments.hear(arp, link.index, now) };
    }
    const claimed = claim === undefined ? undefined : holdings.get(claim.address);
    const effects: Effect[] = [];
    if (claim !== undefined && claimed !== undefined) {
      this.#count("claim");
      effects.push(...this.#weigh(claim, claimed, link.index, now));
    }
    if (question !== undefined) effects.push(...this.#answer(question, holdings.get(question.target), link));
    else if (claimed === undefined) this.#count("other-address");
    return claimed === undefined ? { effects } : { effects, holding: claimed };
  }

  #count(outcome: HearingCount): void {
    this.#counts.set(outcome, (this.#counts.get(outcome) ?? 0) + 1);
  }

  #drop(outcome: HearingCount): Consequence {
    this.#count(outcome);
    return NOTHING;
  }

  /** A flood is dropped before it costs anything. */
  #refuse(family: IpFamily, frame: HeardFrame, now: Instant): HearingCount | undefined {
    if (!looksLikeQuestion(family, frame)) return this.#claims.take(now) ? undefined : "claim-limit";
    const admission = this.#limits.admit(frame.from, now);
    return admission === "admitted" ? undefined : admission;
  }

  #whoIs(mac: MacAddress): Who {
    const node = this.#peers.get(mac);
    return node === undefined ? { kind: "stranger" } : { kind: "peer", node };
  }

  #answer(question: Question, holding: Holding | undefined, link: UsableLink): readonly Effect[] {
    const outcome = outcomeOf(holding, link);
    this.#count(outcome);
    if (outcome !== "answered") return [];
    const { family } = question;
    const frame = answerFrame(question, link);
    return [{ type: "send", linkIndex: link.index, family, frame, cause: "answer" }];
  }

  /** Tells of a claim, defends the address against a stranger, and ends a probing that found somebody. */
  #weigh(claim: Claim, holding: Holding, linkIndex: number, now: Instant): readonly Effect[] {
    const { address, mac, evidence } = claim;
    const { stance } = holding.assignment;
    const who = this.#whoIs(mac);
    const effects: Effect[] = [];
    if (this.#told.note(claim, now)) {
      effects.push({ type: "heard", address, stance, linkIndex, mac, who, evidence });
    }
    // Another speaker that probes the same address has been told to use it no more than we have.
    const isConflict = evidence !== "probe" || who.kind === "stranger";
    if (holding.isProbing() && isConflict) {
      holding.stopProbing();
      effects.push({ type: "probed", address, outcome: "in-use", linkIndex, mac, who });
    }
    if (stance !== "holding" || evidence === "probe") return effects;
    const ownership = { addresses: new Set([address]), macs: this.#ownMacs };
    const seen = sight(holding.suspicions, { address, mac }, ownership, now);
    holding.suspicions = seen.state;
    for (const { type } of seen.effects) {
      if (type === "duplicate-address") effects.push({ type: "duplicate", address, linkIndex, mac, who });
      // Between speakers the election decides who gives way; a stranger is answered (RFC 5227 §2.4 (c)).
      else if (who.kind === "stranger") holding.sayAgain("other-speaker", now);
    }
    return effects;
  }
}

/** What becomes of a question. */
const outcomeOf = (
  holding: Holding | undefined,
  { index }: UsableLink,
): "answered" | "other-address" | "not-answering" | "other-link-speaks" => {
  if (holding === undefined) return "other-address";
  if (!holding.answers()) return "not-answering";
  if (holding.speaksOn(index)) return "answered";
  return holding.fit.some((link) => link.index === index) ? "other-link-speaks" : "not-answering";
};
