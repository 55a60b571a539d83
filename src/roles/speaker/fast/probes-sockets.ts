/** The prober's sockets: of each link and family one for neighbours and, where there are ports, one for segments. */
import { familyOf, type IpAddress, type IpFamily, isIpv4 } from "#base/address";
import { BROADCAST_MAC, type MacAddress } from "#base/mac";
import type { Frame } from "#core/announce/frames";
import { encode as encodeArp, whoHas } from "#core/arp/packet";
import { solicit } from "#core/ndp/answer";
import { encodePacket } from "#core/ndp/packet";
import type { PacketError, PacketLink, PacketResult } from "#drivers/packet/port";
import type { HeardFrame, ResponderPort, ResponderSocket } from "#drivers/packet/responder-port";
import type { PortRange, ReservedPorts, SegmentPort, SegmentSocket } from "#drivers/packet/segment-port";
import type { Place } from "./probes-links.ts";

/**
 * Where handshakes come from: above what Linux gives to connections of its own (net.ipv4.ip_local_port_range). They take turns,
 * so that a port is not used again for an address while somebody may remember the last time, which is a minute.
 */
export const PROBE_PORTS: PortRange = { low: 61_000, high: 61_007 };

export type ProbePackets = ResponderPort & SegmentPort;

export type ProbeSocketsParts = {
  readonly packets: ProbePackets;
  readonly onFrame: (linkIndex: number, family: IpFamily, frame: HeardFrame) => void;
  readonly onSegment: (packet: Uint8Array) => void;
  readonly count: (what: string) => void;
};

type Voice = {
  readonly link: PacketLink;
  readonly answers: ResponderSocket;
  segments: SegmentSocket | undefined;
  /** Which list of addresses each listens for. */
  answersFor: number;
  segmentsFor: number;
};

/**
 * The question who has the address, asked from this node's own: the answer comes to this node alone. It is no probe of RFC
 * 5227, which says that the asker wants the address, and which a holder would have to defend itself against.
 */
const questionFor = (address: IpAddress, { mac, source }: Place): Frame => {
  if (isIpv4(address) && isIpv4(source)) {
    return { destination: BROADCAST_MAC, payload: encodeArp(whoHas(address, { mac, address: source })) };
  }
  const { message, context, destination } = solicit(address, { source, mac });
  return { destination, payload: encodePacket(message, context) };
};

export class ProbeSockets {
  readonly #parts: ProbeSocketsParts;
  readonly #voices = new Map<string, Voice>();
  #addresses: Readonly<Record<IpFamily, readonly IpAddress[]>> = { IPv4: [], IPv6: [] };
  #reserved: ReservedPorts | undefined;
  /** Which list `#addresses` is: sockets are told of a new one when they are used next. */
  #list = 0;

  constructor(parts: ProbeSocketsParts) {
    this.#parts = parts;
  }

  /** Answers of exactly these addresses are heard from now on. */
  setAddresses(addresses: Iterable<IpAddress>): void {
    const byFamily: Record<IpFamily, IpAddress[]> = { IPv4: [], IPv6: [] };
    for (const address of addresses) byFamily[familyOf(address)].push(address);
    this.#addresses = byFamily;
    this.#list += 1;
    for (const [key, voice] of this.#voices) {
      if (byFamily[key.endsWith("IPv4") ? "IPv4" : "IPv6"].length === 0) this.#close(key, voice);
    }
  }

  /** Closes the sockets of other links. */
  keep(isKept: (link: PacketLink) => boolean): void {
    for (const [key, voice] of this.#voices) if (!isKept(voice.link)) this.#close(key, voice);
  }

  /** Asks who has an address; gives whether the question went out. */
  ask(place: Place, address: IpAddress): boolean {
    const voice = this.#voiceAt(place);
    return voice !== undefined && this.#sent(place, voice.answers.send(questionFor(address, place)));
  }

  /** Sends a segment to a machine; gives whether it went out. */
  send(place: Place, destination: MacAddress, payload: Uint8Array): boolean {
    const socket = this.#segmentsAt(place);
    return socket !== undefined && this.#sent(place, socket.send({ destination, payload }));
  }

  /** The port of the handshake that is an address's so many-th. */
  portFor(turn: number): number {
    const ports = this.#reservedPorts();
    const { low, high } = PROBE_PORTS;
    // Without a port of its own it asks all the same: the kernel then sends resets, too.
    return ports[turn % ports.length] ?? low + (turn % (high - low + 1));
  }

  /** Reads what is queued: call it before anything is concluded from silence. */
  drain(): void {
    for (const { answers, segments } of this.#voices.values()) {
      answers.drain();
      segments?.drain();
    }
  }

  close(): void {
    for (const [key, voice] of this.#voices) this.#close(key, voice);
    this.#reserved?.close();
    this.#reserved = undefined;
  }

  #reservedPorts(): readonly number[] {
    if (this.#reserved === undefined) {
      const taken = this.#parts.packets.reservePorts(PROBE_PORTS);
      if (!taken.ok) {
        this.#refused(taken.error);
        return [];
      }
      this.#reserved = taken.value;
    }
    return this.#reserved.ports;
  }

  #close(key: string, { answers, segments }: Voice): void {
    answers.close();
    segments?.close();
    this.#voices.delete(key);
  }

  /** The sockets of a place, opened if need be, the neighbours' listening for what they should. */
  #voiceAt({ link, family }: Place): Voice | undefined {
    const key = `${link.index} ${family}`;
    const voice = this.#voices.get(key) ?? this.#open(link, family);
    if (voice === undefined) return undefined;
    this.#voices.set(key, voice);
    if (voice.answersFor !== this.#list) {
      const heard = voice.answers.listen(this.#addresses[family]);
      if (!heard.ok) return this.#refused(heard.error);
      voice.answersFor = this.#list;
    }
    return voice;
  }

  #open(link: PacketLink, family: IpFamily): Voice | undefined {
    const opened = this.#parts.packets.openResponder({
      ...{ link, family, questions: "unheard" },
      onFrame: (frame) => this.#parts.onFrame(link.index, family, frame),
      onError: (error) => this.#refused(error),
    });
    if (!opened.ok) return this.#refused(opened.error);
    return { link, answers: opened.value, segments: undefined, answersFor: -1, segmentsFor: -1 };
  }

  #segmentsAt(place: Place): SegmentSocket | undefined {
    const voice = this.#voiceAt(place);
    if (voice === undefined) return undefined;
    const { link, family } = place;
    if (voice.segments === undefined) {
      const opened = this.#parts.packets.openSegments({
        ...{ link, family, ports: PROBE_PORTS, onPacket: this.#parts.onSegment },
        onError: (error) => this.#refused(error),
      });
      if (!opened.ok) return this.#refused(opened.error);
      voice.segments = opened.value;
      voice.segmentsFor = -1;
    }
    if (voice.segmentsFor !== this.#list) {
      const heard = voice.segments.listen(this.#addresses[family]);
      if (!heard.ok) return this.#refused(heard.error);
      voice.segmentsFor = this.#list;
    }
    return voice.segments;
  }

  #sent({ link, family }: Place, result: PacketResult<undefined>): boolean {
    if (result.ok) return true;
    this.#refused(result.error);
    // A socket does not outlive its link.
    const { code } = result.error;
    const key = `${link.index} ${family}`;
    const voice = this.#voices.get(key);
    if (voice !== undefined && (code === "ENODEV" || code === "ENXIO")) this.#close(key, voice);
    return false;
  }

  #refused({ operation, code }: PacketError): undefined {
    this.#parts.count(`prober ${operation}: ${code}`);
    return undefined;
  }
}
