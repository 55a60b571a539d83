/**
 * BGP in the wire process: routers are told of virtual servers, so that they spread flows over all edges that can serve them.
 *
 * Nothing is announced before its rules are in the kernel and its backends have been asked, and nothing is taken out of the kernel before
 * routers have been told: `retire` comes before a new plan is applied, `follow` after it, `leave` before everything is removed.
 */
import type { IpAddress, Ipv4Address } from "#base/address";
import { after, type Duration, millis } from "#base/time";
import type { BackendKey } from "#core/balance/model";
import type { ForwardingPlan, Reported } from "#core/balance/plan-model";
import { estateText, readEstate } from "#core/bfd/legacy-words";
import type { PeerWord } from "#core/bgp/desired";
import { type Desired, NOTHING_DESIRED } from "#core/config/desired";
import { UNCHOSEN_ROUTER_ID } from "#core/edge-routes/read";
import { edgeRouterId } from "#core/edge-routes/router-id";
import type { Event } from "#core/observation/event";
import type { BgpFacts } from "#core/speaker/bgp-facts";
import type { NetlinkPort } from "#drivers/netlink/port";
import type { Leave, Left } from "#runtime/bgp/leaving";
import { LeftSessions } from "#runtime/bgp/left-sessions";
import type { Clock, Deadlines } from "#runtime/deadlines";
import type { BgpWorld } from "./bgp-parts.ts";
import { BgpRoutes } from "./bgp-routes.ts";
import { BgpSessions } from "./bgp-sessions.ts";

const PORT = 179;
/** How long routers may take to send packets elsewhere once they have been told to. */
const FORGETTING = millis(500);
const FORGETTING_ID = "bgp forgetting";

type Parts = {
  readonly bgp: BgpWorld;
  readonly netlink: NetlinkPort;
  readonly clock: Pick<Clock, "now">;
  readonly deadlines: Deadlines;
  /** How long routes are announced as going before they are withdrawn. */
  readonly drainTime: Duration;
  readonly report: (key: BackendKey) => Reported;
  readonly emit: (event: Event) => void;
  readonly onFacts: () => void;
};

/** Whether an earlier run of the program announced routes, and packets have been forwarded ever since. */
export type BgpStart = "fresh" | "again";

export class EdgeBgp {
  readonly #parts: Parts;
  readonly #routes: BgpRoutes;
  #sessions: BgpSessions | undefined;
  #desired: Desired = NOTHING_DESIRED;
  #routerId: Ipv4Address | undefined;
  /** How it was started; `undefined` until traffic may come. */
  #start: BgpStart | undefined;
  readonly #hurried = Promise.withResolvers<void>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#routes = new BgpRoutes(parts);
  }

  /** How each peer is now. */
  facts(): BgpFacts {
    return this.#sessions?.facts() ?? [];
  }

  /** Withdraws what the next configuration does not announce any more; resolves when routers have had time to act on it. */
  async retire(next: Desired): Promise<void> {
    const names = new Set(next.routes.map(({ name }) => name));
    const staying = this.#desired.routes.filter(({ name }) => names.has(name));
    if (this.#sessions === undefined || staying.length === this.#desired.routes.length) return;
    this.#routes.set(staying);
    this.#tell();
    await this.#sessions.sent();
    await this.#pause();
  }

  /** Another configuration: its routes are announced as plans come into force, its peers are met with `meet`. */
  configure(desired: Desired): void {
    this.#desired = desired;
    this.#routes.set(desired.routes);
  }

  /** A plan is in force. */
  follow(plan: ForwardingPlan): void {
    this.#routes.follow(plan);
    if (this.#start !== undefined) this.#tell();
  }

  /** Traffic may come: talks to the peers of the configuration from now on. */
  meet(start: BgpStart): void {
    const isFirst = this.#start === undefined;
    this.#start ??= start;
    const { peers } = this.#desired;
    if (peers.length === 0 && this.#sessions === undefined) return;
    const isOpening = this.#sessions === undefined;
    this.#sessions ??= this.#open(isFirst ? start : "fresh");
    const listen = peers.some(({ role }) => role === "passive") ? { port: PORT } : undefined;
    this.#sessions.set(peers.map(this.#named), { listen, drainTime: this.#parts.drainTime });
    this.#tell();
    if (isOpening) this.#sessions.complete();
  }

  /** Ends all sessions; resolves when routers have had time to send everything elsewhere. */
  async leave(reason: Leave["reason"], why: string): Promise<void> {
    if (this.#sessions === undefined) return;
    const leave: Leave = { reason, communication: `steelyard edge ends: ${why}` };
    const leaving = this.#sessions.leave(leave).then((left) => this.#bequeath(left));
    const hasRoutes = reason === "shutdown" && this.#desired.routes.length > 0;
    await Promise.race([hasRoutes ? leaving.then(() => this.#pause()) : leaving, this.#hurried.promise]);
  }

  /** Waits for no router any more. */
  hurry(): void {
    this.#hurried.resolve();
  }

  close(): void {
    this.#parts.deadlines.set(FORGETTING_ID, undefined, () => {});
    this.#sessions?.close();
    this.#sessions = undefined;
  }

  #open(start: BgpStart): BgpSessions {
    const { bgp: world, netlink, clock, deadlines, emit, onFacts } = this.#parts;
    const left = new LeftSessions(readEstate(world.bequest.take(), world.bootId));
    return new BgpSessions({ world, netlink, clock, deadlines, start, left, emit, onFacts });
  }

  /** If it cannot be written, routers find BFD to be down at the next run, as without it. */
  #bequeath(left: Left): void {
    const { bequest, bootId } = this.#parts.bgp;
    if (left.sessions.length > 0) bequest.leave(estateText({ ...left, bootId }));
  }

  #tell(): void {
    // What was not told stays to be told.
    if (this.#sessions === undefined) return;
    const news = this.#routes.settle();
    if (news.changed.length + news.removed.length > 0) this.#sessions.route(news);
  }

  readonly #named = (peer: PeerWord): PeerWord =>
    peer.routerId === UNCHOSEN_ROUTER_ID ? { ...peer, routerId: this.#identifier() } : peer;

  /** Chosen once: another one would end every session. */
  #identifier(): Ipv4Address {
    const { netlink, bgp } = this.#parts;
    const { routers, servers } = this.#desired;
    const present = netlink.addresses();
    const virtual = new Set<IpAddress>([
      ...servers.map(({ address }) => address),
      ...routers.flatMap(({ addresses, unadvertisedAddresses }) =>
        [...addresses, ...unadvertisedAddresses].map(({ address }) => address),
      ),
    ]);
    this.#routerId ??= edgeRouterId({
      ...{ name: bgp.hostname, virtual },
      addresses: present.ok ? present.value.map(({ address }) => address) : [],
    });
    return this.#routerId;
  }

  #pause(): Promise<void> {
    const { clock, deadlines } = this.#parts;
    return new Promise((resolve) =>
      deadlines.set(FORGETTING_ID, after(clock.now(), FORGETTING), () => resolve()),
    );
  }
}
