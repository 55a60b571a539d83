/** One virtual router at work: its machine, its socket, its addresses, and what it tells its neighbours. */
import type { IpAddress } from "#base/address";
import { between, type Instant } from "#base/time";
import type { SubjectHealth } from "#core/election/tracking";
import type { Event } from "#core/observation/event";
import type { Tracked, VirtualRouterConfig } from "#core/vrrp/config";
import type { Conflict } from "#core/vrrp/conflict";
import { PRIORITY_LEAVING } from "#core/vrrp/constants";
import { decode } from "#core/vrrp/packet";
import { absenceInterval } from "#core/vrrp/resume";
import {
  deadline,
  destinations,
  encodeAdvertisement,
  initialRouter,
  type RouterEffect,
  type RouterInput,
  type RouterState,
  type RouterStep,
  step,
} from "#core/vrrp/router";
import type { State } from "#core/vrrp/state";
import type { Link, LinkAddress, NetlinkPort } from "#drivers/netlink/port";
import type { PacketError, PacketPort } from "#drivers/packet/port";
import type { Deadlines } from "#runtime/deadlines";
import type { Links } from "#runtime/links";
import { Addresses, allAddresses } from "./addresses.ts";
import { Announcer } from "./announcer.ts";
import { type Ground, Place } from "./place.ts";
import { faultReason, shown } from "./shown.ts";
import type { Listener, Stations } from "./stations.ts";
import { Verdict } from "./verdict.ts";

/** What a router needs of its surroundings. */
export type RouterParts = {
  readonly stations: Stations;
  readonly deadlines: Deadlines;
  readonly netlink: NetlinkPort;
  readonly packets: PacketPort;
  readonly links: Links;
  /** Whether the kernel forwards IPv6 that arrives on a link. */
  readonly forwardsIpv6: (link: string) => boolean;
  readonly now: () => Instant;
  readonly emit: (event: Event) => void;
  readonly count: (key: string) => void;
  /** The machine has another state: its sync group may have to follow. */
  readonly onStep: (router: Router) => void;
  /** An advertisement of an active router went out. */
  readonly onSpoken: (router: Router, now: Instant) => void;
};

/** Whether the sender of a packet says that it stops (priority 0): it is nobody's successor. */
const isLeaving = ({ payload, context }: RouterInput & { type: "packet" }): boolean => {
  const packet = decode(payload, context);
  return packet.ok && packet.value.advertisement.priority === PRIORITY_LEAVING;
};

export class Router implements Listener {
  #config: VirtualRouterConfig;
  readonly #parts: RouterParts;
  readonly #addresses: Addresses;
  readonly #announcer: Announcer;
  readonly #place: Place;
  readonly #verdict: Verdict;
  #state: RouterState;
  /** A killed predecessor left the addresses here: they stay until another router is heard to be active. */
  #leftBehind: boolean;
  /** Set between the resignation and the first word of a successor. */
  #onSuccessor: (() => void) | undefined;
  /** The kernel's number of the interface with its virtual MAC address. */
  #virtualIndex: number | undefined;
  /** Set when the program ends and everything stays as it is. */
  #hasLeft = false;
  /** Whether the last packet was dropped. */
  #refused = false;

  /** `predecessor` is the router of this name that another configuration has just ended. */
  constructor(config: VirtualRouterConfig, parts: RouterParts, predecessor?: Router) {
    this.#config = config;
    this.#parts = parts;
    this.#state = initialRouter(config);
    const own = { ...parts, config: () => this.#config };
    this.#place = new Place(own, this);
    const before = predecessor === undefined ? undefined : predecessor.#verdict;
    this.#verdict = new Verdict(config, parts.emit, before);
    this.#addresses = new Addresses(own);
    this.#announcer = new Announcer(own);
    this.#leftBehind = this.#addresses.leftBehind();
  }

  get config(): VirtualRouterConfig {
    return this.#config;
  }

  get name(): string {
    return this.#config.name;
  }

  get machine(): State {
    return this.#state.machine;
  }

  /** Whether it could not be seated on a link that is there, so that trying again may help. */
  get unseated(): boolean {
    return this.#place.refused;
  }

  /** The kernel's number of the link that it sits on; `undefined` when it sits nowhere. */
  get linkIndex(): number | undefined {
    return this.#place.linkIndex;
  }

  /** Whether nothing but the word to start is missing. */
  get startable(): boolean {
    const { machine } = this.#state;
    return machine.name === "initialize" && machine.obstacles.every((obstacle) => obstacle === "not-started");
  }

  /** Whether it was never told to start, or to stop since. */
  get unstarted(): boolean {
    const { machine } = this.#state;
    return machine.name === "initialize" && machine.obstacles.includes("not-started");
  }

  /** Whether a killed predecessor left its addresses here. */
  get hasInherited(): boolean {
    return this.#leftBehind;
  }

  /** Takes the machine one step on and does what it says. */
  feed(input: RouterInput, now: Instant): void {
    if (this.#hasLeft) return;
    const before = this.#state.machine;
    const { state, effects, transition } = step(this.#config, this.#state, input, now);
    this.#state = state;
    this.#refused = effects.some(({ type }) => type === "drop");
    // A peer that hands over lets go as soon as it hears us, so the addresses are here before the advertisement is out.
    if (effects.some(({ type }) => type === "announce-addresses")) this.#addresses.take(now);
    for (const effect of effects) this.#perform(effect, now);
    this.#report(before, transition);
    this.#parts.deadlines.set(`router ${this.#config.name}`, deadline(this.#state), this.#onTimer);
    if (before !== state.machine) this.#parts.onStep(this);
  }

  onPacket(packet: RouterInput & { type: "packet" }, now: Instant): void {
    this.feed(packet, now);
    if (this.#refused) return;
    if (this.#onSuccessor !== undefined) {
      if (isLeaving(packet)) return;
      const onSuccessor = this.#onSuccessor;
      this.stop(now);
      onSuccessor();
      return;
    }
    // Another router that is active in our place ends what a killed predecessor held.
    if (this.#leftBehind && this.#state.machine.name !== "active") this.#clearLeftBehind(now);
  }

  onError(error: PacketError): void {
    this.#parts.count(`vrrp-socket ${this.#config.name} ${error.code}`);
  }

  /** Another configuration of the same name, on the same link, family and virtual router id. */
  reconfigure(config: VirtualRouterConfig, now: Instant): void {
    this.#config = config;
    this.#verdict.reconfigured();
    this.feed({ type: "reconfigured" }, now);
  }

  /** Where the kernel has its link and the address that it speaks from, as far as they exist. */
  place(ground: Ground, address: IpAddress | undefined, now: Instant): void {
    this.#tend(ground.virtual, now);
    const usable = this.#place.take(ground, address);
    if (usable !== this.#state.machine.address) this.feed({ type: "address", address: usable }, now);
  }

  /** The health of something that may be tracked has changed. */
  track(healthOf: (subject: Tracked["subject"]) => SubjectHealth, now: Instant): void {
    const standing = this.#verdict.judge(this.#config, healthOf);
    if (standing !== undefined) this.feed({ type: "tracking", standing }, now);
  }

  /** Somebody took an address off an interface. */
  addressRemoved(address: LinkAddress, now: Instant, by?: string): void {
    this.#addresses.removed(address, now, by);
  }

  /** Word of changes was lost: what it holds may be gone. */
  checkAddresses(now: Instant): void {
    this.#addresses.check(now);
  }

  /** A link has come back: what the kernel and the switches forgot is put and said again. */
  linkReturned(name: string, now: Instant): void {
    const isOurs =
      name === this.#config.interface || allAddresses(this.#config).some(({ device }) => device === name);
    if (this.#state.machine.name !== "active" || !isOurs) return;
    this.#addresses.check(now);
    this.#announcer.linkUp(now);
  }

  /** Whether it has resigned and still serves until a successor is heard. */
  get handingOver(): boolean {
    return this.#onSuccessor !== undefined;
  }

  /**
   * Leaves without a gap: an active router sends priority 0 and goes on serving until another is heard to be active,
   * then `onSuccessor` is told. The caller bounds the wait and calls `stop` in any case.
   */
  resign(now: Instant, onSuccessor: () => void): void {
    if (this.#state.machine.name === "active") this.#onSuccessor = onSuccessor;
    this.feed({ type: "shutdown" }, now);
  }

  /** Falls silent with everything in place, after asking its peers for patience if it is active. */
  leaveInPlace(now: Instant): void {
    const { machine } = this.#state;
    if (machine.name === "active") this.#advertise(machine.priority, now, absenceInterval(this.#config));
    this.#hasLeft = true;
    this.#parts.deadlines.set(`router ${this.#config.name}`, undefined, this.#onTimer);
  }

  /** Leaves at once: priority 0 if active, addresses gone, seat empty, nothing said that goes on. */
  stop(now: Instant): void {
    if (this.#onSuccessor !== undefined) this.#addresses.release(now);
    this.#onSuccessor = undefined;
    this.feed({ type: "shutdown" }, now);
    if (this.#leftBehind) this.#clearLeftBehind(now);
    this.#announcer.silence(now);
    for (const conflict of this.#state.conflicts) this.#sayConflict(conflict, "ended");
    this.#state = { ...this.#state, conflicts: [] };
    this.#parts.deadlines.set(`router ${this.#config.name}`, undefined, this.#onTimer);
    this.#place.leave();
  }

  /** The interface with its virtual MAC address is up while it serves and down while it does not, whoever touched it. */
  #tend(virtual: Link | undefined, now: Instant): void {
    const isNew = virtual?.index !== this.#virtualIndex;
    this.#virtualIndex = virtual?.index;
    if (virtual === undefined) return;
    const serves = this.#state.machine.name === "active" || this.handingOver;
    if (!serves) {
      if (virtual.up && !this.#leftBehind) this.#addresses.lower();
    } else if (isNew || !virtual.up) {
      this.#addresses.check(now);
      this.#announcer.linkUp(now);
    }
  }

  readonly #onTimer = (now: Instant): void => this.feed({ type: "timer" }, now);

  #clearLeftBehind(now: Instant): void {
    this.#leftBehind = false;
    this.#addresses.release(now);
  }

  #report(before: State, transition: RouterStep["transition"]): void {
    const after = this.#state.machine;
    const from = shown(before);
    const to = shown(after);
    if (from === to) return;
    const peer = transition?.peer === undefined ? {} : { peer: transition.peer };
    const reason = transition?.cause ?? faultReason(before, after);
    this.#parts.emit({ type: "router-state", router: this.#config.name, from, to, reason, ...peer });
  }

  #sayConflict({ kind, peer, since, seenAt }: Conflict, state: "begun" | "ended"): void {
    const { name } = this.#config;
    const lasted = state === "begun" ? {} : { lasted: between(since, seenAt) };
    this.#parts.emit({ type: "router-conflict", router: name, conflict: kind, peer, state, ...lasted });
  }

  #perform(effect: RouterEffect, now: Instant): void {
    switch (effect.type) {
      case "send-advertisement":
        this.#advertise(effect.priority, now);
        break;
      case "announce-addresses":
        this.#leftBehind = false;
        this.#announcer.takeover(now);
        break;
      case "reannounce-addresses":
        this.#announcer.rival(now);
        break;
      case "withdraw-addresses":
        this.#announcer.silence(now);
        if (this.#onSuccessor === undefined) this.#addresses.release(now);
        break;
      case "conflict-began":
      case "conflict-ended":
        this.#sayConflict(effect.conflict, effect.type === "conflict-began" ? "begun" : "ended");
        break;
      case "drop":
        this.#parts.count(`vrrp-dropped ${this.#config.name} ${effect.reason}`);
        break;
    }
  }

  #advertise(priority: number, now: Instant, interval = this.#config.advertisementInterval): void {
    const { address, name } = this.#state.machine;
    const source = address ?? this.#config.sourceAddress;
    const { sender } = this.#place;
    if (sender === undefined || source === undefined) return;
    for (const destination of destinations(this.#config)) {
      const config = { ...this.#config, advertisementInterval: interval };
      const payload = encodeAdvertisement(config, this.#state, { priority, source, destination });
      const sent = sender.send({ payload, source, destination });
      if (!sent.ok) this.#parts.count(`vrrp-unsent ${this.#config.name} ${sent.error.code}`);
    }
    if (name === "active") this.#parts.onSpoken(this, now);
  }
}
