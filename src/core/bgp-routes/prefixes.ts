/** The prefixes that Services make, and what was said of each. */
import type { InterfaceAddress } from "#base/prefix";
import type { RouteWord } from "#core/bgp/desired";
import { isSameTowards } from "#core/bgp/rib-out/peer-route";
import { type PrefixKey, prefixKey } from "#core/bgp/rib-out/prefix-key";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Ads } from "./choice.ts";
import type { Share } from "./shares.ts";
import type { Targets } from "./telling.ts";

/** A prefix, the Services that are announced by it, and what was said. */
type Entry = {
  readonly prefix: InterfaceAddress;
  readonly adsOf: Map<ObjectKey, Ads>;
  told: RouteWord | undefined;
};

const isSameTargets = (left: Targets, right: Targets): boolean =>
  left === right ||
  (left.length === right.length &&
    left.every(({ peers, attributes }, index) => {
      const other = right[index];
      return (
        other !== undefined &&
        peers.length === other.peers.length &&
        peers.every((peer, place) => peer === other.peers[place]) &&
        isSameTowards("internal", attributes, other.attributes)
      );
    }));

const isSameShare = (left: Share, right: Share | undefined): boolean =>
  left.key === right?.key && left.ads === right.ads;

export class Prefixes {
  readonly #entries = new Map<PrefixKey, Entry>();
  /** To be decided about again. */
  readonly dirty = new Set<PrefixKey>();

  /** What was said of a prefix. */
  told(prefix: InterfaceAddress): RouteWord | undefined {
    return this.#entries.get(prefixKey(prefix))?.told;
  }

  /** Everything that was said. */
  *all(): Iterable<RouteWord> {
    for (const { told } of this.#entries.values()) if (told !== undefined) yield told;
  }

  /** The Services that are announced by a prefix, and by which advertisements. */
  adsOf(key: PrefixKey): ReadonlyMap<ObjectKey, Ads> {
    return this.#entries.get(key)?.adsOf ?? new Map();
  }

  /** Takes note that a Service adds other shares than before. */
  replace(service: ObjectKey, before: readonly Share[], after: readonly Share[]): void {
    for (const [index, share] of before.entries()) {
      if (isSameShare(share, after[index])) continue;
      this.#entries.get(share.key)?.adsOf.delete(service);
      this.dirty.add(share.key);
    }
    for (const [index, share] of after.entries()) {
      if (isSameShare(share, before[index])) continue;
      const entry = this.#entries.get(share.key) ?? {
        prefix: share.prefix,
        adsOf: new Map<ObjectKey, Ads>(),
        told: undefined,
      };
      this.#entries.set(share.key, entry);
      entry.adsOf.set(service, share.ads);
      this.dirty.add(share.key);
    }
  }

  markAll(): void {
    for (const key of this.#entries.keys()) this.dirty.add(key);
  }

  /** Says of a prefix whom it tells what; gives what is different from what was said. Forgets it with the last Service. */
  tell(key: PrefixKey, targets: Targets): RouteWord | "removed" | "same" {
    const entry = this.#entries.get(key);
    if (entry === undefined) return "same";
    if (entry.adsOf.size === 0) this.#entries.delete(key);
    const { prefix, told } = entry;
    if (targets.length === 0 || entry.adsOf.size === 0) {
      entry.told = undefined;
      return told === undefined ? "same" : "removed";
    }
    if (told !== undefined && isSameTargets(told.targets, targets)) return "same";
    entry.told = { prefix, targets };
    return entry.told;
  }

  /** The prefix of a key that is to be decided about. */
  prefixOf(key: PrefixKey): InterfaceAddress | undefined {
    return this.#entries.get(key)?.prefix;
  }
}
