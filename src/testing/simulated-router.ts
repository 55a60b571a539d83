/** A virtual router on a simulated link: the real codec and machine, a simulated host around them. */
import type { IpAddress } from "#base/address";
import { type Instant, instant } from "#base/time";
import type { ChecksumCoverage, VirtualRouterConfig } from "#core/vrrp/config";
import { decode } from "#core/vrrp/packet";
import {
  deadline,
  destinations,
  encodeAdvertisement,
  initialRouter,
  type RouterInput,
  type RouterState,
  step,
} from "#core/vrrp/router";
import type { Cancel, Clock } from "./clock.ts";
import type { Network } from "./network.ts";

/** A packet on the simulated link. */
export type SimulatedPacket = {
  readonly payload: Uint8Array;
  readonly source: IpAddress;
  readonly destination: IpAddress;
};

/** What a simulated host is made of. */
export type SimulatedHost = {
  readonly node: number;
  readonly address: IpAddress;
  readonly config: VirtualRouterConfig;
  /** How fast its clock runs: 1.001 gains a millisecond a second. */
  readonly clockRate: number;
  /** Set for a peer that understands this checksum coverage only. */
  readonly understands?: ChecksumCoverage;
};

/** One router of a simulation. */
export class SimulatedRouter {
  readonly host: SimulatedHost;
  /** Told after every step that did something. */
  onStep: () => void = () => {};
  #state: RouterState;
  /** When it last told the neighbours that it has the addresses. */
  announcedAt: Instant | undefined;
  /** When it last gave them up. */
  withdrewAt: Instant | undefined;
  /** Advertisements sent so far. */
  sent = 0;
  #power: "off" | "running" | "stopped" = "off";
  #queue: SimulatedPacket[] = [];
  #cancelTimer: Cancel = () => {};
  readonly #clock: Clock;
  readonly #network: Network<SimulatedPacket>;

  constructor(host: SimulatedHost, clock: Clock, network: Network<SimulatedPacket>) {
    this.host = host;
    this.#clock = clock;
    this.#network = network;
    this.#state = initialRouter(host.config);
    network.attach(host.node, (packet) => this.#receive(packet));
  }

  get state(): RouterState {
    return this.#state;
  }

  /** Whether its process runs: neither off nor stopped. */
  get running(): boolean {
    return this.#power === "running";
  }

  /** Whether it runs and is active. */
  get active(): boolean {
    return this.running && this.#state.machine.name === "active";
  }

  /** Starts the process from nothing, if it is off. */
  start(): void {
    if (this.#power !== "off") return;
    this.#power = "running";
    this.#state = initialRouter(this.host.config);
    this.input({ type: "address", address: this.host.address });
    this.input({ type: "startup" });
  }

  /** Ends the process in an orderly manner. */
  shutDown(): void {
    this.input({ type: "shutdown" });
    this.crash();
  }

  /** Ends the process or its whole host without a word. */
  crash(): void {
    this.#power = "off";
    this.#queue = [];
    this.#state = initialRouter(this.host.config);
    this.#cancelTimer();
    this.onStep();
  }

  /** As SIGSTOP: the world goes on, packets queue. */
  stop(): void {
    if (this.running) this.#power = "stopped";
    this.#cancelTimer();
    this.onStep();
  }

  /** As SIGCONT: reads what is queued, then looks at the time, as a driver must. */
  resume(): void {
    if (this.#power !== "stopped") return;
    this.#power = "running";
    const queue = this.#queue;
    this.#queue = [];
    for (const packet of queue) this.#receive(packet);
    this.input({ type: "timer" });
  }

  /** Steps the machine, unless the process is off or stopped. */
  input(input: RouterInput): void {
    if (!this.running) return;
    const { state, effects } = step(this.host.config, this.#state, input, this.#localNow());
    this.#state = state;
    for (const effect of effects) {
      if (effect.type === "send-advertisement") this.#send(effect.priority);
      if (effect.type === "announce-addresses" || effect.type === "reannounce-addresses") {
        this.announcedAt = this.#clock.now;
      }
      if (effect.type === "withdraw-addresses") this.withdrewAt = this.#clock.now;
      if (effect.type === "drop") throw new Error(`router ${this.host.node} dropped: ${effect.reason}`);
    }
    this.#arm();
    this.onStep();
  }

  #localNow(): Instant {
    return instant(Math.floor(this.#clock.now * this.host.clockRate));
  }

  #arm(): void {
    this.#cancelTimer();
    const due = deadline(this.#state);
    if (due === undefined) return;
    const at = instant(Math.ceil(due / this.host.clockRate));
    this.#cancelTimer = this.#clock.schedule(at, () => this.input({ type: "timer" }));
  }

  #send(priority: number): void {
    const { node, address: source, config } = this.host;
    this.sent += 1;
    for (const destination of destinations(config)) {
      const payload = encodeAdvertisement(config, this.#state, { priority, source, destination });
      this.#network.multicast(node, { payload, source, destination });
    }
  }

  #receive(packet: SimulatedPacket): void {
    if (this.#power === "stopped") this.#queue.push(packet);
    const { payload, source, destination } = packet;
    const context = { source, destination, family: this.host.config.family, hopLimit: 255 };
    const { understands } = this.host;
    const read = decode(payload, context);
    if (understands !== undefined && read.ok && read.value.checksum !== understands) return;
    this.input({ type: "packet", payload, context });
  }
}
