/** The links of a node, and which of them each address is heard and told of on. */
import { addressBytes, type IpAddress } from "#base/address";
import type { Instant } from "#base/time";
import type { Assignment, NodeLink, ResponderConfig } from "./config.ts";
import {
  fittingLinks,
  lostNetworks,
  type Network,
  type UnfitReason,
  type UsableLink,
  unfitLinks,
  usableLink,
} from "./fitness.ts";
import type { Holding } from "./holding.ts";
import { LinkLists } from "./link-lists.ts";
import type { Listening } from "./listening.ts";
import { LOOK_ADDRESS, type Segments } from "./segments.ts";

/** Addresses whose links are found anew in one call. */
const FIT_TURN = 512;

const networkWords = (networks: readonly Network[]): readonly unknown[] =>
  networks.map(({ bytes, prefixLength }) => [...bytes, prefixLength]);

const wordsOf = ({ networks, ...rest }: UsableLink): string => JSON.stringify([rest, networkWords(networks)]);

const sameLinks = (one: ReadonlyMap<number, UsableLink>, other: ReadonlyMap<number, UsableLink>): boolean =>
  one.size === other.size &&
  [...one].every(([index, link]) => {
    const same = other.get(index);
    return same !== undefined && wordsOf(same) === wordsOf(link);
  });

export class Fitting {
  readonly #excludedNames: readonly RegExp[];
  readonly #segments: Segments;
  readonly #listening: Listening;
  #nodeLinks: readonly NodeLink[] = [];
  #links: ReadonlyMap<number, UsableLink> = new Map();
  /** Those that are not left out by name. */
  #openLinks: readonly UsableLink[] = [];
  /** Networks whose links are down. */
  #lost: readonly Network[] = [];
  #lostWords = "[]";
  /** Names that addresses ask for. */
  readonly #named = new Set<string>();
  readonly #fits = new LinkLists<UsableLink>(({ index }) => index);
  readonly #choices = new LinkLists<number>((index) => index);
  /** Addresses whose links may be others now. */
  readonly #unfitted = new Set<Holding>();
  /** Addresses whose links were found since that was last asked. */
  readonly #fitted = new Set<IpAddress>();
  /** Links that are the same but for their MAC address: what neighbours know of them is wrong. */
  readonly #renewed = new Set<number>();
  /** Links that listen for looks. */
  #looking: ReadonlySet<number> = new Set();

  constructor(
    { excludedNames }: ResponderConfig,
    { segments, listening }: { readonly segments: Segments; readonly listening: Listening },
  ) {
    this.#excludedNames = excludedNames;
    this.#segments = segments;
    this.#listening = listening;
  }

  /** The links on which something can be said, by their number. */
  links(): ReadonlyMap<number, UsableLink> {
    return this.#links;
  }

  /** Whether `fitSome` has more to do. */
  isBehind(): boolean {
    return this.#unfitted.size > 0;
  }

  /**
   * These are the links now; gives whether addresses may have others than before. Links of containers come and go all day,
   * and change nothing.
   */
  setLinks(nodeLinks: readonly NodeLink[], now: Instant): boolean {
    this.#nodeLinks = nodeLinks;
    const before = this.#links;
    const links = new Map<number, UsableLink>();
    for (const nodeLink of nodeLinks) {
      const usable = usableLink(nodeLink, this.#excludedNames);
      if (usable === undefined || (usable.excluded && !this.#named.has(usable.name))) continue;
      links.set(usable.index, usable);
    }
    const lost = lostNetworks(nodeLinks, this.#excludedNames);
    const lostWords = JSON.stringify(networkWords(lost));
    if (sameLinks(before, links) && lostWords === this.#lostWords) return false;
    this.#lost = lost;
    this.#lostWords = lostWords;
    this.#links = links;
    this.#fits.clear();
    this.#openLinks = [...links.values()].filter(({ excluded }) => !excluded);
    this.#segments.setLinks(links);
    this.#lookFor(now);
    for (const { index, mac } of links.values()) {
      const known = before.get(index);
      if (known !== undefined && known.mac !== mac) this.#renewed.add(index);
    }
    return true;
  }

  /** The links of these are to be found anew, some in each turn. */
  fitLater(holdings: Iterable<Holding>): void {
    for (const holding of holdings) this.#unfitted.add(holding);
  }

  /** What is known of segments has changed. */
  chooseLater(holdings: Iterable<Holding>): void {
    for (const holding of holdings) if (holding.fit.length > 1) this.#unfitted.add(holding);
  }

  /** Finds links anew for some of those that wait for it, and gives these. */
  fitSome(now: Instant): readonly Holding[] {
    const fitted: Holding[] = [];
    for (const holding of this.#unfitted) {
      if (fitted.length === FIT_TURN) return fitted;
      this.#unfitted.delete(holding);
      this.fit(holding, now);
      for (const index of this.#renewed) holding.sayAgain("link-up", now, index);
      fitted.push(holding);
    }
    this.#renewed.clear();
    return fitted;
  }

  /** Addresses whose links were found anew since the last call; they may be the same. */
  takeFitted(): readonly IpAddress[] {
    const fitted = [...this.#fitted];
    this.#fitted.clear();
    return fitted;
  }

  /** Finds the links of an address. */
  fit(holding: Holding, now: Instant): void {
    this.#fitted.add(holding.address);
    const { assignment, family, address } = holding;
    const before = holding.fit;
    const candidates = assignment.interfaces === "all" ? this.#openLinks : this.#namedLinks(assignment, now);
    const { interfaces } = assignment;
    const fitting = fittingLinks({ links: candidates, lost: this.#lost }, addressBytes(address), interfaces);
    holding.fit = this.#fits.share(fitting);
    for (const { index } of holding.fit) this.#listening.add(index, family, address, now);
    for (const { index } of before) {
      if (!holding.fit.some((link) => link.index === index)) {
        this.#listening.remove(index, family, address, now);
      }
    }
    this.#choose(holding, now);
  }

  /** An address is nowhere any more. */
  forget(holding: Holding, now: Instant): void {
    this.#unfitted.delete(holding);
    this.#fitted.delete(holding.address);
    for (const { index } of holding.fit) {
      this.#listening.remove(index, holding.family, holding.address, now);
    }
  }

  /** Before looks: which links they matter for now. */
  reconsider(holdings: Iterable<Holding>, now: Instant): void {
    const contested = new Set<number>();
    for (const { fit } of holdings) {
      if (fit.length > 1) for (const { index } of fit) contested.add(index);
    }
    this.#segments.keep(contested);
    this.#lookFor(now);
  }

  /** Why nothing is said of an address on a link, by name. */
  reasons(assignment: {
    readonly address: IpAddress;
    readonly interfaces: Assignment["interfaces"];
  }): ReadonlyMap<string, UnfitReason> {
    return unfitLinks(this.#nodeLinks, assignment, this.#excludedNames);
  }

  /** A name that is asked for the first time may be that of a link that was left out. */
  #namedLinks({ interfaces }: Assignment, now: Instant): Iterable<UsableLink> {
    const news = interfaces === "all" ? [] : interfaces.filter((name) => !this.#named.has(name));
    for (const name of news) this.#named.add(name);
    if (news.length > 0) this.setLinks(this.#nodeLinks, now);
    return this.#links.values();
  }

  #choose(holding: Holding, now: Instant): void {
    const { contested } = this.#segments;
    const chosen = this.#segments.choose(holding.fit, (index) => holding.speaksOn(index), now);
    if (this.#segments.contested !== contested) this.#lookFor(now);
    const kept = holding.links.filter((index) => chosen.has(index));
    if (kept.length === holding.links.length && kept.length === chosen.size) return;
    const added = [...chosen].filter((index) => !kept.includes(index));
    holding.speakOn(this.#choices.share([...kept, ...added]), now);
  }

  /** Links that may be on one segment hear each other's looks. */
  #lookFor(now: Instant): void {
    const contested = new Set(this.#segments.contestedLinks());
    for (const index of contested) {
      if (!this.#looking.has(index)) this.#listening.add(index, "IPv4", LOOK_ADDRESS, now, true);
    }
    for (const index of this.#looking) {
      if (!contested.has(index)) this.#listening.remove(index, "IPv4", LOOK_ADDRESS, now);
    }
    this.#looking = contested;
  }
}
