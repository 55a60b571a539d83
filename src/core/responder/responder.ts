/**
 * The responder for all addresses of one node.
 *
 * Pure: no sockets, no clock, no dice. The caller passes `now`, performs the effects in order, and calls `timer` no later
 * than `deadline`. It keeps its state in itself, because a node may have ten thousand addresses and a state that is copied
 * for each frame would cost more than the frame.
 *
 * One call sends at most OUTBOX_TURN announcements and probes, runs the timers of at most AGENDA_TURN addresses, and finds
 * the links of at most FIT_TURN anew: what is left is due at once, in the next turn of the thread, so that nothing else on
 * it waits long. Only `assign` and `forget` do all they are given: hand thousands over in parts.
 */
import type { IpAddress, IpFamily } from "#base/address";
import { isIpv4 } from "#base/address";
import type { MacAddress } from "#base/mac";
import { BROADCAST_MAC } from "#base/mac";
import { earliest, type Instant } from "#base/time";
import { type Frame, frameFor } from "#core/announce/frames";
import { probe as arpProbe, encode as encodeArp } from "#core/arp/packet";
import { detect } from "#core/ndp/answer";
import { encodePacket } from "#core/ndp/packet";
import { Agenda } from "./agenda.ts";
import type { Assignment, NodeLink, PeerByMac, ResponderConfig } from "./config.ts";
import type { Effect, FrameCause } from "./effects.ts";
import type { UnfitReason } from "./fitness.ts";
import { Fitting } from "./fitting.ts";
import { Hearing, type HearingCount } from "./hearing.ts";
import { type AgainReason, Holding, type Outgoing } from "./holding.ts";
import { Listening } from "./listening.ts";
import { Outbox } from "./outbox.ts";
import type { HeardFrame } from "./reading.ts";
import { Segments } from "./segments.ts";

/** Frames in one call. */
const OUTBOX_TURN = 64;
/** Addresses whose timers are run in one call. */
const AGENDA_TURN = 256;
/** What happened so far: frames by why they were sent, and frames that were heard by what became of them. */
export type ResponderCounters = {
  readonly sent: ReadonlyMap<FrameCause, number>;
  readonly heard: ReadonlyMap<HearingCount, number>;
};

export class Responder {
  readonly #config: ResponderConfig;
  readonly #holdings = new Map<IpAddress, Holding>();
  readonly #agenda = new Agenda<Holding>();
  readonly #outbox: Outbox<Outgoing>;
  readonly #segments: Segments;
  readonly #listening = new Listening();
  readonly #fitting: Fitting;
  readonly #hearing: Hearing;
  readonly #sent = new Map<FrameCause, number>();
  #effects: Effect[] = [];
  #deadline: Instant | undefined;

  constructor(config: ResponderConfig) {
    this.#config = config;
    this.#outbox = new Outbox(config.framesPerSecond);
    this.#segments = new Segments(config);
    this.#hearing = new Hearing(config, this.#segments);
    this.#fitting = new Fitting(config, { segments: this.#segments, listening: this.#listening });
  }

  /** These addresses are treated so from now on, whether or not they were known; of others nothing changes. */
  assign(assignments: readonly Assignment[], now: Instant): readonly Effect[] {
    for (const assignment of assignments) {
      const known = this.#holdings.get(assignment.address);
      if (known === undefined) this.#add(assignment, now);
      else {
        const { interfaces, stance } = known.assignment;
        const moves = interfaces !== assignment.interfaces;
        if (stance !== assignment.stance) this.#hearing.expect(assignment.address);
        known.assign(assignment, now);
        if (moves) this.#fitting.fit(known, now);
        this.#agenda.set(known, known.deadline());
      }
    }
    return this.#act(now);
  }

  /** Nothing is said or heard of these addresses any more. */
  forget(addresses: Iterable<IpAddress>, now: Instant): readonly Effect[] {
    for (const address of addresses) {
      const holding = this.#holdings.get(address);
      if (holding === undefined) continue;
      holding.end();
      this.#agenda.set(holding, undefined);
      this.#holdings.delete(address);
      this.#fitting.forget(holding, now);
      this.#hearing.expect(address);
    }
    return this.#act(now);
  }

  /** All links of this node as they are now. One that is back, or has another MAC address, is told of every address. */
  setLinks(nodeLinks: readonly NodeLink[], now: Instant): readonly Effect[] {
    this.#hearing.setOwnMacs(new Set(nodeLinks.flatMap(({ link }) => link.mac ?? [])));
    if (this.#fitting.setLinks(nodeLinks, now)) this.#fitting.fitLater(this.#holdings.values());
    return this.#act(now);
  }

  /** Which MAC addresses are those of other nodes, as far as it is known. */
  setPeers(peers: PeerByMac): void {
    this.#hearing.setPeers(peers);
  }

  /** Somebody else's frame on a link. */
  hear(linkIndex: number, family: IpFamily, frame: HeardFrame, now: Instant): readonly Effect[] {
    const link = this.#fitting.links().get(linkIndex);
    const { effects, holding, regroup } = this.#hearing.hear(
      { link, family, frame, holdings: this.#holdings },
      now,
    );
    for (const effect of effects) this.#put(effect);
    if (holding !== undefined) this.#agenda.set(holding, holding.deadline());
    if (regroup) this.#fitting.chooseLater(this.#holdings.values());
    return this.#act(now);
  }

  /** There is reason to doubt what neighbours know of these addresses: those that are held are told of again. */
  sayAgain(addresses: Iterable<IpAddress>, why: AgainReason, now: Instant): readonly Effect[] {
    for (const address of addresses) {
      const holding = this.#holdings.get(address);
      if (holding === undefined) continue;
      holding.sayAgain(why, now);
      this.#agenda.set(holding, holding.deadline());
    }
    return this.#act(now);
  }

  /** A link is reached another way now: it is told of every address that is held there. */
  sayAgainOn(linkIndex: number, now: Instant): readonly Effect[] {
    for (const holding of this.#holdings.values()) {
      if (!holding.speaksOn(linkIndex)) continue;
      holding.sayAgain("link-up", now, linkIndex);
      this.#agenda.set(holding, holding.deadline());
    }
    return this.#act(now);
  }

  /** Others are about to be asked for an address by the caller: their answers are heard, and told of whatever they said before. */
  expect(address: IpAddress, now: Instant): readonly Effect[] {
    this.#hearing.expect(address);
    return this.#listening.hurry(now) ? this.#act(now) : [];
  }

  /** Does what is due. */
  timer(now: Instant): readonly Effect[] {
    return this.#act(now);
  }

  /** When `timer` must be called at the latest; `undefined` means only other inputs matter. May be in the past. */
  deadline(): Instant | undefined {
    return this.#deadline;
  }

  /** How an address is treated; `undefined` for one that it was not told of. */
  assignmentOf(address: IpAddress): Assignment | undefined {
    return this.#holdings.get(address)?.assignment;
  }

  /** Addresses whose links were found anew since the last call: ask `voicesOf` for them again. */
  takeFitted(): readonly IpAddress[] {
    return this.#fitting.takeFitted();
  }

  /** The links on which an address is told of now. */
  voicesOf(address: IpAddress): readonly number[] {
    return this.#holdings.get(address)?.links ?? [];
  }

  /** Why nothing is said of an address on each of the other links, by name. */
  silenceOf(address: IpAddress): ReadonlyMap<string, UnfitReason | "other-link-speaks"> {
    const holding = this.#holdings.get(address);
    if (holding === undefined) return new Map();
    const reasons = new Map<string, UnfitReason | "other-link-speaks">(
      this.#fitting.reasons(holding.assignment),
    );
    for (const { index, name } of holding.fit) {
      if (!holding.speaksOn(index)) reasons.set(name, "other-link-speaks");
    }
    return reasons;
  }

  counters(): ResponderCounters {
    return { sent: new Map(this.#sent), heard: this.#hearing.counts() };
  }

  #add(assignment: Assignment, now: Instant): void {
    const holding = new Holding(assignment, this.#config, this.#outbox);
    this.#holdings.set(assignment.address, holding);
    this.#fitting.fit(holding, now);
    holding.begin(now);
    this.#agenda.set(holding, holding.deadline());
  }

  #act(now: Instant): readonly Effect[] {
    if (this.#segments.expire(now)) this.#fitting.chooseLater(this.#holdings.values());
    for (const holding of this.#fitting.fitSome(now)) this.#agenda.set(holding, holding.deadline());
    for (let woken = 0; woken < AGENDA_TURN; woken += 1) {
      const holding = this.#agenda.take(now);
      if (holding === undefined) break;
      if (holding.due(now) === "free") {
        this.#put({ type: "probed", address: holding.address, outcome: "free" });
      }
      this.#agenda.set(holding, holding.deadline());
    }
    if (this.#segments.isLookDue(now)) this.#fitting.reconsider(this.#holdings.values(), now);
    const listens = this.#listening.tell(now);
    for (const { linkIndex, frame } of this.#segments.looks(this.#fitting.links(), now)) {
      this.#put({ type: "send", linkIndex, family: "IPv4", frame, cause: "look" });
    }
    for (let count = 0; count < OUTBOX_TURN; count += 1) {
      const outgoing = this.#outbox.take(now);
      if (outgoing === undefined) break;
      this.#send(outgoing);
    }
    this.#deadline = earliest(
      this.#fitting.isBehind() ? now : undefined,
      this.#agenda.next(),
      this.#listening.deadline(),
      this.#segments.deadline(),
      this.#outbox.deadline(now),
    );
    const effects = [...listens, ...this.#effects];
    this.#effects = [];
    return effects;
  }

  #put(effect: Effect): void {
    this.#effects.push(effect);
    if (effect.type === "send") this.#sent.set(effect.cause, (this.#sent.get(effect.cause) ?? 0) + 1);
  }

  #send({ holding, linkIndex, form, cause }: Outgoing): void {
    const link = this.#fitting.links().get(linkIndex);
    if (link === undefined) return;
    const { address, family } = holding;
    const { mac, router } = link;
    const frame = form === "probe" ? probeFor(address, mac) : frameFor(form, { address, mac, router });
    this.#put({ type: "send", linkIndex, family, frame, cause });
  }
}

/** The question whether anybody has an address. */
const probeFor = (address: IpAddress, mac: MacAddress): Frame => {
  if (isIpv4(address)) return { destination: BROADCAST_MAC, payload: encodeArp(arpProbe(address, mac)) };
  const { message, context, destination } = detect(address);
  return { destination, payload: encodePacket(message, context) };
};
