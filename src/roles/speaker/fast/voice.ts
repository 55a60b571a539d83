/** What this node says and hears on its links: the responder (`#core/responder`), its timers, and its sockets (`ears.ts`). */
import { type IpAddress, type IpFamily, isIpv4 } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { Instant } from "#base/time";
import type {
  AllowedInterfaces,
  Assignment,
  NodeLink,
  PeerByMac,
  ResponderConfig,
  Stance,
} from "#core/responder/config";
import type { Effect } from "#core/responder/effects";
import type { AgainReason } from "#core/responder/holding";
import { Responder } from "#core/responder/responder";
import type { HeardFrame, ResponderPort } from "#drivers/packet/responder-port";
import type { Deadlines } from "#runtime/deadlines";
import type { Links, Wanted } from "#runtime/links";
import type { Bindings } from "./bindings.ts";
import { Ears } from "./ears.ts";
import { questionTo } from "./questions.ts";

export type VoiceParts = {
  readonly packets: ResponderPort;
  readonly deadlines: Deadlines;
  readonly now: () => Instant;
  readonly count: (what: string) => void;
  readonly responder: ResponderConfig;
  readonly links: Pick<Links, "byIndex" | "primaryAddress">;
  /** Where the kernel is to answer for what is held; `undefined`: nowhere. */
  readonly bindings: Pick<Bindings, "bind" | "isBound" | "release"> | undefined;
  /** Called before anything is said of an address because of a frame or a timer. */
  readonly onWake: (now: Instant) => void;
  /** Somebody else has the address, or says so. */
  readonly onClaim: (claim: { readonly address: IpAddress; readonly mac: MacAddress }, now: Instant) => void;
  /** The links of these addresses were found anew: `linksOf` may give others. */
  readonly onLinksOf: (addresses: readonly IpAddress[], now: Instant) => void;
};

const ANY_LINK_LOCAL: Wanted = { family: "IPv6", virtual: new Set() };

/** Addresses that are treated in one call. */
const PART = 256;

export class Voice {
  readonly #parts: VoiceParts;
  readonly #responder: Responder;
  readonly #ears: Ears;
  /** How addresses are to be treated of which the responder has yet to be told. */
  readonly #wantedByAddress = new Map<IpAddress, Assignment>();
  /** Those that are not treated yet as they stand. */
  readonly #unsettled = new Set<IpAddress>();

  constructor(parts: VoiceParts) {
    const { packets, deadlines, now, count, links } = parts;
    this.#parts = parts;
    this.#responder = new Responder(parts.responder);
    this.#ears = new Ears({
      ...{ packets, deadlines, now, count },
      nameOf: (index) => links.byIndex(index)?.name,
      onFrame: (linkIndex, family, frame) => this.#onFrame(linkIndex, family, frame),
    });
  }

  /** These addresses may be told of on these interfaces, once they are begun with or stood for. */
  allow(
    placements: readonly { readonly address: IpAddress; readonly interfaces: AllowedInterfaces }[],
  ): void {
    for (const { address, interfaces } of placements) {
      const { stance = "watching", answers = "responder" } = this.#assignmentOf(address) ?? {};
      this.#wantedByAddress.set(address, { address, stance, interfaces, answers });
    }
  }

  /** Treats allowed addresses as it is to from now on. */
  begin(addresses: readonly IpAddress[], now: Instant): void {
    this.#assign(addresses, now);
  }

  /** An address is treated so from the next `settle` on. */
  stand(address: IpAddress, stance: Stance): void {
    const before = this.#assignmentOf(address);
    if (before === undefined || before.stance === stance) return;
    this.#wantedByAddress.set(address, { ...before, stance });
    this.#unsettled.add(address);
  }

  /** Treats addresses as they stand now, a part of them in one call; gives whether that was all. */
  settle(now: Instant): boolean {
    if (this.#unsettled.size === 0) return true;
    const some: IpAddress[] = [];
    for (const address of this.#unsettled) {
      if (some.length === PART) break;
      some.push(address);
      this.#unsettled.delete(address);
    }
    this.#assign(some, now);
    return this.#unsettled.size === 0;
  }

  /** How an address is treated; `undefined` for one that is not placed. */
  stanceOf(address: IpAddress): Stance | undefined {
    return this.#assignmentOf(address)?.stance;
  }

  /** Nothing is said of these addresses any more. */
  forget(addresses: readonly IpAddress[], now: Instant): void {
    const known = addresses.filter((address) => this.#assignmentOf(address) !== undefined);
    for (const address of known) {
      this.#wantedByAddress.delete(address);
      this.#unsettled.delete(address);
      this.#parts.bindings?.bind(address, []);
      this.#parts.bindings?.release(address);
    }
    if (known.length > 0) this.#perform(this.#responder.forget(known, now), now);
  }

  setLinks(nodeLinks: readonly NodeLink[], now: Instant): void {
    this.#perform(this.#responder.setLinks(nodeLinks, now), now);
  }

  setPeers(peers: PeerByMac): void {
    this.#responder.setPeers(peers);
  }

  /** Tells the link of an address that is held once more, in the way that the reason asks for. */
  sayAgain(address: IpAddress, why: AgainReason, now: Instant): void {
    this.#perform(this.#responder.sayAgain([address], why, now), now);
  }

  /** Tells a link, which is reached another way now, of every address that is held. */
  sayAgainOn(linkIndex: number, now: Instant): void {
    this.#perform(this.#responder.sayAgainOn(linkIndex, now), now);
  }

  /** Asks who has an address: these machines, or all of the link where `macs` is `undefined`. */
  ask(address: IpAddress, macs: readonly MacAddress[] | undefined, now: Instant): void {
    this.#perform(this.#responder.expect(address, now), now);
    for (const index of this.linksOf(address)) {
      const { links } = this.#parts;
      const link = links.byIndex(index);
      if (link?.mac === undefined) continue;
      const family: IpFamily = isIpv4(address) ? "IPv4" : "IPv6";
      const linkLocal = family === "IPv6" ? links.primaryAddress(link, ANY_LINK_LOCAL) : undefined;
      for (const to of macs ?? [undefined])
        this.#ears.send(index, family, questionTo(address, { own: link.mac, linkLocal, to }));
    }
  }

  /** The links on which an address is told of. */
  linksOf(address: IpAddress): readonly number[] {
    return this.#responder.voicesOf(address);
  }

  /** Reads what is queued. */
  drain(): void {
    this.#ears.drain();
  }

  close(): void {
    this.#ears.close();
    this.#parts.deadlines.set("responder", undefined, this.#onTimer);
  }

  /** The kernel answers for an address, or does so no more. */
  bindingChanged(address: IpAddress, now: Instant): void {
    this.#perform(this.#chooseAnswerer([address], now), now);
  }

  #assign(addresses: readonly IpAddress[], now: Instant): void {
    const effects = this.#tellResponder(addresses, now);
    // Bound before any of these is sent.
    const further = this.#bindAsHeld(addresses, now);
    this.#perform(further.length === 0 ? effects : [...effects, ...further], now);
  }

  #assignmentOf(address: IpAddress): Assignment | undefined {
    return this.#wantedByAddress.get(address) ?? this.#responder.assignmentOf(address);
  }

  #tellResponder(addresses: readonly IpAddress[], now: Instant): readonly Effect[] {
    const assignments = addresses.flatMap((address) => this.#assignmentOf(address) ?? []);
    for (const address of addresses) this.#wantedByAddress.delete(address);
    return assignments.length === 0 ? [] : this.#responder.assign(assignments, now);
  }

  /** Lets the kernel have what is held, on the links on which it is told of, and nothing else. */
  #bindAsHeld(addresses: readonly IpAddress[], now: Instant): readonly Effect[] {
    const { bindings } = this.#parts;
    if (bindings === undefined) return [];
    for (const address of addresses) {
      const stance = this.stanceOf(address);
      const isHeld = stance === "holding" || stance === "yielding";
      bindings.bind(address, isHeld ? this.linksOf(address) : []);
    }
    return this.#chooseAnswerer(addresses, now);
  }

  /** The kernel where it has the address on every link, or else this program: never nobody. */
  #chooseAnswerer(addresses: readonly IpAddress[], now: Instant): readonly Effect[] {
    const changed = addresses.filter((address) => {
      const before = this.#assignmentOf(address);
      const answers = this.#parts.bindings?.isBound(address) === true ? "kernel" : "responder";
      if (before === undefined || before.answers === answers) return false;
      this.#wantedByAddress.set(address, { ...before, answers });
      return true;
    });
    return this.#tellResponder(changed, now);
  }

  #onFrame(linkIndex: number, family: IpFamily, frame: HeardFrame): void {
    const now = this.#parts.now();
    this.#parts.onWake(now);
    this.#perform(this.#responder.hear(linkIndex, family, frame, now), now);
  }

  readonly #onTimer = (now: Instant): void => {
    this.#parts.onWake(now);
    this.#perform(this.#responder.timer(now), now);
  };

  #perform(wanted: readonly Effect[], now: Instant): void {
    const fitted = this.#responder.takeFitted();
    const further = this.#bindAsHeld(fitted, now);
    const effects = further.length === 0 ? wanted : [...wanted, ...further];
    for (const effect of effects) {
      switch (effect.type) {
        case "listen":
          this.#ears.listen(effect);
          break;
        case "send":
          this.#ears.send(effect.linkIndex, effect.family, effect.frame);
          break;
        case "heard":
          this.#hear(effect, now);
          break;
        default:
        // A duplicate is told of by ownership, and nothing is probed but by ownership's questions.
      }
    }
    this.#parts.deadlines.set("responder", this.#responder.deadline(), this.#onTimer);
    if (fitted.length > 0) this.#parts.onLinksOf(fitted, now);
  }

  #hear({ address, mac, who, evidence }: Extract<Effect, { type: "heard" }>, now: Instant): void {
    // Who only asks whether the address is free does not have it.
    if (evidence === "probe") return;
    this.#parts.bindings?.release(address);
    // A node of ours that asks others from the address has it bound somewhere, and does not answer for it.
    if (evidence === "use" && who.kind === "peer") this.sayAgain(address, "rival", now);
    else this.#parts.onClaim({ address, mac }, now);
  }
}
