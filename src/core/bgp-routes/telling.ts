/** From advertisements to what each peer is told. */
import type { RouteWord } from "#core/bgp/desired";
import { lastResort } from "#core/bgp/last-resort";
import type { LargeCommunity, RouteAttributes, StandardCommunity } from "#core/bgp/route";
import type { BgpAdvertisement } from "#core/metallb/model";
import type { Ads } from "./choice.ts";
import type { Stance } from "./stance.ts";

export type Targets = RouteWord["targets"];

/** So many combinations of advertisements and weights are kept; beyond that they are made anew. */
const MOST = 4096;

const standardOf = (ads: Ads): readonly StandardCommunity[] => {
  const all = new Set<StandardCommunity>();
  for (const { communities } of ads)
    for (const each of communities) if (each.type === "standard") all.add(each.high * 0x1_0000 + each.low);
  return [...all].sort((left, right) => left - right);
};

const compareLarge = (left: LargeCommunity, right: LargeCommunity): number =>
  left.administrator - right.administrator || left.first - right.first || left.second - right.second;

const largeOf = (ads: Ads): readonly LargeCommunity[] => {
  const byText = new Map<string, LargeCommunity>();
  for (const { communities } of ads) {
    for (const each of communities) {
      if (each.type !== "large") continue;
      const { administrator, first, second } = each;
      byText.set(`${administrator}:${first}:${second}`, { administrator, first, second });
    }
  }
  return [...byText.values()].sort(compareLarge);
};

/**
 * The local preference where none is asked for, for which an advertisement has 0: what routers take by themselves, and MetalLB on FRR
 * leads to. With 0 any other route would be preferred, and a node that is about to go (RFC 8326) would be as good as one that stays.
 */
export const USUAL_LOCAL_PREF = 100;

/**
 * What several advertisements of one prefix say together: all communities of any. They agree about the local preference; should
 * Services in one aggregate not, which a valid configuration excludes, the greatest counts.
 */
const merged = (ads: Ads): RouteAttributes => ({
  localPref: Math.max(...ads.map(({ localPref }) => localPref)) || USUAL_LOCAL_PREF,
  med: undefined,
  communities: standardOf(ads),
  largeCommunities: largeOf(ads),
  linkBandwidth: undefined,
});

const tells = ({ peers }: BgpAdvertisement, peer: string): boolean => peers === undefined || peers.has(peer);

/** What the peers of this node are told, for each list of advertisements once. */
export class Tellings {
  readonly #peers: readonly string[];
  readonly #stance: Stance;
  readonly #byAds = new Map<Ads, Map<number, Targets>>();
  #kept = 0;

  /** Peers by name, in order. */
  constructor({ peers, stance }: { readonly peers: readonly string[]; readonly stance: Stance }) {
    this.#peers = peers;
    this.#stance = stance;
  }

  /** Whom the advertisements tell what. `linkBandwidth` is in bytes a second. */
  targets(ads: Ads, linkBandwidth: number | undefined): Targets {
    const byWeight = this.#byAds.get(ads) ?? new Map<number, Targets>();
    const known = byWeight.get(linkBandwidth ?? -1);
    if (known !== undefined) return known;
    if (this.#kept >= MOST) {
      this.#byAds.clear();
      byWeight.clear();
      this.#kept = 0;
    }
    const targets = this.#made(ads, linkBandwidth);
    byWeight.set(linkBandwidth ?? -1, targets);
    this.#byAds.set(ads, byWeight);
    this.#kept += 1;
    return targets;
  }

  /** Whether any peer is told. */
  reaches(ads: Ads): boolean {
    return this.#peers.some((peer) => ads.some((ad) => tells(ad, peer)));
  }

  #made(ads: Ads, linkBandwidth: number | undefined): Targets {
    const groups = new Map<string, { readonly peers: string[]; readonly ads: Ads }>();
    for (const peer of this.#peers) {
      const told = ads.filter((ad) => tells(ad, peer));
      if (told.length === 0) continue;
      const which = ads.map((ad) => (tells(ad, peer) ? "x" : "-")).join("");
      const same = groups.get(which);
      if (same === undefined) groups.set(which, { peers: [peer], ads: told });
      else same.peers.push(peer);
    }
    return [...groups.values()].map(({ peers, ads: told }) => {
      const plain = { ...merged(told), linkBandwidth };
      return { peers, attributes: this.#stance === "last-resort" ? lastResort(plain) : plain };
    });
  }
}
