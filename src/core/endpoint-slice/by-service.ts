/** What the slices of each Service come to together, as they come and go. */
import type { ObjectKey } from "#core/kubernetes/meta";
import type { EndpointSlice } from "./endpoint-slice.ts";

/** How slices are summed up. */
export type Summary<T> = {
  /** Of no slices. */
  readonly none: T;
  readonly of: (slices: Iterable<EndpointSlice>) => T;
  readonly isSame: (left: T, right: T) => boolean;
};

/** Different sums that are kept once each: those of thousands of Services are often the same. */
const MOST_SUMS = 64;

/** A list: nearly all Services have one slice, and a map of one takes four times as much. */
type Entry<T> = { slices: readonly EndpointSlice[]; sum: T };

/** Slices by the Services that they name, and a sum for each Service. */
export class SlicesByService<T> {
  readonly #summary: Summary<T>;
  readonly #byService = new Map<ObjectKey, Entry<T>>();
  /** A slice may come to name another Service. */
  readonly #serviceOf = new Map<ObjectKey, ObjectKey>();
  readonly #sums: T[] = [];

  constructor(summary: Summary<T>) {
    this.#summary = summary;
  }

  /** The sum over a Service's slices. */
  of(service: ObjectKey): T {
    return this.#byService.get(service)?.sum ?? this.#summary.none;
  }

  /** Takes note of a slice; gives the Services whose sum changed. */
  set(slice: EndpointSlice): readonly ObjectKey[] {
    const before = this.#serviceOf.get(slice.key);
    const left = before === undefined || before === slice.service ? [] : this.remove(slice.key);
    const entry: Entry<T> = this.#byService.get(slice.service) ?? { slices: [], sum: this.#summary.none };
    this.#byService.set(slice.service, entry);
    this.#serviceOf.set(slice.key, slice.service);
    // Without room for more, which a list that has grown has.
    entry.slices = entry.slices.filter(({ key }) => key !== slice.key).concat(slice);
    return [...left, ...this.#settle(slice.service, entry)];
  }

  /** Takes note that a slice is gone; gives the Services whose sum changed. */
  remove(slice: ObjectKey): readonly ObjectKey[] {
    const service = this.#serviceOf.get(slice);
    const entry = service === undefined ? undefined : this.#byService.get(service);
    if (service === undefined || entry === undefined) return [];
    this.#serviceOf.delete(slice);
    entry.slices = entry.slices.filter(({ key }) => key !== slice);
    if (entry.slices.length === 0) this.#byService.delete(service);
    return this.#settle(service, entry);
  }

  #settle(service: ObjectKey, entry: Entry<T>): readonly ObjectKey[] {
    const sum = this.#summary.of(entry.slices);
    if (this.#summary.isSame(sum, entry.sum)) return [];
    entry.sum = this.#shared(sum);
    return [service];
  }

  #shared(sum: T): T {
    const known = this.#sums.find((each) => this.#summary.isSame(each, sum));
    if (known === undefined && this.#sums.length < MOST_SUMS) this.#sums.push(sum);
    return known ?? sum;
  }
}
