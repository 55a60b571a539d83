/** Keeps lists of names once, of which thousands of addresses have the same. */

/** Lists that are remembered, so that others like them become the same; whoever has one keeps it anyway. */
const MOST = 1_024;

const NONE: readonly string[] = [];

export class SharedLists {
  readonly #byText = new Map<string, readonly string[]>();
  readonly #names = new Map<string, string>();

  /** A list that is equal, with names of which there is one copy each. */
  share(list: readonly string[]): readonly string[] {
    if (list.length === 0) return NONE;
    const text = list.join(" ");
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    if (this.#byText.size === MOST) this.#byText.clear();
    if (this.#names.size >= MOST) this.#names.clear();
    const shared = list.map((name) => this.#nameOf(name));
    this.#byText.set(text, shared);
    return shared;
  }

  #nameOf(name: string): string {
    const known = this.#names.get(name);
    if (known === undefined) this.#names.set(name, name);
    return known ?? name;
  }
}
