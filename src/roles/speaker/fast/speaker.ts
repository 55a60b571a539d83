/**
 * One node's part in announcing: hears the other speakers, decides with them who holds which address, and answers for what it holds.
 *
 * It puts together, and decides nothing itself: the other speakers (`members.ts`), who holds what (`#core/ownership`), what is said on
 * the links (`voice.ts`), and what this node is connected to (`neighbourhood.ts`).
 *
 * Before anything is concluded from silence, sockets are read. Before a question is answered, ownership is asked whether this process
 * has stood still for so long that others may have taken over.
 */
import type { IpAddress } from "#base/address";
import type { Instant } from "#base/time";
import type { OwnershipConfig } from "#core/ownership/config";
import type { Input } from "#core/ownership/input";
import { Ownership } from "#core/ownership/ownership";
import type { Effect } from "#core/ownership/state";
import type { Assignment, NodeLink, ResponderConfig } from "#core/responder/config";
import type { SpeakerEvent } from "#core/speaker/event";
import type { NetlinkChange, NetlinkPort } from "#drivers/netlink/port";
import type { ResponderPort } from "#drivers/packet/responder-port";
import { BfdHub, type BfdHubParts } from "#runtime/bfd/hub";
import type { Deadlines } from "#runtime/deadlines";
import type { Links } from "#runtime/links";
import { Bindings } from "./bindings.ts";
import { CompanyNews } from "./company-news.ts";
import type { MemberWord, PlacementWord } from "./desired.ts";
import { Members } from "./members.ts";
import { Neighbourhood } from "./neighbourhood.ts";
import type { PeerParts } from "./peers.ts";
import { eventOf, type Told } from "./telling.ts";
import { Voice } from "./voice.ts";

export type SpeakerParts = Pick<BfdHubParts, "bfd" | "random" | "digest" | "count"> & {
  readonly self: string;
  readonly packets: ResponderPort;
  readonly netlink: NetlinkPort;
  readonly deadlines: Deadlines;
  readonly now: () => Instant;
  readonly ownership: OwnershipConfig;
  readonly responder: ResponderConfig;
  readonly authentication: PeerParts["authentication"];
  /** Who answers for what is held: this program, or the kernel, to whose interfaces it is bound. */
  readonly answerer: Assignment["answers"];
  /** Whether a link forwards IPv6. */
  readonly forwardsIpv6: (link: string) => boolean;
  readonly tell: (event: SpeakerEvent) => void;
  /** `interfacesOf` may give others than before for these addresses. */
  readonly onVoices?: (addresses: Iterable<IpAddress>) => void;
  /** Links and their addresses are others than before. */
  readonly onLinks?: (nodeLinks: readonly NodeLink[]) => void;
};

/** Effects, or frames of others, after which packets may be due. */
const BEAT_AFTER = 64;

export class Speaker {
  /** The BFD sessions of this node: others may have some beside those with speakers. */
  readonly bfd: BfdHub;
  readonly #parts: SpeakerParts;
  readonly #ownership: Ownership;
  readonly #members: Members;
  readonly #neighbourhood: Neighbourhood;
  readonly #voice: Voice;
  readonly #bindings: Bindings | undefined;
  readonly #companyNews: CompanyNews;
  /** Answered for until another node is heard to hold them, and forgotten then. */
  readonly #departing = new Set<IpAddress>();
  readonly #inputs: { readonly input: Input; readonly now: Instant }[] = [];
  #isDeciding = false;
  #untilBeat = BEAT_AFTER;
  #onLeft: (() => void) | undefined;

  constructor(parts: SpeakerParts) {
    const { now } = parts;
    this.#parts = parts;
    this.bfd = new BfdHub({ ...parts, onRead: (at) => this.#onRead(at) });
    this.#ownership = new Ownership(parts.self, parts.ownership, now());
    this.#companyNews = new CompanyNews(parts);
    this.#neighbourhood = new Neighbourhood({
      ...parts,
      isBound: (address) => this.#bindings?.has(address) === true,
      onLinks: (nodeLinks, at) => this.#onLinks(nodeLinks, at),
      onRerouted: (linkIndex, at) => this.#voice.sayAgainOn(linkIndex, at),
      onGatewayKnown: (isKnown, at) => this.#decide({ type: "gateway", isKnown }, at),
      onGatewayHeard: (at) => this.#decide({ type: "gateway-heard" }, at),
    });
    const { links } = this.#neighbourhood;
    this.#members = new Members({
      ...parts,
      ...{ hub: this.bfd, placements: () => this.#ownership.entries(), times: parts.ownership },
      nameOf: (index) => links.byIndex(index)?.name,
      onStandings: (changes, sessions, at) => this.#decide({ type: "standings", changes, sessions }, at),
      onHeard: (at) => this.#ownership.peerHeard(at),
    });
    this.#bindings = parts.answerer === "kernel" ? this.#openBindings() : undefined;
    this.#voice = new Voice({
      ...{ ...parts, links, bindings: this.#bindings },
      onWake: (at) => this.#wake(at),
      onClaim: (claim, at) => this.#decide({ type: "heard", ...claim }, at),
      onLinksOf: (addresses, at) => this.#onLinksOf(addresses, at),
    });
    this.#neighbourhood.lookAround(now());
  }

  /** The speakers of the cluster are these from now on, this node among them. */
  setMembers(members: readonly MemberWord[], now: Instant): void {
    this.#decide({ type: "members", members: members.map(({ name, macs }) => ({ name, macs })) }, now);
    const peers = members.filter(({ name }) => name !== this.#parts.self);
    this.#voice.setPeers(new Map(peers.flatMap(({ name, macs }) => macs.map((mac) => [mac, name]))));
    this.#members.set(members, now);
  }

  /** Placements that are new or have changed, and addresses that are gone. */
  place(changed: readonly PlacementWord[], removed: readonly IpAddress[], now: Instant): void {
    const isMine = ({ candidates }: PlacementWord): boolean => candidates.includes(this.#parts.self);
    const mine = changed.filter(isMine);
    for (const { address } of mine) this.#departing.delete(address);
    // One that was this node's before may be taken at once.
    this.#voice.allow(mine);
    this.#decide({ type: "placements", changed, removed }, now);
    const others = changed.filter((each) => !isMine(each)).map(({ address }) => address);
    this.#forget([...removed, ...others], now);
    this.#voice.begin(
      mine.map(({ address }) => address),
      now,
    );
    this.#members.meetSoon(now);
  }

  /** All placements that there are have been told: an address that comes later is used for the first time then. */
  allPlaced(now: Instant): void {
    this.#decide({ type: "all-placed" }, now);
  }

  /** What BFD packets are signed with from now on. */
  setAuthentication(authentication: PeerParts["authentication"], now: Instant): void {
    this.#members.setAuthentication(authentication, now);
  }

  /** The kernel's network has changed; gives whether it was more than an address that we have bound or taken off. */
  networkChanged(change: NetlinkChange, now: Instant): boolean {
    if (this.#bindings !== undefined) {
      // What others may have taken while this process stood still is not to be put back.
      this.#wake(now);
      if (this.#bindings.changed(change)) return false;
    }
    this.#neighbourhood.changed(change, now);
    return true;
  }

  /** Hands everything over; `onLeft` is called once nothing is held any more. */
  leave(now: Instant, onLeft: () => void): void {
    this.#onLeft = onLeft;
    this.#decide({ type: "leave" }, now);
  }

  /** Whether this node answers for an address now. */
  answers(address: IpAddress): boolean {
    return this.#isHeld(address) && this.#ownership.mayAnswer(address, this.#parts.now());
  }

  /** The interfaces of this node and their addresses, as they are now. */
  get links(): Links {
    return this.#neighbourhood.links;
  }

  /** The links on which an address is told of, by name; none for one that is not held. */
  interfacesOf(address: IpAddress): readonly string[] {
    if (!this.#isHeld(address)) return [];
    const { links } = this.#neighbourhood;
    return this.#voice.linksOf(address).flatMap((index) => links.byIndex(index)?.name ?? []);
  }

  /** Ends at once, without a word. */
  close(): void {
    this.#members.close();
    this.bfd.close();
    this.#voice.close();
    this.#bindings?.close();
    this.#neighbourhood.close();
    this.#companyNews.close();
    this.#parts.deadlines.set("ownership", undefined, this.#onOwnership);
  }

  #openBindings(): Bindings {
    const { links } = this.#neighbourhood;
    return new Bindings({
      ...this.#parts,
      nameOf: (index) => links.byIndex(index)?.name,
      onChange: (address) => this.#voice.bindingChanged(address, this.#parts.now()),
    });
  }

  #isHeld(address: IpAddress): boolean {
    const stance = this.#voice.stanceOf(address);
    return stance === "holding" || stance === "yielding";
  }

  /** Forgets addresses: those that are answered for still once they are not. */
  #forget(addresses: readonly IpAddress[], now: Instant): void {
    const held = addresses.filter((address) => this.#isHeld(address));
    for (const address of held) this.#departing.add(address);
    const free = addresses.filter((address) => !this.#departing.has(address));
    this.#voice.forget(free, now);
  }

  #onLinks(nodeLinks: readonly NodeLink[], now: Instant): void {
    this.#voice.setLinks(nodeLinks, now);
    this.#parts.onLinks?.(nodeLinks);
    // Sessions go by routes and links.
    this.#members.meet(now);
  }

  /** Tells ownership for which addresses there is a link now. */
  #onLinksOf(addresses: readonly IpAddress[], now: Instant): void {
    this.#parts.onVoices?.(addresses);
    const changes = addresses.flatMap((address) => {
      const isFit = this.#voice.linksOf(address).length > 0;
      return this.#ownership.entry(address)?.fitness === (isFit ? "fit" : "unfit")
        ? []
        : [{ address, isFit }];
    });
    if (changes.length > 0) this.#decide({ type: "fitness", changes }, now);
  }

  /** Gives up what others may have taken while this process stood still, before anything is said of it. */
  #wake(now: Instant): void {
    const due = this.#ownership.deadline();
    if (due !== undefined && due <= now) this.#decide({ type: "awake" }, now);
    this.#beat();
  }

  /** One input after the other: what follows from one may bring the next while it is performed. */
  #decide(input: Input, now: Instant): void {
    this.#inputs.push({ input, now });
    if (this.#isDeciding) return;
    this.#isDeciding = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        for (const effect of this.#ownership.step(next.input, next.now)) {
          this.#perform(effect, next.now);
          this.#beat();
        }
        this.#settle(next.now);
      }
    } finally {
      this.#isDeciding = false;
    }
    this.#parts.deadlines.set("ownership", this.#ownership.deadline(), this.#onOwnership);
  }

  /** Peers must not take this node for dead because it takes over thousands of addresses, or hears that others do. */
  #beat(): void {
    this.#untilBeat -= 1;
    if (this.#untilBeat > 0) return;
    this.#untilBeat = BEAT_AFTER;
    this.#goOn();
  }

  #goOn(): void {
    const now = this.#parts.now();
    this.#ownership.keepsRunning(now);
    this.#members.beat(now);
  }

  /** Answers for what it holds now and for nothing else: before anything is said that builds on it. */
  #settle(now: Instant): void {
    while (!this.#voice.settle(now)) this.#goOn();
  }

  /** What others have said moves what is concluded from their silence; and reading proves that this process runs, as time of its own would. */
  #onRead(now: Instant): void {
    this.#ownership.keepsRunning(now);
    if (!this.#isDeciding)
      this.#parts.deadlines.set("ownership", this.#ownership.deadline(), this.#onOwnership);
  }

  readonly #onOwnership = (now: Instant): void => {
    this.#members.drain();
    this.#voice.drain();
    this.#neighbourhood.drain();
    this.#decide({ type: "timer" }, now);
  };

  #perform(effect: Effect, now: Instant): void {
    switch (effect.type) {
      case "answer":
        this.#voice.stand(effect.address, "holding");
        this.#parts.onVoices?.([effect.address]);
        break;
      case "silence":
        this.#silence(effect.address, now);
        break;
      case "announce":
        // Taking it has begun a whole burst.
        if (effect.cause === "takeover") break;
        this.#settle(now);
        this.#voice.sayAgain(effect.address, effect.cause, now);
        break;
      case "ask": {
        this.#settle(now);
        const macs = effect.of === undefined ? undefined : this.#members.macsOf(effect.of);
        this.#voice.ask(effect.address, macs, now);
        break;
      }
      case "ask-gateway":
        this.#neighbourhood.askGateway();
        break;
      case "say-leaving":
      case "say-staying":
        this.#settle(now);
        this.#members.say(effect.type === "say-leaving" ? "leaving" : "staying", now);
        break;
      case "patience": {
        const { bfdMultiplier, isUsual, wait } = effect;
        this.#members.setMultiplier(bfdMultiplier, now);
        this.#parts.tell({ type: "patience", state: isUsual ? "ended" : "begun", wait });
        break;
      }
      case "say-vacated":
        this.#settle(now);
        this.#members.vacate(now);
        break;
      case "company":
        // Said last: who says that it holds nothing holds nothing.
        this.#settle(now);
        this.#members.say(effect.verdict === "isolated" ? "isolated" : "staying", now);
        this.#companyNews.judge(this.#ownership.company, now);
        break;
      case "left":
        this.#settle(now);
        this.#onLeft?.();
        break;
      default:
        this.#observe(effect, now);
    }
  }

  #silence(address: IpAddress, now: Instant): void {
    this.#voice.stand(address, "watching");
    if (this.#departing.delete(address)) this.#forget([address], now);
    this.#parts.onVoices?.([address]);
  }

  /** Tells people, and does what follows. */
  #observe(effect: Told, now: Instant): void {
    if (effect.type === "transition" && effect.to === "yielding")
      this.#voice.stand(effect.address, "yielding");
    const heardAt = (node: string): Instant | undefined => this.#members.heardAt(node);
    this.#parts.tell(eventOf(effect, { now, heardAt }));
  }
}
