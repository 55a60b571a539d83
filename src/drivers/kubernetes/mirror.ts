/** The copy that a watch keeps: what is told once is not told again, and a new list is compared with what was there. */
import { isDeepStrictEqual } from "node:util";
import type { Interner } from "./intern.ts";
import { type Fields, fieldsOf, textOf } from "./json.ts";
import type { Sink, WatchOptions } from "./port.ts";

/** The key of an object as parsed: `namespace/name` or `name`; `""` if it has none. */
export const keyOfObject = (object: Fields): string => {
  const { namespace, name } = fieldsOf(object.metadata);
  const [space, own] = [textOf(namespace), textOf(name)];
  return space === "" ? own : `${space}/${own}`;
};

/** The version of an object or list as parsed; `""` if it has none. */
export const versionOf = (object: Fields): string => textOf(fieldsOf(object.metadata).resourceVersion);

export class Mirror<Item> {
  readonly items = new Map<string, Item>();
  readonly #options: Pick<WatchOptions<Item>, "project" | "keyOf" | "isSame">;
  readonly #sink: Sink<Item>;
  readonly #interner: Interner;
  /** While a list comes in: the keys that were in it so far. */
  #listed: Set<string> | undefined;

  constructor(
    options: Pick<WatchOptions<Item>, "project" | "keyOf" | "isSame">,
    sink: Sink<Item>,
    interner: Interner,
  ) {
    this.#options = options;
    this.#sink = sink;
    this.#interner = interner;
  }

  /** A list begins: what is not put until `endList` is gone. */
  beginList(): void {
    this.#listed = new Set();
  }

  /** The list is complete. */
  endList(): void {
    const listed = this.#listed;
    this.#listed = undefined;
    if (listed === undefined) return;
    for (const [key, item] of this.items) {
      if (listed.has(key)) continue;
      this.items.delete(key);
      this.#sink.removed(item);
    }
  }

  /** An object is there, in this version. */
  put(object: Fields): void {
    const { project, keyOf, isSame } = this.#options;
    const item = project(object);
    if (item === undefined) {
      this.remove(object);
      return;
    }
    this.#interner.intern(item);
    const key = keyOf(item);
    this.#listed?.add(key);
    const before = this.items.get(key);
    // Whoever was told of the one before may keep it: a second one like it would be kept besides.
    if (before !== undefined && isDeepStrictEqual(item, before)) return;
    this.items.set(key, item);
    if (before === undefined || isSame === undefined || !isSame(item, before))
      this.#sink.changed(item, before);
  }

  /** An object is not there any more. */
  remove(object: Fields): void {
    const key = keyOfObject(object);
    this.#listed?.delete(key);
    const before = this.items.get(key);
    if (before === undefined) return;
    this.items.delete(key);
    this.#sink.removed(before);
  }
}
