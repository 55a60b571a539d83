/** Keeps lists of nodes once, of which thousands of addresses have the same. */
import type { PlacementWord } from "../fast/desired.ts";

/** Lists that are remembered, so that others like them become the same; each is kept anyway by who has it. */
const MOST = 1_024;

export class SharedLists {
  readonly #byText = new Map<string, readonly string[]>();
  readonly #names = new Map<string, string>();

  /** The placement with lists that others have as well, and names of which there is one copy each. */
  share({ address, candidates, interfaces }: PlacementWord): PlacementWord {
    return {
      address,
      candidates: this.#shared(candidates),
      interfaces: interfaces === "all" ? interfaces : this.#shared(interfaces),
    };
  }

  #shared(list: readonly string[]): readonly string[] {
    const text = list.join(" ");
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    if (this.#byText.size === MOST) this.#byText.clear();
    if (this.#names.size >= MOST * 8) this.#names.clear();
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
