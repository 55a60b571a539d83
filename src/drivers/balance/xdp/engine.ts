/**
 * Forwarding by XDP: the program of `native/xdp` at every interface where traffic arrives, above nftables.
 *
 * Maps, programs and attachments belong to this process alone. When it ends, however it ends, the kernel takes them away
 * and every packet meets nftables, which carries the same plan: nothing is left behind and no connection notices.
 */
import { readFileSync } from "node:fs";
import { BROADCAST_MAC } from "#base/mac";
import type { ForwardingPlan, ServerPlan } from "#core/balance/plan-model";
import { refusal } from "#core/xdp/carries";
import { NO_TABLES, nextTables, type Tables } from "#core/xdp/tables";
import { type Door, openDoor } from "#native/door";
import type { ApplyResult, BalanceEngine, Observed, RemoveResult, Unavailable } from "../port.ts";
import { Attachment, tryProgram } from "./attachment.ts";
import { type AttachMode, Bpf } from "./bpf.ts";
import { MapSet } from "./maps.ts";
import { Network, type Target } from "./network.ts";
import { explainAttachFailure, explainUnavailable } from "./reasons.ts";
import { countsOf, readStatistics, type XdpStatistics } from "./statistics.ts";

export type XdpOptions = {
  /** `undefined` means the one of this machine. */
  readonly door?: Door;
  /** `undefined` means: in the driver where that is known to work, else generic. */
  readonly mode?: AttachMode;
};

export type XdpEngine = BalanceEngine & {
  /** What was sent and passed on since the engine carries anything; `undefined` while it carries nothing. */
  statistics(): XdpStatistics | undefined;
};

/** Pause between two times the kernel is asked to make sure of the backends' Ethernet addresses. */
const SEEK_MILLIS = 10_000;

/** What runs. */
type Running = {
  readonly plan: ForwardingPlan;
  readonly tables: Tables;
  readonly maps: MapSet;
};

type Applied = Pick<ApplyResult & { ok: true }, "how" | "repaired">;

/** How many CPUs there can ever be; the kernel says it as a list such as `0-3`. */
const countCpus = (): number => {
  const text = readFileSync("/sys/devices/system/cpu/possible", "utf8");
  return Number(/(\d+)\s*$/.exec(text)?.[1] ?? 0) + 1;
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Whether two plans are one; the shares of engines are cut from the same plan again and again. */
const samePlan = (one: ForwardingPlan, other: ForwardingPlan): boolean =>
  one === other ||
  (one.servers.length === other.servers.length &&
    one.servers.every((server, index) => server === other.servers[index]) &&
    one.ingress.join(" ") === other.ingress.join(" "));

class LinuxXdpEngine implements XdpEngine {
  readonly name = "xdp";
  readonly passesOn = true;
  readonly #door: Door;
  readonly #modes: readonly AttachMode[] | undefined;
  readonly #bpf: Bpf;
  /** Opened when it is needed first. */
  #opened: Network | undefined;
  readonly #cpus = countCpus();
  readonly #attachments = new Map<string, Attachment>();
  #running: Running | undefined;
  /** The network is not as it was when the tables were made. */
  #stale = false;
  /** What went wrong when the tables followed the network; said at the next application. */
  #failure: unknown;
  #seeking: NodeJS.Timeout | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor({ door = openDoor(), mode }: XdpOptions) {
    this.#door = door;
    this.#modes = mode === undefined ? undefined : [mode];
    this.#bpf = new Bpf(door);
  }

  refuses(server: ServerPlan): string | undefined {
    return refusal(server);
  }

  available(): Promise<Unavailable | undefined> {
    return this.#inOrder(() => {
      try {
        tryProgram(this.#bpf, { index: 0, mac: BROADCAST_MAC, mtu: 0 });
        return undefined;
      } catch (error) {
        return explainUnavailable(error);
      }
    });
  }

  apply(plan: ForwardingPlan): Promise<ApplyResult> {
    return this.#inOrder(() => {
      const started = this.#door.monotonicMicros();
      try {
        if (this.#failure !== undefined) throw this.#failure;
        const applied = plan.servers.length === 0 ? this.#stop() : this.#applyNow(plan);
        return { ok: true, ...applied, tookMicros: this.#door.monotonicMicros() - started };
      } catch (error) {
        // What the maps hold is not certain any more: nftables has it all.
        this.#stop();
        return { ok: false, error: { code: "refused", message: messageOf(error) } };
      }
    });
  }

  observe(): Promise<Observed> {
    return this.#inOrder(() => {
      if (this.#running === undefined) return { tables: "absent", lastPlan: undefined };
      const whole = [...this.#attachments].every(([device, attachment]) => this.#isAt(attachment, device));
      return { tables: whole ? "present" : "partial", lastPlan: this.#running.plan };
    });
  }

  remove(): Promise<RemoveResult> {
    return this.#inOrder(() => {
      this.#stop();
      return { ok: true };
    });
  }

  async close(): Promise<void> {
    await this.#last;
    this.#stop();
    this.#opened?.close();
    this.#opened = undefined;
  }

  statistics(): XdpStatistics | undefined {
    if (this.#running === undefined) return undefined;
    const { plan, tables, maps } = this.#running;
    return readStatistics(plan, tables.places, maps);
  }

  counts(): Readonly<Record<string, number>> {
    const statistics = this.statistics();
    return statistics === undefined ? {} : countsOf(statistics);
  }

  #inOrder<Result>(work: () => Result): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  get #network(): Network {
    this.#opened ??= new Network(this.#door, () => this.#onChange());
    return this.#opened;
  }

  #isAt(attachment: Attachment, device: string): boolean {
    const way = this.#network.way(device);
    return way !== undefined && attachment.isAt(way);
  }

  /** Brings maps and attachments up to the plan; throws when the kernel refuses something. */
  #applyNow(plan: ForwardingPlan): Applied {
    if (this.#network.catchUp()) this.#stale = true;
    const repaired = this.#detach((device, attachment) => !this.#isAt(attachment, device));
    this.#detach((device) => !plan.ingress.includes(device));
    const missing = plan.ingress.filter(
      (device) => !this.#attachments.has(device) && this.#network.way(device) !== undefined,
    );
    const isSame = this.#running !== undefined && samePlan(this.#running.plan, plan);
    if (isSame && !this.#stale && missing.length === 0) {
      return { how: "unchanged", repaired };
    }
    this.#stale = false;
    const gap = missing.length > 0;
    const before = this.#running;
    const next = nextTables({ plan, surroundings: this.#network, gap }, before?.tables ?? NO_TABLES);
    if (!next.ok) throw new Error(next.reason);
    const maps =
      before === undefined || next.renewed
        ? new MapSet(this.#bpf, this.#cpus, next.tables.capacities, before?.maps)
        : before.maps;
    this.#running = { plan, tables: next.tables, maps };
    const changes = this.#fill(maps, next.writes, before?.maps);
    maps.forget(next.tables.places.resting);
    for (const device of missing) this.#attach(device, maps);
    this.#seek();
    const isNew = before === undefined || gap;
    return { how: isNew ? "ruleset" : changes > 0 ? "elements" : "unchanged", repaired };
  }

  /** Writes, and lets the programs that run take up maps that are new. */
  #fill(maps: MapSet, writes: Parameters<MapSet["write"]>[0], before: MapSet | undefined): number {
    try {
      const changes = maps.write(writes);
      for (const [device, attachment] of this.#attachments) {
        const way = this.#network.way(device);
        if (way !== undefined) attachment.follow(way, maps);
        if (maps !== before) attachment.renew(maps);
      }
      return changes;
    } finally {
      if (before !== undefined && before !== maps) before.close();
    }
  }

  #attach(device: string, maps: MapSet): void {
    const way = this.#network.way(device);
    if (way === undefined) return;
    try {
      const modes = this.#modes ?? modesFor(this.#network.kinds(device));
      this.#attachments.set(device, new Attachment(this.#bpf, maps, way, modes));
    } catch (error) {
      throw new Error(explainAttachFailure(device, error));
    }
  }

  /** Takes the program away from interfaces; gives whether there were any. */
  #detach(isUnwanted: (device: string, attachment: Attachment) => boolean): boolean {
    const unwanted = [...this.#attachments].filter(([device, attachment]) => isUnwanted(device, attachment));
    for (const [device, attachment] of unwanted) {
      attachment.close();
      this.#attachments.delete(device);
    }
    return unwanted.length > 0;
  }

  #stop(): Applied {
    const had = this.#running !== undefined;
    this.#detach(() => true);
    this.#running?.maps.close();
    this.#running = undefined;
    this.#failure = undefined;
    clearInterval(this.#seeking);
    this.#seeking = undefined;
    return { how: had ? "ruleset" : "unchanged", repaired: false };
  }

  /** The backends that may get packets, each once. */
  #nextHops({ servers }: ForwardingPlan): readonly Target[] {
    const targets = new Map<string, Target>();
    for (const { backends } of servers) {
      for (const { device, address, availability } of backends) {
        const way = device === undefined ? undefined : this.#network.way(device);
        if (way === undefined || availability === "unavailable") continue;
        targets.set(`${way.index} ${address}`, { linkIndex: way.index, address });
      }
    }
    return [...targets.values()];
  }

  /** Has the kernel find the backends that it does not know, and all of them now and then. */
  #seek(): void {
    const { plan } = this.#running ?? {};
    if (plan === undefined) return;
    const unknown = this.#nextHops(plan).filter(
      ({ linkIndex, address }) => this.#network.neighbour(linkIndex, address) === undefined,
    );
    this.#network.seek(unknown);
    this.#seeking ??= setInterval(() => {
      if (this.#running !== undefined) this.#network.seek(this.#nextHops(this.#running.plan));
    }, SEEK_MILLIS).unref();
  }

  /** An interface or a neighbour has changed: the tables follow at once. */
  #onChange(): void {
    if (this.#stale) return;
    this.#stale = true;
    void this.#inOrder(() => {
      if (this.#running === undefined) return;
      try {
        this.#applyNow(this.#running.plan);
      } catch (error) {
        this.#stop();
        this.#failure = error;
      }
    });
  }
}

/**
 * Virtual Ethernet drops what its other end is not set up to take, and nothing tells: generic mode always works. A bond sends
 * through its members.
 */
const modesFor = (kinds: ReadonlySet<string | undefined>): readonly AttachMode[] =>
  kinds.has("veth") ? ["generic"] : ["native", "generic"];

/** The engine for the network namespace that the calling thread is in when it first forwards something. */
export const openXdpEngine = (options: XdpOptions = {}): XdpEngine => new LinuxXdpEngine(options);
