/** The advertisements that mean this node, by pool, and lists of them that are the same object wherever they hold the same. */
import type { TextMap } from "#core/kubernetes/meta";
import { matchesAny } from "#core/kubernetes/selector";
import type { BgpAdvertisement } from "#core/metallb/model";
import type { Ads } from "./choice.ts";

const NONE: Ads = [];

/** Gives the one list that holds certain advertisements. */
class Lists {
  readonly #idOf = new WeakMap<BgpAdvertisement, number>();
  readonly #byIds = new Map<string, Ads>();
  #lastId = 0;

  of(ads: Ads): Ads {
    const ids = ads.map((ad) => this.#id(ad)).join(" ");
    const known = this.#byIds.get(ids);
    if (known !== undefined) return known;
    this.#byIds.set(ids, ads);
    return ads;
  }

  clear(): void {
    this.#byIds.clear();
  }

  #id(ad: BgpAdvertisement): number {
    const known = this.#idOf.get(ad);
    if (known !== undefined) return known;
    this.#lastId += 1;
    this.#idOf.set(ad, this.#lastId);
    return this.#lastId;
  }
}

export class AdIndex {
  readonly #lists = new Lists();
  #all: Ads = NONE;
  #here: Ads = NONE;
  #byPool = new Map<string, Ads>();

  /** Puts advertisements in force; `labels` are those of this node, `undefined` if it is not known. */
  configure(all: Ads, labels: TextMap | undefined): void {
    this.#all = all;
    this.#lists.clear();
    this.#index(this.#meaning(labels));
  }

  /** All that are in force, whatever node they mean. */
  get all(): Ads {
    return this.#all;
  }

  /** Looks at this node anew; says whether other advertisements mean it than before. */
  look(labels: TextMap | undefined): "changed" | "same" {
    const here = this.#meaning(labels);
    if (here.length === this.#here.length && here.every((ad, index) => ad === this.#here[index]))
      return "same";
    this.#index(here);
    return "changed";
  }

  /** Those of a pool that mean this node, by name. */
  ofPool(pool: string): Ads {
    return this.#byPool.get(pool) ?? NONE;
  }

  /** The same list for the same advertisements, so that what follows from them is found again. */
  shared(ads: Ads): Ads {
    return this.#lists.of(ads);
  }

  /** All that lists hold, each once. */
  union(lists: ReadonlySet<Ads>): Ads {
    const [first = NONE] = lists;
    if (lists.size <= 1) return first;
    const ads = [...new Set([...lists].flat())];
    return this.shared(ads.sort((left, right) => (left.name < right.name ? -1 : 1)));
  }

  #meaning(labels: TextMap | undefined): Ads {
    if (labels === undefined) return NONE;
    return this.#all.filter(
      ({ nodeSelectors }) => nodeSelectors.length === 0 || matchesAny(nodeSelectors, labels),
    );
  }

  #index(here: Ads): void {
    this.#here = here;
    const byPool = new Map<string, BgpAdvertisement[]>();
    for (const ad of here) {
      for (const pool of ad.pools) {
        const list = byPool.get(pool);
        if (list === undefined) byPool.set(pool, [ad]);
        else list.push(ad);
      }
    }
    this.#byPool = new Map([...byPool].map(([pool, ads]) => [pool, this.shared(ads)]));
  }
}
