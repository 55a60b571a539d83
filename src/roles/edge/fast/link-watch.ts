/** What is known of the interfaces that routers depend on, and which of them have changed. */
import type { MacAddress } from "#base/mac";
import { isEnslaved } from "#core/netlink/link";
import type { Event } from "#core/observation/event";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import type { Link } from "#drivers/netlink/port";
import type { Links } from "#runtime/links";
import { allAddresses } from "./addresses.ts";

/** Whether an interface can carry traffic. */
export type LinkState = Extract<Event, { type: "link" }>["state"];

/** What is remembered of a link: its state, and whether it is still the same one. */
type Note = { readonly state: LinkState; readonly index?: number; readonly mac?: MacAddress };

/** The state of a link that may not be there. */
export const linkState = (link: Link | undefined): LinkState => {
  if (link === undefined) return "absent";
  return link.up && link.carrier && !isEnslaved(link) ? "up" : "down";
};

const noteOf = (link: Link | undefined): Note => ({
  state: linkState(link),
  ...(link === undefined ? {} : { index: link.index }),
  ...(link?.mac === undefined ? {} : { mac: link.mac }),
});

/** The interfaces that matter to a router, but for the one with its virtual MAC address, which goes up and down with it. */
const interfacesOf = (config: VirtualRouterConfig): readonly string[] => [
  config.interface,
  ...allAddresses(config).flatMap(({ device }) =>
    device === undefined || device === config.virtualMacInterface ? [] : [device],
  ),
  ...config.track.flatMap(({ subject }) => (subject.kind === "interface" ? [subject.name] : [])),
];

export class LinkWatch {
  readonly #links: Links;
  readonly #emit: (event: Event) => void;
  readonly #noteByName = new Map<string, Note>();
  /** Names of the interfaces with virtual MAC addresses. */
  #virtual: ReadonlySet<string> = new Set();

  constructor(links: Links, emit: (event: Event) => void) {
    this.#links = links;
    this.#emit = emit;
  }

  /** Whether an interface matters to any router. */
  watches(name: string): boolean {
    return this.#noteByName.has(name) || this.#virtual.has(name);
  }

  /** From now on the interfaces of these routers matter; says which of the new ones are not up. */
  watch(configs: readonly VirtualRouterConfig[]): void {
    const names = new Set(configs.flatMap(interfacesOf));
    this.#virtual = new Set(configs.flatMap(({ virtualMacInterface }) => virtualMacInterface ?? []));
    for (const name of this.#noteByName.keys()) if (!names.has(name)) this.#noteByName.delete(name);
    for (const name of names) {
      if (this.#noteByName.has(name)) continue;
      const note = noteOf(this.#links.byName(name));
      this.#noteByName.set(name, note);
      if (note.state !== "up") this.#emit({ type: "link", link: name, state: note.state });
    }
  }

  /** Looks again, and says what changed; gives the interfaces that are back, or up as another link than before. */
  look(): readonly string[] {
    const returned: string[] = [];
    for (const [name, before] of this.#noteByName) {
      const note = noteOf(this.#links.byName(name));
      if (before.state === note.state && before.index === note.index && before.mac === note.mac) continue;
      this.#noteByName.set(name, note);
      if (before.state !== note.state) this.#emit({ type: "link", link: name, state: note.state });
      if (note.state === "up") returned.push(name);
    }
    return returned;
  }
}
