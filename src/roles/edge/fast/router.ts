/** One virtual router at work: its machine, its socket, its addresses, and what it tells its neighbours. */
import type { IpAddress } from "#base/address";
import type { Instant } from "#base/time";
import { judge, type SubjectHealth } from "#core/election/tracking";
import type { Event, RouterState as ShownState } from "#core/observation/event";
import type { Tracked, VirtualRouterConfig } from "#core/vrrp/config";
import {
  deadline,
  destinations,
  encodeAdvertisement,
  initialRouter,
  type RouterEffect,
  type RouterInput,
  type RouterState,
  step,
} from "#core/vrrp/router";
import type { Input, State } from "#core/vrrp/state";
import type { LinkAddress, NetlinkPort } from "#drivers/netlink/port";
import type { PacketError, PacketPort, VrrpSocket } from "#drivers/packet/port";
import type { Deadlines } from "#runtime/deadlines";
import { Addresses } from "./addresses.ts";
import { Announcer } from "./announcer.ts";
import type { Links } from "./links.ts";
import type { Listener, Seat, Stations } from "./stations.ts";

/** What a router needs of its surroundings. */
export type RouterParts = {
  readonly stations: Stations;
  readonly deadlines: Deadlines;
  readonly netlink: NetlinkPort;
  readonly packets: PacketPort;
  readonly links: Links;
  readonly now: () => Instant;
  readonly emit: (event: Event) => void;
  readonly count: (key: string) => void;
  /** The machine has stepped: its sync group may have to follow. */
  readonly onStep: () => void;
};

/** The word that people read: an obstacle that tracking or the group put up is a fault. */
const shown = (state: State): ShownState => {
  if (state.name !== "initialize") return state.name;
  const faulty = state.obstacles.some(
    (obstacle) => obstacle === "tracking-fault" || obstacle === "group-fault",
  );
  return faulty ? "fault" : "initialize";
};

export class Router implements Listener {
  #config: VirtualRouterConfig;
  readonly #parts: RouterParts;
  readonly #addresses: Addresses;
  readonly #announcer: Announcer;
  #state: RouterState;
  #seat: Seat | undefined;
  #socket: VrrpSocket | undefined;
  #judged = "";
  /** A killed predecessor left the addresses here: they stay until another router is heard to be active. */
  #leftBehind: boolean;
  /** Set between the resignation and the first word of a successor. */
  #onSuccessor: (() => void) | undefined;
  /** Whether the last packet was dropped. */
  #refused = false;

  constructor(config: VirtualRouterConfig, parts: RouterParts) {
    this.#config = config;
    this.#parts = parts;
    this.#state = initialRouter(config);
    this.#addresses = new Addresses({ ...parts, config: () => this.#config });
    this.#announcer = new Announcer({ ...parts, config: () => this.#config });
    this.#leftBehind = this.#addresses.leftBehind();
  }

  get config(): VirtualRouterConfig {
    return this.#config;
  }

  get machine(): State {
    return this.#state.machine;
  }

  /** Takes the machine one step on and does what it says. */
  feed(input: RouterInput, now: Instant): void {
    const before = this.#state.machine;
    const { state, effects, transition } = step(this.#config, this.#state, input, now);
    this.#state = state;
    this.#refused = effects.some(({ type }) => type === "drop");
    for (const effect of effects) this.#perform(effect, now);
    const from = shown(before);
    const to = shown(state.machine);
    if (from !== to && transition !== undefined) {
      const peer = transition.peer === undefined ? {} : { peer: transition.peer };
      this.#parts.emit({
        type: "router-state",
        router: this.#config.name,
        from,
        to,
        reason: transition.cause,
        ...peer,
      });
    } else if (from !== to) {
      const reason = to === "fault" ? "tracking-fault" : "tracking-recovered";
      this.#parts.emit({ type: "router-state", router: this.#config.name, from, to, reason });
    }
    this.#parts.deadlines.set(`router ${this.#config.name}`, deadline(this.#state), this.#onTimer);
    this.#parts.onStep();
  }

  onPacket(packet: RouterInput & { type: "packet" }, now: Instant): void {
    const wasBackup = this.#state.machine.name === "backup";
    this.feed(packet, now);
    if (this.#refused) return;
    if (this.#onSuccessor !== undefined) {
      const onSuccessor = this.#onSuccessor;
      this.stop(now);
      onSuccessor();
      return;
    }
    // Another router that is active in our place ends what a killed predecessor held.
    if (this.#leftBehind && wasBackup) this.#clearLeftBehind();
  }

  onError(error: PacketError): void {
    this.#parts.count(`vrrp-socket ${this.#config.name} ${error.code}`);
  }

  /** Another configuration of the same name, on the same link, family and virtual router id. */
  reconfigure(config: VirtualRouterConfig, now: Instant): void {
    this.#config = config;
    this.#judged = "";
    this.feed({ type: "reconfigured" }, now);
  }

  /** Sits down on a link, or with `undefined` loses it. */
  place(seat: Seat | undefined, now: Instant): void {
    if (this.#seat?.link.index === seat?.link.index && (this.#socket !== undefined || seat === undefined))
      return;
    if (this.#seat !== undefined) this.#parts.stations.leave(this.#seat);
    this.#socket = undefined;
    this.#seat = seat;
    if (seat === undefined) {
      this.#wait(`interface ${this.#config.interface} does not exist; it starts when it appears`);
      this.setAddress(undefined, now);
      return;
    }
    const joined = this.#parts.stations.join(seat, this);
    if (joined.ok) this.#socket = joined.value;
    else this.#wait(`${joined.error.operation}: ${joined.error.code}`);
  }

  /** The address to speak from; `undefined` when the interface has none. */
  setAddress(address: IpAddress | undefined, now: Instant): void {
    const usable = this.#socket === undefined ? undefined : address;
    if (this.#socket !== undefined && address === undefined) {
      this.#wait(`${this.#config.interface} has no ${this.#config.family} address to speak from`);
    }
    this.feed({ type: "address", address: usable }, now);
  }

  /** The health of something that may be tracked has changed. */
  track(healthOf: (subject: Tracked["subject"]) => SubjectHealth, now: Instant): void {
    const { standing, penalties } = judge(this.#config, healthOf);
    const failed = penalties.map(({ subject, health }) => `${subject.kind} ${subject.name} ${health}`);
    const judged = JSON.stringify([standing, failed]);
    if (judged === this.#judged) return;
    this.#judged = judged;
    const priority = standing.type === "fault" ? "fault" : standing.priority;
    this.#parts.emit({ type: "router-priority", router: this.#config.name, priority, failed });
    this.feed({ type: "tracking", standing }, now);
  }

  /** Somebody took an address off an interface. */
  addressRemoved(address: LinkAddress): void {
    this.#addresses.removed(address);
  }

  /** A link has come back: what the kernel and the switches forgot is put and said again. */
  linkReturned(name: string, now: Instant): void {
    if (this.#state.machine.name !== "active") return;
    this.#addresses.linkReturned(name);
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

  /** Leaves at once: priority 0 if active, addresses gone, seat empty. */
  stop(now: Instant): void {
    if (this.#onSuccessor !== undefined) this.#addresses.release();
    this.#onSuccessor = undefined;
    this.feed({ type: "shutdown" }, now);
    if (this.#leftBehind) this.#clearLeftBehind();
    this.#announcer.silence(now);
    this.#parts.deadlines.set(`router ${this.#config.name}`, undefined, this.#onTimer);
    if (this.#seat !== undefined) this.#parts.stations.leave(this.#seat);
    this.#seat = undefined;
    this.#socket = undefined;
  }

  readonly #onTimer = (now: Instant): void => this.feed({ type: "timer" } satisfies Input, now);

  #clearLeftBehind(): void {
    this.#leftBehind = false;
    this.#addresses.release();
  }

  #wait(detail: string): void {
    this.#parts.emit({ type: "router-waiting", router: this.#config.name, detail });
  }

  #perform(effect: RouterEffect, now: Instant): void {
    switch (effect.type) {
      case "send-advertisement":
        this.#advertise(effect.priority);
        break;
      case "announce-addresses":
        this.#leftBehind = false;
        this.#addresses.take();
        this.#announcer.takeover(now);
        break;
      case "reannounce-addresses":
        this.#announcer.otherSpeaker(now);
        break;
      case "withdraw-addresses":
        this.#announcer.silence(now);
        if (this.#onSuccessor === undefined) this.#addresses.release();
        break;
      case "conflict-began":
      case "conflict-ended":
        this.#parts.emit({
          type: "router-conflict",
          router: this.#config.name,
          conflict: effect.conflict.kind,
          peer: effect.conflict.peer,
          state: effect.type === "conflict-began" ? "begun" : "ended",
        });
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
