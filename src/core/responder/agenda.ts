/** What is due when, for thousands of things whose times keep changing: a binary heap that knows where each one is. */
import type { Instant } from "#base/time";

type Item<Key> = { readonly key: Key; at: Instant };

export class Agenda<Key> {
  readonly #heap: Item<Key>[] = [];
  readonly #placeByKey = new Map<Key, number>();

  /** Sets or moves the time of something; `undefined` forgets it. */
  set(key: Key, at: Instant | undefined): void {
    const place = this.#placeByKey.get(key);
    if (at === undefined) {
      if (place !== undefined) this.#remove(place);
      return;
    }
    if (place === undefined) {
      this.#heap.push({ key, at });
      this.#placeByKey.set(key, this.#heap.length - 1);
      this.#rise(this.#heap.length - 1);
      return;
    }
    const item = this.#heap[place];
    if (item === undefined) return;
    item.at = at;
    this.#rise(place);
    this.#sink(this.#placeByKey.get(key) ?? place);
  }

  /** The earliest time; `undefined` when there is nothing to do. */
  next(): Instant | undefined {
    return this.#heap[0]?.at;
  }

  /** Takes out what is due first, if it is due. */
  take(now: Instant): Key | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.#remove(0);
    return first.key;
  }

  #remove(place: number): void {
    const gone = this.#heap[place];
    const last = this.#heap.pop();
    if (gone === undefined || last === undefined) return;
    this.#placeByKey.delete(gone.key);
    if (gone === last) return;
    this.#put(place, last);
    this.#rise(place);
    this.#sink(this.#placeByKey.get(last.key) ?? place);
  }

  #put(place: number, item: Item<Key>): void {
    this.#heap[place] = item;
    this.#placeByKey.set(item.key, place);
  }

  #rise(from: number): void {
    const item = this.#heap[from];
    if (item === undefined) return;
    let place = from;
    while (place > 0) {
      const above = (place - 1) >>> 1;
      const parent = this.#heap[above];
      if (parent === undefined || parent.at <= item.at) break;
      this.#put(place, parent);
      place = above;
    }
    this.#put(place, item);
  }

  #sink(from: number): void {
    const item = this.#heap[from];
    if (item === undefined) return;
    let place = from;
    for (;;) {
      const left = place * 2 + 1;
      const [one, other] = [this.#heap[left], this.#heap[left + 1]];
      const child = other !== undefined && one !== undefined && other.at < one.at ? other : one;
      if (child === undefined || child.at >= item.at) break;
      this.#put(place, child);
      place = child === one ? left : left + 1;
    }
    this.#put(place, item);
  }
}
