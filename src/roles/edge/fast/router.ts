/** One virtual router at work: its machine, its socket, its addresses, and what it tells its neighbours. */
import type { IpAddress } from "#base/address";
import type { Instant } from "#base/time";
import { judge, type SubjectHealth } from "#core/election/tracking";
import type { Event } from "#core/observation/event";
import type { Tracked, VirtualRouterConfig } from "#core/vrrp/config";
import type { Conflict } from "#core/vrrp/conflict";
import { PRIORITY_LEAVING } from "#core/vrrp/constants";
import { decode } from "#core/vrrp/packet";
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
import type { Standing, State } from "#core/vrrp/state";
import type { Link, LinkAddress, NetlinkPort } from "#drivers/netlink/port";
import type { PacketError, PacketPort, VrrpSocket } from "#drivers/packet/port";
import type { Deadlines } from "#runtime/deadlines";
import { Addresses, allAddresses } from "./addresses.ts";
import { Announcer } from "./announcer.ts";
import type { Links } from "./links.ts";
import { faultReason, shown } from "./shown.ts";
import type { Listener, Seat, Stations } from "./stations.ts";

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
};

const judgedText = (standing: Standing, failed: readonly string[]): string =>
  JSON.stringify([standing, failed]);

/** The verdict while nothing has failed. */
const flawless = ({ priority }: VirtualRouterConfig): string => judgedText({ type: "able", priority }, []);

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
  #state: RouterState;
  #seat: Seat | undefined;
  #socket: VrrpSocket | undefined;
  /** Why it has no seat although its link is there. */
  #refusal: PacketError | undefined;
  /** What it says that it waits for. */
  #waiting: string | undefined;
  /** The last verdict of tracking that the machine was told, to notice the next. */
  #judged: string;
  /** The last verdict that was said to people, by this router or the one before it under this name. */
  #said: string;
  /** A changed configuration made people forget what was said; what is configured is then taken for granted. */
  #forgotten: boolean;
  /** A killed predecessor left the addresses here: they stay until another router is heard to be active. */
  #leftBehind: boolean;
  /** Set between the resignation and the first word of a successor. */
  #onSuccessor: (() => void) | undefined;
  /** Whether the last packet was dropped. */
  #refused = false;

  /** `predecessor` is the router of this name that another configuration has just ended. */
  constructor(config: VirtualRouterConfig, parts: RouterParts, predecessor?: Router) {
    this.#config = config;
    this.#parts = parts;
    this.#state = initialRouter(config);
    this.#judged = flawless(config);
    this.#said = predecessor === undefined ? this.#judged : predecessor.#said;
    this.#forgotten = predecessor !== undefined;
    this.#addresses = new Addresses({ ...parts, config: () => this.#config });
    this.#announcer = new Announcer({ ...parts, config: () => this.#config });
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
    return this.#refusal !== undefined;
  }

  /** Takes the machine one step on and does what it says. */
  feed(input: RouterInput, now: Instant): void {
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
    this.#forgotten = true;
    this.feed({ type: "reconfigured" }, now);
  }

  /** Where the kernel has its link and the address that it speaks from, as far as they exist. */
  place(link: Link | undefined, address: IpAddress | undefined, now: Instant): void {
    this.#sit(link);
    this.#wait(this.#lacks(link, address));
    const usable = this.#socket === undefined ? undefined : address;
    if (usable !== this.#state.machine.address) this.feed({ type: "address", address: usable }, now);
  }

  /** The health of something that may be tracked has changed. */
  track(healthOf: (subject: Tracked["subject"]) => SubjectHealth, now: Instant): void {
    const { standing, penalties } = judge(this.#config, healthOf);
    const failed = penalties.map(({ subject, health }) => `${subject.kind} ${subject.name} ${health}`);
    const judged = judgedText(standing, failed);
    if (judged !== this.#said || (this.#forgotten && judged !== flawless(this.#config))) {
      const priority = standing.type === "fault" ? "fault" : standing.priority;
      this.#parts.emit({ type: "router-priority", router: this.#config.name, priority, failed });
    }
    this.#said = judged;
    this.#forgotten = false;
    if (judged === this.#judged) return;
    this.#judged = judged;
    this.feed({ type: "tracking", standing }, now);
  }

  /** Somebody took an address off an interface. */
  addressRemoved(address: LinkAddress, now: Instant): void {
    this.#addresses.removed(address, now);
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

  /** Leaves at once: priority 0 if active, addresses gone, seat empty, nothing said that goes on. */
  stop(now: Instant): void {
    if (this.#onSuccessor !== undefined) this.#addresses.release(now);
    this.#onSuccessor = undefined;
    this.feed({ type: "shutdown" }, now);
    if (this.#leftBehind) this.#clearLeftBehind(now);
    this.#announcer.silence(now);
    for (const conflict of this.#state.conflicts) this.#sayConflict(conflict, "ended");
    this.#state = { ...this.#state, conflicts: [] };
    this.#wait(undefined);
    this.#parts.deadlines.set(`router ${this.#config.name}`, undefined, this.#onTimer);
    if (this.#seat !== undefined) this.#parts.stations.leave(this.#seat);
    this.#seat = undefined;
    this.#socket = undefined;
  }

  readonly #onTimer = (now: Instant): void => this.feed({ type: "timer" }, now);

  #clearLeftBehind(now: Instant): void {
    this.#leftBehind = false;
    this.#addresses.release(now);
  }

  /** Sits down on a link, or with `undefined` loses its seat; a link made anew under the old name is another. */
  #sit(link: Link | undefined): void {
    if (this.#seat !== undefined) {
      if (this.#seat.link.index === link?.index) return;
      this.#parts.stations.leave(this.#seat);
    }
    this.#seat = undefined;
    this.#socket = undefined;
    this.#refusal = undefined;
    if (link === undefined) return;
    const { family, vrid } = this.#config;
    const seat: Seat = { link: { index: link.index, name: link.name }, family, vrid };
    const joined = this.#parts.stations.join(seat, this);
    if (joined.ok) {
      this.#seat = seat;
      this.#socket = joined.value;
    } else this.#refusal = joined.error;
  }

  /** What keeps it from speaking; `undefined` when nothing does. */
  #lacks(link: Link | undefined, address: IpAddress | undefined): string | undefined {
    const { interface: name, family, sourceAddress } = this.#config;
    if (link === undefined) return `interface ${name} does not exist; it starts when it appears`;
    if (this.#refusal !== undefined) return `cannot ${this.#refusal.operation}: ${this.#refusal.code}`;
    if (address !== undefined) return undefined;
    if (sourceAddress !== undefined) return `${name} does not have the source address ${sourceAddress}`;
    const what = family === "IPv6" ? "link-local IPv6" : family;
    return `${name} has no ${what} address to speak from`;
  }

  /** Says what it waits for when that is another thing than before. */
  #wait(detail: string | undefined): void {
    const before = this.#waiting;
    if (before === detail) return;
    this.#waiting = detail;
    const state = detail === undefined ? "ended" : "begun";
    this.#parts.emit({
      type: "router-waiting",
      router: this.#config.name,
      state,
      detail: detail ?? before ?? "",
    });
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

  #sayConflict({ kind, peer }: Conflict, state: "begun" | "ended"): void {
    this.#parts.emit({ type: "router-conflict", router: this.#config.name, conflict: kind, peer, state });
  }

  #perform(effect: RouterEffect, now: Instant): void {
    switch (effect.type) {
      case "send-advertisement":
        this.#advertise(effect.priority);
        break;
      case "announce-addresses":
        this.#leftBehind = false;
        this.#announcer.takeover(now);
        break;
      case "reannounce-addresses":
        this.#announcer.otherSpeaker(now);
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

  #advertise(priority: number): void {
    const { address } = this.#state.machine;
    const source = address ?? this.#config.sourceAddress;
    if (this.#socket === undefined || source === undefined) return;
    for (const destination of destinations(this.#config)) {
      const payload = encodeAdvertisement(this.#config, this.#state, { priority, source, destination });
      const sent = this.#socket.send({ payload, source, destination });
      if (!sent.ok) this.#parts.count(`vrrp-unsent ${this.#config.name} ${sent.error.code}`);
    }
  }
}
