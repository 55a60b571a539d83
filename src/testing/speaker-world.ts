/** A link with speakers and a gateway, whose faults are chosen by the test, and an account of who answers for what. */
import type { IpAddress } from "#base/address";
import { assert } from "#base/assert";
import { after, type Duration, type Instant, micros, seconds } from "#base/time";
import type { ApiWord } from "#core/liveness/standing";
import type { OwnershipConfig } from "#core/ownership/config";
import type { Placement } from "#core/ownership/input";
import type { Effect } from "#core/ownership/state";
import { Clock } from "./clock.ts";
import type { LinkQuality } from "./network.ts";
import { integerBetween, type Random, seededRandom } from "./random.ts";
import { SimulatedSpeaker } from "./simulated-speaker.ts";
import type { Frame, Link } from "./speaker-link.ts";

/** What the world is made of. */
export type WorldPlan = {
  readonly seed: number;
  readonly nodes: number;
  readonly placements: readonly Placement[];
  readonly config: OwnershipConfig;
  readonly hasGateway: boolean;
  /** By how much a clock may run too fast or too slow, as a share. */
  readonly drift: number;
  readonly api: "present" | "never";
};

/** The longest that an address was answered for by nobody, and by several, and who answered. */
export type Account = { none: Duration; several: Duration; changes: number };

const GATEWAY = "gateway";

/** Names of nodes, as `macOf` wants them. */
export const nodeName = (number: number): string => `node-${number}`;

/** Speakers on one link. */
export class SpeakerWorld {
  readonly clock = new Clock();
  readonly random: Random;
  readonly plan: WorldPlan;
  readonly speakers: readonly SimulatedSpeaker[];
  placements: readonly Placement[];
  /** Names of those that the others know. */
  members: readonly string[];
  /** Directions that carry nothing, as `FROM>TO`. */
  readonly cuts = new Set<string>();
  /** Directions that lose more than the link does, as `FROM>TO`, and which share. */
  readonly leaks = new Map<string, number>();
  quality: LinkQuality;
  isApiAway = false;
  /** How often anybody began to answer for an address since `watch`. */
  takes = 0;
  /** Whether something between the nodes drops BFD, and nothing else. */
  isBfdBlocked = false;
  readonly #journal: { readonly at: Instant; readonly who: string; readonly what: unknown }[] = [];
  readonly #words = new Map<string, ApiWord>();
  readonly #holdersByAddress = new Map<IpAddress, readonly string[]>();
  readonly #sinceByAddress = new Map<IpAddress, Instant>();
  readonly #accountByAddress = new Map<IpAddress, Account>();

  constructor(plan: WorldPlan, quality: LinkQuality) {
    this.plan = plan;
    this.quality = quality;
    this.random = seededRandom(plan.seed);
    this.placements = plan.placements;
    this.members = Array.from({ length: plan.nodes }, (_, number) => nodeName(number));
    const link: Link = {
      clock: this.clock,
      random: this.random,
      send: (from, to, frame) => this.#send(from, to, frame),
      askGateway: (from) => this.#askGateway(from),
      stepped: (name, effects) => this.#note(name, effects),
    };
    this.speakers = Array.from({ length: plan.nodes }, (_, number) => {
      const host = {
        name: nodeName(number),
        config: plan.config,
        hasGateway: plan.hasGateway,
        rate: 1 + (2 * this.random() - 1) * plan.drift,
        offset: integerBetween(this.random, 0, 1_000_000_000),
      };
      return new SimulatedSpeaker(host, link);
    });
  }

  speaker(name: string): SimulatedSpeaker {
    const found = this.speakers.find((speaker) => speaker.name === name);
    assert(found !== undefined, "no such speaker", { name });
    return found;
  }

  start(speaker: SimulatedSpeaker): void {
    if (speaker.power === "off") this.say(`start ${speaker.name}`);
    speaker.start(this.#knowledge());
  }

  /** Gives everybody new placements, each after a time of its own. */
  place(placements: readonly Placement[], slowest: Duration, members = this.members): void {
    this.placements = placements;
    this.members = members;
    this.#inform(slowest);
  }

  /** The API server says what it knows of the nodes, if it is there. */
  speakApi(slowest: Duration): void {
    if (this.isApiAway || this.plan.api === "never") return;
    for (const { name, power } of this.speakers)
      this.#words.set(name, power === "off" ? "not-ready" : "ready");
    this.#inform(slowest);
  }

  #inform(slowest: Duration): void {
    for (const speaker of this.speakers) {
      const delay = micros(this.random() * slowest);
      this.clock.schedule(after(this.clock.now, delay), () => {
        if (speaker.power !== "off") speaker.learn(this.#knowledge());
      });
    }
  }

  #knowledge() {
    const { api } = this.plan;
    return {
      members: this.members,
      placements: this.placements,
      apiOf: (node: string): ApiWord => (api === "never" ? "unheard" : (this.#words.get(node) ?? "ready")),
    };
  }

  run(duration: Duration): void {
    this.clock.advanceTo(after(this.clock.now, duration));
  }

  /** Does something when so much time has passed. */
  later(delay: Duration, action: () => void): void {
    this.clock.schedule(after(this.clock.now, delay), action);
  }

  /** Cuts a node off: what it sends, what it receives, or both, from everybody else. */
  cut(name: string, direction: "both" | "sending" | "receiving"): void {
    for (const other of [...this.speakers.map((speaker) => speaker.name), GATEWAY]) {
      if (other === name) continue;
      if (direction !== "receiving") this.cuts.add(`${name}>${other}`);
      if (direction !== "sending") this.cuts.add(`${other}>${name}`);
    }
  }

  /** Nobody reaches the gateway any more. */
  cutGateway(): void {
    for (const { name } of this.speakers) this.cuts.add(`${name}>${GATEWAY}`);
  }

  /** Makes islands, of which the gateway is on the one with number 0. */
  partition(islandOf: (name: string) => number): void {
    const names = [...this.speakers.map(({ name }) => name), GATEWAY];
    const island = (name: string) => (name === GATEWAY ? 0 : islandOf(name));
    for (const from of names) {
      for (const to of names) if (island(from) !== island(to)) this.cuts.add(`${from}>${to}`);
    }
  }

  /** One direction of a node's cable loses a share of what it carries. */
  leak(name: string, direction: "sending" | "receiving", share: number): void {
    for (const other of [...this.speakers.map((speaker) => speaker.name), GATEWAY])
      if (other !== name)
        this.leaks.set(direction === "sending" ? `${name}>${other}` : `${other}>${name}`, share);
  }

  heal(): void {
    this.cuts.clear();
    this.leaks.clear();
  }

  holders(address: IpAddress): readonly string[] {
    return this.speakers.filter((speaker) => speaker.answers(address)).map(({ name }) => name);
  }

  /** Accounts begin anew. */
  watch(): void {
    this.takes = 0;
    for (const { address } of this.placements) {
      this.#holdersByAddress.set(address, this.holders(address));
      this.#sinceByAddress.set(address, this.clock.now);
      this.#accountByAddress.set(address, { none: micros(0), several: micros(0), changes: 0 });
    }
  }

  /** What has happened to an address since `watch`. */
  account(address: IpAddress): Account {
    this.#observe(address);
    const account = this.#accountByAddress.get(address);
    assert(account !== undefined, "not watched", { address });
    this.#close(address, account);
    return account;
  }

  /** Writes down what the test does. */
  say(what: string): void {
    this.#journal.push({ at: this.clock.now, who: "-", what });
  }

  /** What happened, for whoever looks at a failure: milliseconds, who, and what. */
  journal(): string {
    const lines = this.#journal.map(
      ({ at, who, what }) => `${(at / 1_000).toFixed(1)} ${who} ${JSON.stringify(what)}`,
    );
    return lines.join("\n");
  }

  #note(who: string, effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === "ask-gateway") continue;
      if (effect.type === "answer") this.takes += 1;
      this.#journal.push({ at: this.clock.now, who, what: effect });
    }
    if (effects.length > 0 || this.speaker(who).power !== "running") {
      for (const address of this.#accountByAddress.keys()) this.#observe(address);
    }
  }

  /** Closes what has lasted until now, and goes on with who answers now. */
  #observe(address: IpAddress): void {
    const account = this.#accountByAddress.get(address);
    const before = this.#holdersByAddress.get(address) ?? [];
    const now = this.holders(address);
    if (account === undefined || before.join() === now.join()) return;
    this.#close(address, account);
    account.changes += 1;
    const group = (holders: readonly string[]) => Math.min(holders.length, 2);
    if (group(before) !== group(now)) this.#sinceByAddress.set(address, this.clock.now);
    this.#holdersByAddress.set(address, now);
  }

  #close(address: IpAddress, account: Account): void {
    const { length } = this.#holdersByAddress.get(address) ?? [];
    const lasted = micros(this.clock.now - (this.#sinceByAddress.get(address) ?? this.clock.now));
    if (length === 0) account.none = micros(Math.max(account.none, lasted));
    if (length > 1) account.several = micros(Math.max(account.several, lasted));
  }

  #carry(from: string, to: string, arrive: () => void): void {
    const { loss, duplication, minimumDelay, maximumDelay } = this.quality;
    if (this.cuts.has(`${from}>${to}`) || this.random() < loss) return;
    const leak = this.leaks.get(`${from}>${to}`);
    if (leak !== undefined && this.random() < leak) return;
    const copies = this.random() < duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const delay = micros(integerBetween(this.random, minimumDelay, maximumDelay));
      this.clock.schedule(after(this.clock.now, delay), arrive);
    }
  }

  #send(from: string, to: string, frame: Frame): void {
    if (this.isBfdBlocked && frame.type === "bfd") return;
    this.#carry(from, to, () => this.speaker(to).receive(from, frame));
  }

  #askGateway(from: string): void {
    this.#carry(from, GATEWAY, () =>
      this.#carry(GATEWAY, from, () => this.speaker(from).input({ type: "gateway-heard" })),
    );
  }
}

/** Long enough for sessions to come up, whatever a fair link loses. */
export const SESSIONS_UP = seconds(6);
