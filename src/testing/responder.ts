/** A node with a responder, for tests: what it does is collected, and time moves when the test moves it. */

import { addressBytes, addressFromBytes, type IpAddress, type IpFamily, isIpv4 } from "#base/address";
import { assert } from "#base/assert";
import { type MacAddress, macBytes, parseMac } from "#base/mac";
import { parseInterfaceAddress } from "#base/prefix";
import { after, type Duration, type Instant, instant } from "#base/time";
import { decode as decodeArp, encode as encodeArp, gratuitous, probe, whoHas } from "#core/arp/packet";
import { detect } from "#core/ndp/answer";
import { solicitedNodeGroup } from "#core/ndp/group";
import { decodePacket, encodePacket, unsolicited } from "#core/ndp/packet";
import type { Link } from "#core/netlink/link";
import { type Assignment, DEFAULTS, type NodeLink, type ResponderConfig } from "#core/responder/config";
import type { Effect } from "#core/responder/effects";
import type { AgainReason } from "#core/responder/holding";
import type { HeardFrame } from "#core/responder/reading";
import { Responder } from "#core/responder/responder";

/** The MAC address that ends in this number. */
export const macOf = (number: number): MacAddress => {
  const mac = parseMac(`02:00:00:00:00:${number.toString(16).padStart(2, "0")}`);
  assert(mac !== undefined, "not a MAC address", { number });
  return mac;
};

/** A link that can carry addresses, `eth<index>` with a MAC address that ends in its index, but for what is given. */
export const nodeLink = (
  index: number,
  networks: readonly string[] = ["192.0.2.1/24", "2001:db8::1/64"],
  overrides: Partial<Link> = {},
): NodeLink => ({
  link: {
    ...{ index, name: `eth${index}`, mac: macOf(index), mtu: 1_500 },
    ...{ up: true, carrier: true, loopback: false, ...overrides },
  },
  addresses: networks.flatMap((text) => parseInterfaceAddress(text) ?? []),
  router: false,
});

/** An address that is held on every interface and answered for by us, but for what is given. */
export const held = (address: IpAddress, overrides: Partial<Assignment> = {}): Assignment => ({
  ...{ address, stance: "holding", interfaces: "all", answers: "responder", ...overrides },
});

/** A frame as a host sends it to ask for an address. */
export const asks = (target: IpAddress, asker: number, source?: IpAddress): HeardFrame => {
  const mac = macOf(asker);
  const from = macBytes(mac);
  if (isIpv4(target)) {
    if (source === undefined || !isIpv4(source)) return { from, payload: encodeArp(probe(target, mac)) };
    return { from, payload: encodeArp(whoHas(target, { mac, address: source })) };
  }
  if (source === undefined) {
    const { message, context } = detect(target);
    return { from, payload: encodePacket(message, context) };
  }
  const context = { source, destination: solicitedNodeGroup(target) };
  return { from, payload: encodePacket({ type: "solicitation", target, mac }, context) };
};

/** A frame as a host sends it to tell everybody that it has an address. */
export const claims = (address: IpAddress, claimant: number): HeardFrame => {
  const mac = macOf(claimant);
  const from = macBytes(mac);
  if (isIpv4(address)) return { from, payload: encodeArp(gratuitous("request", { mac, address })) };
  const { message, context } = unsolicited({ mac, address, router: false });
  return { from, payload: encodePacket(message, context) };
};

/** What a frame that was sent says, in words. */
export const wordsOf = ({ family, frame, linkIndex, cause }: Extract<Effect, { type: "send" }>): string => {
  const to = `${cause} on ${linkIndex} to ${frame.destination}`;
  if (family === "IPv4") {
    const arp = decodeArp(frame.payload);
    assert(arp.ok, "what we send can be read");
    const { operation, senderAddress, senderMac, targetAddress } = arp.value;
    return `${to}: ${operation} ${senderAddress} at ${senderMac} for ${targetAddress}`;
  }
  const ndp = decodePacket(frame.payload);
  assert(ndp.ok, "what we send can be read");
  const { message, context } = ndp.value;
  const flags =
    message.type === "advertisement" ? `${message.solicited ? "S" : ""}${message.override ? "O" : ""} ` : "";
  return `${to}: ${message.type} ${flags}${message.target} at ${message.mac} from ${context.source} to ${context.destination}`;
};

type Send = Extract<Effect, { type: "send" }>;
type Told = Exclude<Effect, { type: "send" } | { type: "listen" }>;

/** One node. */
export class Node {
  readonly responder: Responder;
  now: Instant = instant(1_000_000);
  /** Frames since the last `take`, with their times. */
  readonly #sent: { readonly at: Instant; readonly send: Send }[] = [];
  readonly #told: Told[] = [];
  readonly ears = new Map<string, ReadonlySet<IpAddress>>();
  /** What sockets were told to be new, each time; `undefined` where they were told of all. */
  readonly added: (readonly IpAddress[] | undefined)[] = [];
  /** Most frames in one call. */
  largestTurn = 0;

  constructor(config: Partial<ResponderConfig> = {}) {
    this.responder = new Responder({ ...DEFAULTS, nonce: 0x1234_5678, ...config });
  }

  /** Performs effects: they are noted. */
  readonly #note = (effects: readonly Effect[]): void => {
    let sent = 0;
    for (const effect of effects) {
      if (effect.type === "listen") {
        const key = `${effect.linkIndex} ${effect.family}`;
        this.added.push(effect.added);
        if (effect.addresses.size === 0) this.ears.delete(key);
        else this.ears.set(key, effect.addresses);
      } else if (effect.type === "send") {
        const { linkIndex, family } = effect;
        assert(this.ears.has(`${linkIndex} ${family}`), "there is a socket", { linkIndex, family });
        this.#sent.push({ at: this.now, send: effect });
        sent += effect.cause === "answer" ? 0 : 1;
      } else this.#told.push(effect);
    }
    this.largestTurn = Math.max(this.largestTurn, sent);
  };

  links(...links: readonly NodeLink[]): this {
    this.#note(this.responder.setLinks(links, this.now));
    return this;
  }

  assign(...assignments: readonly Assignment[]): this {
    this.#note(this.responder.assign(assignments, this.now));
    return this;
  }

  forget(...addresses: readonly IpAddress[]): this {
    this.#note(this.responder.forget(addresses, this.now));
    return this;
  }

  /** Tells of these addresses again. */
  sayAgain(why: AgainReason, ...addresses: readonly IpAddress[]): this {
    this.#note(this.responder.sayAgain(addresses, why, this.now));
    return this;
  }

  /** A link is reached another way. */
  sayAgainOn(linkIndex: number): this {
    this.#note(this.responder.sayAgainOn(linkIndex, this.now));
    return this;
  }

  expect(address: IpAddress): this {
    this.#note(this.responder.expect(address, this.now));
    return this;
  }

  hear(linkIndex: number, frame: HeardFrame, family: IpFamily = familyOf(frame)): this {
    this.#note(this.responder.hear(linkIndex, family, frame, this.now));
    return this;
  }

  timer(): this {
    this.#note(this.responder.timer(this.now));
    return this;
  }

  /** Lets time pass; what is due happens at its time. */
  pass(duration: Duration): this {
    const end = after(this.now, duration);
    for (let at = this.responder.deadline(); at !== undefined && at <= end; at = this.responder.deadline()) {
      this.now = instant(Math.max(at, this.now));
      this.timer();
    }
    this.now = end;
    return this;
  }

  /** What was sent since this was asked last. */
  takeSent(): readonly { readonly at: Instant; readonly send: Send }[] {
    return this.#sent.splice(0);
  }

  /** The same in words. */
  take(): readonly string[] {
    return this.takeSent().map(({ send }) => wordsOf(send));
  }

  /** What was told since this was asked last. */
  told(): readonly Told[] {
    return this.#told.splice(0);
  }
}

/** IPv6 packets begin with the version 6, ARP with the hardware type. */
const familyOf = ({ payload }: HeardFrame): IpFamily => ((payload[0] ?? 0) >>> 4 === 6 ? "IPv6" : "IPv4");

/** The address that is so many after another one. */
export const addressAfter = (first: IpAddress, count: number): IpAddress => {
  const bytes = addressBytes(first);
  let carry = count;
  for (let index = bytes.length - 1; index >= 0 && carry > 0; index -= 1) {
    const sum = (bytes[index] ?? 0) + carry;
    bytes[index] = sum & 0xff;
    carry = sum >>> 8;
  }
  return addressFromBytes(bytes);
};
