/** One object for all that are equal: words come as JSON, in which nothing is shared. */
import type { RouteAttributes } from "../route.ts";
import { attributesText } from "./peer-route.ts";

/** So many are kept. Beyond that it begins anew, and equal ones may be different objects: that costs memory only. */
const MOST = 4096;

/** Keeps one value for each text. */
class Shared<T> {
  readonly #byText = new Map<string, T>();
  readonly #textOf: (value: T) => string;

  constructor(textOf: (value: T) => string) {
    this.#textOf = textOf;
  }

  of(value: T): T {
    const text = this.#textOf(value);
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    if (this.#byText.size >= MOST) this.#byText.clear();
    this.#byText.set(text, value);
    return value;
  }
}

/** Shares attributes and lists of peers. */
export class Sharing {
  readonly #attributes = new Shared<RouteAttributes>(attributesText);
  readonly #peers = new Shared<readonly string[]>((peers) => JSON.stringify(peers));

  attributes(attributes: RouteAttributes): RouteAttributes {
    return this.#attributes.of(attributes);
  }

  peers(peers: readonly string[]): readonly string[] {
    return this.#peers.of(peers);
  }
}
