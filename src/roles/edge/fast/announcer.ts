/**
 * Tells the neighbours where a router's addresses are, and listens for somebody else who claims them.
 *
 * One ARP socket, one for neighbour discovery, on each interface that carries an address; open while the router is
 * active.
 */
import { familyOf, type IpAddress, type IpFamily, isIpv4 } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { Instant } from "#base/time";
import { type Claim, claimOfArp, claimOfNdp, INITIAL as NOBODY, sight } from "#core/announce/duplicate";
import { framesFor } from "#core/announce/frames";
import { deadline, INITIAL, type Input, type State, step } from "#core/announce/machine";
import { decode as decodeArp } from "#core/arp/packet";
import { decode as decodeNdp } from "#core/ndp/packet";
import { isEnslaved } from "#core/netlink/link";
import type { Event } from "#core/observation/event";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import type { Link } from "#drivers/netlink/port";
import type { NeighbourMessage, NeighbourSocket, PacketError, PacketPort } from "#drivers/packet/port";
import type { Deadlines } from "#runtime/deadlines";
import type { Links } from "#runtime/links";
import { allAddresses } from "./addresses.ts";

type Parts = {
  /** Asked each time: a reload may change it. */
  readonly config: () => VirtualRouterConfig;
  readonly packets: PacketPort;
  readonly links: Links;
  /** Whether the kernel forwards IPv6 that arrives on a link, and so calls itself a router there. */
  readonly forwardsIpv6: (link: string) => boolean;
  readonly deadlines: Deadlines;
  readonly now: () => Instant;
  readonly emit: (event: Event) => void;
  readonly count: (key: string) => void;
};

type Voice = { readonly link: Link; readonly mac: MacAddress; readonly socket: NeighbourSocket };

export class Announcer {
  readonly #parts: Parts;
  #state: State = INITIAL;
  #suspicions = NOBODY;
  readonly #voiceByKey = new Map<string, Voice>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The addresses are here from now on; said again, when they or the policy have changed. */
  takeover(now: Instant): void {
    this.#feed({ type: this.#state.name === "silent" ? "takeover" : "reconfigured" }, now);
  }

  /** Another router was active with them: say again. */
  rival(now: Instant): void {
    this.#feed({ type: "rival" }, now);
  }

  /** The link is back: switches may have forgotten, and it may be another link of the same name. */
  linkUp(now: Instant): void {
    this.#listen();
    this.#feed({ type: "link-up" }, now);
  }

  /** The addresses are gone from here. */
  silence(now: Instant): void {
    this.#feed({ type: "silence" }, now);
    this.#close();
    this.#suspicions = NOBODY;
  }

  #feed(input: Input, now: Instant): void {
    const config = this.#parts.config();
    const addresses = allAddresses(config).map(({ address }) => address);
    const { state, effects } = step({ policy: config.gratuitous, addresses }, this.#state, input, now);
    this.#state = state;
    // A socket that could not be opened before may be by now.
    if (effects.length > 0) this.#listen();
    for (const effect of effects) for (const address of effect.addresses) this.#announce(address);
    this.#parts.deadlines.set(`announce ${config.name}`, deadline(state), this.#onTimer);
  }

  readonly #onTimer = (now: Instant): void => this.#feed({ type: "timer" }, now);

  #close(): void {
    for (const { socket } of this.#voiceByKey.values()) socket.close();
    this.#voiceByKey.clear();
  }

  #deviceOf(address: IpAddress): string {
    const config = this.#parts.config();
    return allAddresses(config).find((virtual) => virtual.address === address)?.device ?? config.interface;
  }

  /** Opens what is missing and asks each socket for the claims that matter to it. */
  #listen(): void {
    const config = this.#parts.config();
    const addressesByKey = Map.groupBy(
      allAddresses(config).map(({ address }) => address),
      (address) => this.#keyOf(address),
    );
    for (const [key, { link, socket }] of [...this.#voiceByKey]) {
      if (addressesByKey.has(key) && this.#parts.links.byName(link.name)?.index === link.index) continue;
      socket.close();
      this.#voiceByKey.delete(key);
    }
    for (const [key, addresses] of addressesByKey) {
      const [first] = addresses;
      const voice = this.#voiceByKey.get(key) ?? (first === undefined ? undefined : this.#open(first));
      const watching = voice?.socket.watch(addresses);
      if (watching?.ok === false) this.#count("neighbour-socket", watching.error);
    }
  }

  #count(what: "neighbour-socket" | "announcement-unsent", { code }: PacketError): void {
    this.#parts.count(`${what} ${this.#parts.config().name} ${code}`);
  }

  #keyOf(address: IpAddress): string {
    return `${this.#deviceOf(address)} ${familyOf(address)}`;
  }

  #open(address: IpAddress): Voice | undefined {
    const link = this.#parts.links.byName(this.#deviceOf(address));
    if (link?.mac === undefined || isEnslaved(link)) return undefined;
    const family: IpFamily = familyOf(address);
    const opened = this.#parts.packets.openNeighbour({
      link,
      family,
      onMessage: (message) => this.#hear(message),
      onError: (error) => this.#count("neighbour-socket", error),
    });
    if (!opened.ok) {
      this.#count("neighbour-socket", opened.error);
      return undefined;
    }
    const voice = { link, mac: link.mac, socket: opened.value };
    this.#voiceByKey.set(this.#keyOf(address), voice);
    return voice;
  }

  #announce(address: IpAddress): void {
    const voice = this.#voiceByKey.get(this.#keyOf(address));
    if (voice === undefined) return;
    const link = this.#parts.links.byName(voice.link.name);
    // What a port of a bridge says about addresses is not true; a link that is down the kernel refuses by itself.
    if (link === undefined || isEnslaved(link)) return;
    const mac = link.mac ?? voice.mac;
    // The kernel answers solicitations for this address: what we say must not contradict it (RFC 4861 §7.2.5).
    const router = !isIpv4(address) && this.#parts.forwardsIpv6(voice.link.name);
    for (const frame of framesFor({ address, mac, router })) {
      const sent = voice.socket.send(frame);
      if (!sent.ok) this.#count("announcement-unsent", sent.error);
    }
  }

  #claimIn(message: NeighbourMessage): Claim | undefined {
    if (message.type === "arp") {
      const packet = decodeArp(message.payload);
      return packet.ok ? claimOfArp(packet.value) : undefined;
    }
    const packet = decodeNdp(message.payload, message);
    return packet.ok ? claimOfNdp(packet.value) : undefined;
  }

  #hear(message: NeighbourMessage): void {
    const claim = this.#claimIn(message);
    if (claim === undefined) return;
    const config = this.#parts.config();
    const ownership = {
      addresses: new Set(allAddresses(config).map(({ address }) => address)),
      macs: this.#parts.links.macs(),
    };
    const now = this.#parts.now();
    const seen = sight(this.#suspicions, claim, ownership, now);
    this.#suspicions = seen.state;
    for (const effect of seen.effects) {
      if (effect.type === "defend") this.#feed({ type: "other-speaker" }, now);
      else this.#parts.emit({ type: "duplicate-address", router: config.name, ...effect.claim });
    }
  }
}
