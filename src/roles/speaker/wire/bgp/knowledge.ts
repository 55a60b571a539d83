/**
 * What this node was told of its BGP peers and routes: by an agent, by the next one after it, or by what an earlier run left on disk.
 *
 * As for placements: what is told a second time changes nothing, and what a new agent does not tell any more is gone once it
 * says that this was all.
 */
import { formatInterfaceAddress, type InterfaceAddress } from "#base/prefix";
import type { PeerWord, RouteWord } from "#core/bgp/desired";

/** What follows from what was told. */
export type RouteChanges = {
  readonly changed: readonly RouteWord[];
  readonly removed: readonly InterfaceAddress[];
};

type Targets = RouteWord["targets"];

/** So many different ones are shared; beyond that they are gathered anew. */
const MOST_SHARED = 4_096;

/** Most routes say the same to the same peers: what they say is kept once. */
class SharedTargets {
  readonly #byText = new Map<string, Targets>();

  /** The one that is kept of equal ones. */
  of(targets: Targets): Targets {
    const text = JSON.stringify(targets);
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    if (this.#byText.size >= MOST_SHARED) this.#byText.clear();
    this.#byText.set(text, targets);
    return targets;
  }
}

export class BgpKnowledge {
  readonly #knownByPrefix = new Map<string, RouteWord>();
  readonly #shared = new SharedTargets();
  /** Told of since the agent's first word. */
  readonly #told = new Set<string>();
  #peers: readonly PeerWord[] | undefined;
  #peersText = "";

  /** `undefined` before anybody told. */
  get peers(): readonly PeerWord[] | undefined {
    return this.#peers;
  }

  /** All routes, in the order in which they became known. */
  routes(): readonly RouteWord[] {
    return [...this.#knownByPrefix.values()];
  }

  /** A new agent begins to tell. */
  begin(): void {
    this.#told.clear();
  }

  /** The peers are these; gives whether they were others before. */
  setPeers(peers: readonly PeerWord[]): boolean {
    const text = JSON.stringify(peers);
    if (text === this.#peersText) return false;
    this.#peers = peers;
    this.#peersText = text;
    return true;
  }

  /** Takes a part of the agent's routes; gives what is new in it. */
  route({ changed, removed }: RouteChanges): RouteChanges {
    for (const { prefix } of changed) this.#told.add(formatInterfaceAddress(prefix));
    for (const prefix of removed) this.#told.delete(formatInterfaceAddress(prefix));
    return {
      changed: changed.flatMap((route) => this.#note(route) ?? []),
      removed: removed.filter((prefix) => this.#knownByPrefix.delete(formatInterfaceAddress(prefix))),
    };
  }

  /** Takes routes from disk; gives those of which nothing was known. */
  recall(routes: readonly RouteWord[]): RouteChanges {
    const unknown = routes.filter(({ prefix }) => !this.#knownByPrefix.has(formatInterfaceAddress(prefix)));
    return { changed: unknown.flatMap((route) => this.#note(route) ?? []), removed: [] };
  }

  /** The agent has told everything; gives what was known besides. */
  end(): readonly InterfaceAddress[] {
    const others = [...this.#knownByPrefix].filter(([text]) => !this.#told.has(text));
    for (const [text] of others) this.#knownByPrefix.delete(text);
    return others.map(([, { prefix }]) => prefix);
  }

  /** Keeps a route; gives it as it is kept, or `undefined` if that was known. */
  #note({ prefix, targets: told }: RouteWord): RouteWord | undefined {
    const key = formatInterfaceAddress(prefix);
    const targets = this.#shared.of(told);
    if (this.#knownByPrefix.get(key)?.targets === targets) return undefined;
    const route = { prefix, targets };
    this.#knownByPrefix.set(key, route);
    return route;
  }
}
