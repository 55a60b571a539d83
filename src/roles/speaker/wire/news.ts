/**
 * What an agent is told besides observations: only the newest of each counts, so an agent that is behind misses nothing.
 */
import type { IpAddress } from "#base/address";
import type { Verdict } from "#core/reachability/machine";
import type { BgpFacts } from "#core/speaker/bgp-facts";
import { type ReportedLink, reportText } from "#core/speaker-report/report";
import type { Voice, WireToAgent } from "../messages.ts";

/** Addresses in one message. */
const SLICE = 256;

/** A first part of a set, which is taken out of it. */
const takeSome = <Item>(set: Set<Item>): readonly Item[] => {
  const taken: Item[] = [];
  for (const item of set) {
    if (taken.length === SLICE) break;
    taken.push(item);
    set.delete(item);
  }
  return taken;
};

export class News {
  readonly #interfacesOf: (address: IpAddress) => readonly string[];
  /** As they were told, of addresses that are held. */
  readonly #interfacesTold = new Map<IpAddress, string>();
  readonly #unsureVoices = new Set<IpAddress>();
  #links: readonly ReportedLink[] = [];
  #linksText = "";
  #linksTold = "";
  readonly #verdicts = new Map<IpAddress, Verdict>();
  readonly #untoldVerdicts = new Set<IpAddress>();
  readonly #factsOf: () => BgpFacts;
  #areFactsTold = true;
  readonly #counts: Record<string, number> = {};
  #areCountsTold = true;

  /**
   * `interfacesOf`: where an address is answered for now; nothing for one that is not held. `factsOf`: how each BGP peer is now.
   */
  constructor(interfacesOf: (address: IpAddress) => readonly string[], factsOf: () => BgpFacts) {
    this.#interfacesOf = interfacesOf;
    this.#factsOf = factsOf;
  }

  /** BGP peers may be otherwise than before. */
  factsMayChange(): void {
    this.#areFactsTold = false;
  }

  /** These may be answered for elsewhere than before. */
  voicesMayChange(addresses: Iterable<IpAddress>): void {
    for (const address of addresses) this.#unsureVoices.add(address);
  }

  /** All links that may answer. */
  setLinks(links: readonly ReportedLink[]): void {
    this.#links = links;
    this.#linksText = reportText(links);
  }

  setVerdict(address: IpAddress, verdict: Verdict): void {
    this.#verdicts.set(address, verdict);
    this.#untoldVerdicts.add(address);
  }

  /** Only these are asked for any more. */
  keepVerdicts(addresses: ReadonlySet<IpAddress>): void {
    for (const address of this.#verdicts.keys()) {
      if (addresses.has(address)) continue;
      this.#verdicts.delete(address);
      this.#untoldVerdicts.delete(address);
    }
  }

  count(what: string, by = 1): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + by;
    this.#areCountsTold = false;
  }

  /** What a snapshot has of it. A new agent knows nothing of the rest, which is news to it. */
  begin(): {
    readonly voices: readonly Voice[];
    readonly links: readonly ReportedLink[];
    readonly bgp: BgpFacts;
  } {
    for (const address of this.#interfacesTold.keys()) this.#unsureVoices.add(address);
    this.#interfacesTold.clear();
    const voices: Voice[] = [];
    while (this.#unsureVoices.size > 0) voices.push(...this.#takeVoices());
    this.#linksTold = this.#linksText;
    for (const address of this.#verdicts.keys()) this.#untoldVerdicts.add(address);
    this.#areCountsTold = false;
    return { voices, links: this.#links, bgp: this.#factsOf() };
  }

  /** Sends what is new until `send` says that the agent is behind; gives whether all is told. */
  tell(send: (message: WireToAgent) => boolean): boolean {
    if (this.#linksTold !== this.#linksText) {
      this.#linksTold = this.#linksText;
      if (!send({ type: "links", links: this.#links })) return false;
    }
    while (this.#unsureVoices.size > 0) {
      const voices = this.#takeVoices();
      if (voices.length > 0 && !send({ type: "voices", voices })) return false;
    }
    while (this.#untoldVerdicts.size > 0) {
      const verdicts = takeSome(this.#untoldVerdicts).flatMap((address) => {
        const verdict = this.#verdicts.get(address);
        return verdict === undefined ? [] : [{ address, verdict }];
      });
      if (!send({ type: "verdicts", verdicts })) return false;
    }
    return true;
  }

  /** Sends what changes all the time, counts and how BGP peers are, if it has changed; gives whether it did. */
  tellCounts(send: (message: WireToAgent) => boolean): boolean {
    if (this.#areCountsTold && this.#areFactsTold) return false;
    if (!this.#areCountsTold) send({ type: "counts", counts: { ...this.#counts } });
    if (!this.#areFactsTold) send({ type: "bgp", facts: this.#factsOf() });
    this.#areCountsTold = true;
    this.#areFactsTold = true;
    return true;
  }

  #takeVoices(): readonly Voice[] {
    return takeSome(this.#unsureVoices).flatMap((address) => {
      const interfaces = this.#interfacesOf(address);
      const text = interfaces.join(" ");
      if (text === (this.#interfacesTold.get(address) ?? "")) return [];
      if (interfaces.length === 0) this.#interfacesTold.delete(address);
      else this.#interfacesTold.set(address, text);
      return [{ address, interfaces }];
    });
  }
}
