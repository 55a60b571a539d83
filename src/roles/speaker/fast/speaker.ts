/**
 * One node's part in announcing: hears the other speakers, decides with them who holds which address, and answers for what it holds.
 *
 * It puts together, and decides nothing itself: `#core/liveness` (who is alive), `#core/ownership` (who holds), `#core/responder` (what
 * is said on the wire), the sessions of `mesh.ts`, the sockets of `ears.ts`, and the gateway.
 *
 * Before anything is concluded from silence, sockets are read. Before a question is answered, ownership is asked whether this process
 * has stood still for so long that others may have taken over.
 */
import type { IpAddress, IpFamily } from "#base/address";
import { isIpv4 } from "#base/address";
import { BROADCAST_MAC, type MacAddress } from "#base/mac";
import { after, type Instant, seconds } from "#base/time";
import type { Frame } from "#core/announce/frames";
import { encode as encodeArp, probe } from "#core/arp/packet";
import { DEFAULT_GRACE, DEFAULT_PAIRS } from "#core/liveness/config";
import { Liveness, type StandingChange } from "#core/liveness/liveness";
import { peersOf } from "#core/liveness/pairs";
import type { SessionReport, Standing } from "#core/liveness/standing";
import { detect } from "#core/ndp/answer";
import { encodePacket } from "#core/ndp/packet";
import type { OwnershipConfig } from "#core/ownership/config";
import type { Input } from "#core/ownership/input";
import { Ownership } from "#core/ownership/ownership";
import type { Effect as OwnershipEffect } from "#core/ownership/state";
import type { NodeLink, ResponderConfig, Stance } from "#core/responder/config";
import type { Effect as ResponderEffect } from "#core/responder/effects";
import { Responder } from "#core/responder/responder";
import type { SpeakerEvent } from "#core/speaker/event";
import type { NetlinkChange, NetlinkPort } from "#drivers/netlink/port";
import type { HeardFrame, ResponderPort } from "#drivers/packet/responder-port";
import type { Deadlines } from "#runtime/deadlines";
import { createLinks, type Links } from "#runtime/links";
import type { MemberWord, PlacementWord } from "./desired.ts";
import { Ears } from "./ears.ts";
import { Gateway } from "./gateway.ts";
import { Mesh, type MeshParts } from "./mesh.ts";
import { type PeerParts, sessionWith } from "./peers.ts";

export type SpeakerParts = Pick<MeshParts, "bfd" | "random" | "digest" | "count"> & {
  readonly self: string;
  readonly packets: ResponderPort;
  readonly netlink: NetlinkPort;
  readonly deadlines: Deadlines;
  readonly now: () => Instant;
  readonly ownership: OwnershipConfig;
  readonly responder: ResponderConfig;
  readonly authentication: PeerParts["authentication"];
  /** Whether a link forwards IPv6. */
  readonly forwardsIpv6: (link: string) => boolean;
  readonly tell: (event: SpeakerEvent) => void;
};

const REREAD_RETRY = seconds(1);
/** How often a gateway is asked that has never answered. */
const GATEWAY_RETRY = seconds(5);

/** The question whether anybody has an address, to everybody or to one machine. */
const questionTo = (address: IpAddress, own: MacAddress, to: MacAddress | undefined): Frame => {
  if (isIpv4(address)) {
    return { destination: to ?? BROADCAST_MAC, payload: encodeArp(probe(address, own)) };
  }
  const { message, context, destination } = detect(address);
  return { destination: to ?? destination, payload: encodePacket(message, context) };
};

export class Speaker {
  readonly #parts: SpeakerParts;
  readonly #links: Links;
  readonly #liveness = new Liveness(DEFAULT_GRACE);
  readonly #ownership: Ownership;
  readonly #responder: Responder;
  readonly #mesh: Mesh;
  readonly #ears: Ears;
  readonly #gateway: Gateway;
  readonly #placements = new Map<IpAddress, PlacementWord>();
  readonly #stances = new Map<IpAddress, Stance>();
  readonly #fit = new Map<IpAddress, boolean>();
  readonly #standings = new Map<string, Standing["name"]>();
  readonly #linksDown = new Set<string>();
  #members: readonly MemberWord[] = [];
  #hasGateway = false;
  #onLeft: (() => void) | undefined;

  constructor(parts: SpeakerParts) {
    const { self, netlink, packets, deadlines, now, count } = parts;
    this.#parts = parts;
    this.#links = createLinks(netlink);
    this.#ownership = new Ownership(self, parts.ownership, now());
    this.#responder = new Responder(parts.responder);
    this.#mesh = new Mesh({
      ...parts,
      onReport: (node, report, at) => this.#onReport(node, report, at),
      onHeard: (at) => this.#ownership.peerHeard(at),
    });
    const nameOf = (index: number): string | undefined => this.#links.byIndex(index)?.name;
    this.#ears = new Ears({
      ...{ packets, deadlines, now, nameOf, count },
      onFrame: (linkIndex, family, frame) => this.#onFrame(linkIndex, family, frame),
    });
    this.#gateway = new Gateway({
      ...{ packets, netlink, count },
      onHeard: () => this.#onGateway(now()),
    });
    this.#lookAround(now());
    // Said once at the start, even where there is nobody.
    this.#standingsChanged([], now());
  }

  /** The speakers of the cluster are these from now on, this node among them. */
  setMembers(members: readonly MemberWord[], now: Instant): void {
    this.#members = members;
    this.#decide({ type: "members", members: members.map(({ name, macs }) => ({ name, macs })) }, now);
    const peers = members.filter(({ name }) => name !== this.#parts.self);
    this.#responder.setPeers(new Map(peers.flatMap(({ name, macs }) => macs.map((mac) => [mac, name]))));
    this.#meet(now);
  }

  /** Placements that are new or have changed, and addresses that are gone. */
  place(changed: readonly PlacementWord[], removed: readonly IpAddress[], now: Instant): void {
    this.#decide({ type: "placements", changed, removed }, now);
    for (const address of removed) this.#forget(address, now);
    const mine = changed.filter(({ candidates }) => candidates.includes(this.#parts.self));
    for (const each of changed) if (!mine.includes(each)) this.#forget(each.address, now);
    for (const each of mine) this.#placements.set(each.address, each);
    this.#assign(
      mine.map(({ address }) => address),
      now,
    );
    this.#judgeFitness(now);
    this.#meet(now);
  }

  /** The kernel's network has changed. */
  networkChanged(change: NetlinkChange, now: Instant): void {
    if (change.type === "overrun") {
      if (!this.#links.reread()) {
        this.#parts.deadlines.set("reread", after(now, REREAD_RETRY), (at) =>
          this.networkChanged(change, at),
        );
        return;
      }
    } else if (this.#links.apply(change).length === 0) return;
    // Many changes come at once, such as all addresses of an interface.
    this.#parts.deadlines.set("network", now, (at) => this.#lookAround(at));
  }

  /** Hands everything over; `onLeft` is called once nothing is held any more. */
  leave(now: Instant, onLeft: () => void): void {
    this.#onLeft = onLeft;
    this.#decide({ type: "leave" }, now);
  }

  /** Whether this node answers for an address now. */
  answers(address: IpAddress): boolean {
    const stance = this.#stances.get(address);
    return (
      (stance === "holding" || stance === "yielding") && this.#ownership.mayAnswer(address, this.#parts.now())
    );
  }

  /** The links on which an address is told of, by name. */
  interfacesOf(address: IpAddress): readonly string[] {
    return this.#responder.voicesOf(address).flatMap((index) => this.#links.byIndex(index)?.name ?? []);
  }

  /** Ends at once, without a word. */
  close(): void {
    this.#mesh.close();
    this.#ears.close();
    this.#gateway.close();
    for (const id of ["ownership", "responder", "liveness", "network", "reread", "gateway"])
      this.#parts.deadlines.set(id, undefined, () => {});
  }

  /** Keeps sessions with whom they are needed. */
  #meet(now: Instant): void {
    const { self, netlink, ownership, authentication } = this.#parts;
    const me = this.#members.find(({ name }) => name === self);
    const names = this.#members.map(({ name }) => name);
    const cluster = { members: names, placements: [...this.#placements.values()] };
    const wanted = new Set(me === undefined ? [] : peersOf(self, cluster, DEFAULT_PAIRS));
    const nameOf = (index: number): string | undefined => this.#links.byIndex(index)?.name;
    const parts: PeerParts = { netlink, nameOf, times: ownership, authentication };
    this.#mesh.setPeers(
      this.#members.flatMap((member) =>
        me !== undefined && wanted.has(member.name) ? (sessionWith(me, member, parts) ?? []) : [],
      ),
      now,
    );
    const others = this.#members
      .filter(({ name }) => name !== self)
      .map(({ name, api }) => ({ name, api, isWatched: wanted.has(name) }));
    this.#standingsChanged(this.#liveness.setMembers(others, now), now);
  }

  /** Links and addresses are others than before. */
  #lookAround(now: Instant): void {
    const nodeLinks = [...this.#links.all()].map(
      (link): NodeLink => ({
        link,
        addresses: this.#links.addressesOf(link),
        router: this.#parts.forwardsIpv6(link.name),
      }),
    );
    this.#tellLinks(nodeLinks);
    this.#speak(this.#responder.setLinks(nodeLinks, now), now);
    this.#judgeFitness(now);
    this.#lookForGateway(now);
    if (this.#members.length > 0) this.#meet(now);
  }

  /** One that has never answered is none: for want of an answer that never comes the last node of two would give up. */
  #lookForGateway(now: Instant): void {
    const before = this.#gateway.address;
    this.#gateway.look();
    const { address } = this.#gateway;
    if (address === undefined || address !== before) this.#setGateway(false, now);
    this.#meetGateway(now);
  }

  readonly #meetGateway = (now: Instant): void => {
    const isMissing = this.#gateway.address !== undefined && !this.#hasGateway;
    if (isMissing) this.#gateway.ask();
    const again = isMissing ? after(now, GATEWAY_RETRY) : undefined;
    this.#parts.deadlines.set("gateway", again, this.#meetGateway);
  };

  #onGateway(now: Instant): void {
    this.#setGateway(true, now);
    this.#decide({ type: "gateway-heard" }, now);
  }

  #setGateway(isKnown: boolean, now: Instant): void {
    if (isKnown === this.#hasGateway) return;
    this.#hasGateway = isKnown;
    this.#decide({ type: "gateway", isKnown }, now);
  }

  /** Says which of the links that carry addresses went down or came back. */
  #tellLinks(nodeLinks: readonly NodeLink[]): void {
    for (const { link, addresses } of nodeLinks) {
      const isDown = !link.up || !link.carrier;
      if (addresses.length === 0 || link.loopback || isDown === this.#linksDown.has(link.name)) continue;
      if (isDown) this.#linksDown.add(link.name);
      else this.#linksDown.delete(link.name);
      this.#parts.tell({ type: "link", link: link.name, state: isDown ? "down" : "up" });
    }
  }

  /** Tells ownership for which addresses there is a link now. */
  #judgeFitness(now: Instant): void {
    const changes = [...this.#placements.keys()].flatMap((address) => {
      const isFit = this.#responder.voicesOf(address).length > 0;
      if (this.#fit.get(address) === isFit) return [];
      this.#fit.set(address, isFit);
      return [{ address, isFit }];
    });
    if (changes.length > 0) this.#decide({ type: "fitness", changes }, now);
  }

  /** Has the responder treat these addresses as they are treated now. */
  #assign(addresses: readonly IpAddress[], now: Instant): void {
    const assignments = addresses.flatMap((address) => {
      const placement = this.#placements.get(address);
      if (placement === undefined) return [];
      const stance = this.#stances.get(address) ?? "watching";
      return [{ address, stance, interfaces: placement.interfaces, answers: "responder" as const }];
    });
    if (assignments.length > 0) this.#speak(this.#responder.assign(assignments, now), now);
  }

  #forget(address: IpAddress, now: Instant): void {
    if (!this.#placements.delete(address)) return;
    this.#stances.delete(address);
    this.#fit.delete(address);
    this.#speak(this.#responder.forget([address], now), now);
  }

  #onReport(node: string, report: SessionReport, now: Instant): void {
    this.#standingsChanged(this.#liveness.report(node, report, now), now);
  }

  #standingsChanged(changes: readonly StandingChange[], now: Instant): void {
    for (const { node, standing } of changes) {
      const from = this.#standings.get(node) ?? "unknown";
      this.#standings.set(node, standing.name);
      if (from === standing.name) continue;
      const cause = standing.name === "dead" ? { cause: standing.cause } : {};
      this.#parts.tell({ type: "member", node, from, to: standing.name, ...cause });
    }
    this.#decide({ type: "standings", changes, sessions: this.#liveness.sessions() }, now);
    this.#parts.deadlines.set("liveness", this.#liveness.deadline(), this.#onLiveness);
  }

  readonly #onLiveness = (now: Instant): void => {
    this.#mesh.drain();
    this.#standingsChanged(this.#liveness.timer(now), now);
  };

  #onFrame(linkIndex: number, family: IpFamily, frame: HeardFrame): void {
    const now = this.#parts.now();
    this.#wake(now);
    this.#speak(this.#responder.hear(linkIndex, family, frame, now), now);
  }

  /** Gives up what others may have taken while this process stood still, before anything is said of it. */
  #wake(now: Instant): void {
    const due = this.#ownership.deadline();
    if (due !== undefined && due <= now) this.#decide({ type: "timer" }, now);
  }

  #decide(input: Input, now: Instant): void {
    for (const effect of this.#ownership.step(input, now)) this.#perform(effect, now);
    this.#parts.deadlines.set("ownership", this.#ownership.deadline(), this.#onOwnership);
  }

  readonly #onOwnership = (now: Instant): void => {
    this.#mesh.drain();
    this.#ears.drain();
    this.#gateway.drain();
    this.#decide({ type: "timer" }, now);
  };

  #stand(address: IpAddress, stance: Stance, now: Instant): void {
    if (this.#stances.get(address) === stance) return;
    this.#stances.set(address, stance);
    this.#assign([address], now);
  }

  #perform(effect: OwnershipEffect, now: Instant): void {
    switch (effect.type) {
      case "answer":
        this.#stand(effect.address, "holding", now);
        break;
      case "silence":
        this.#stand(effect.address, "watching", now);
        break;
      case "announce":
        // Taking it has begun a whole burst.
        if (effect.cause !== "takeover") this.#speak(this.#responder.sayAgain(now, [effect.address]), now);
        break;
      case "ask":
        this.#ask(effect.address, effect.of);
        break;
      case "ask-gateway":
        this.#gateway.ask();
        break;
      case "say-leaving":
        this.#mesh.say("leaving", now);
        break;
      case "say-staying":
        this.#mesh.say("staying", now);
        break;
      case "left":
        this.#onLeft?.();
        break;
      default:
        this.#observe(effect, now);
    }
  }

  /** What people are told, and what follows from it. */
  #observe(
    effect: Extract<
      OwnershipEffect,
      { type: "company" | "transition" | "rival" | "stranger" | "flapping" | "calm" }
    >,
    now: Instant,
  ): void {
    const { tell } = this.#parts;
    switch (effect.type) {
      case "transition": {
        const { peer, ...move } = effect;
        if (move.to === "yielding") this.#stand(move.address, "yielding", now);
        tell({ ...move, type: "address-state", ...(peer === undefined ? {} : { peer }) });
        break;
      }
      case "company":
        this.#mesh.say(effect.verdict === "isolated" ? "isolated" : "staying", now);
        tell({ type: "company", to: effect.verdict });
        break;
      case "rival":
        tell(effect);
        break;
      case "stranger":
        tell({
          type: "duplicate-address",
          address: effect.address,
          mac: effect.mac,
          stage: this.#stageOf(effect.address),
        });
        break;
      default:
        tell({
          type: "flapping",
          address: effect.address,
          state: effect.type === "flapping" ? "begun" : "ended",
        });
    }
  }

  #stageOf(address: IpAddress): "used" | "unused" {
    return this.#stances.get(address) === "holding" ? "used" : "unused";
  }

  /** Asks who answers for an address, all of the link or one node. */
  #ask(address: IpAddress, of: string | undefined): void {
    const macs = of === undefined ? [undefined] : (this.#members.find(({ name }) => name === of)?.macs ?? []);
    for (const index of this.#responder.voicesOf(address)) {
      const mac = this.#links.byIndex(index)?.mac;
      if (mac === undefined) continue;
      const family = isIpv4(address) ? "IPv4" : "IPv6";
      for (const to of macs) this.#ears.send(index, family, questionTo(address, mac, to));
    }
  }

  #hearClaim(
    { address, mac, who, evidence }: Extract<ResponderEffect, { type: "heard" }>,
    now: Instant,
  ): void {
    // Who only asks whether the address is free does not have it.
    if (evidence === "probe") return;
    // A node of ours that asks others from the address has it bound somewhere, and does not answer for it.
    if (evidence === "use" && who.kind === "peer") this.#speak(this.#responder.sayAgain(now, [address]), now);
    else this.#decide({ type: "heard", address, mac }, now);
  }

  #speak(effects: readonly ResponderEffect[], now: Instant): void {
    for (const effect of effects) {
      switch (effect.type) {
        case "listen":
          this.#ears.listen(effect.linkIndex, effect.family, effect.addresses);
          break;
        case "send":
          this.#ears.send(effect.linkIndex, effect.family, effect.frame);
          break;
        case "heard":
          this.#hearClaim(effect, now);
          break;
        default:
        // A duplicate is told of by ownership, and nothing is probed but by ownership's questions.
      }
    }
    this.#parts.deadlines.set("responder", this.#responder.deadline(), this.#onResponder);
  }

  readonly #onResponder = (now: Instant): void => {
    this.#wake(now);
    this.#speak(this.#responder.timer(now), now);
  };
}
