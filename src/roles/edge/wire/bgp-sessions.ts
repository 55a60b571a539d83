/** The sessions of an edge with its routers: the speaker, its BFD and its view of this machine's interfaces. */
import { after, between, type Instant, millis, seconds, toMillis, type WallTime, wallTime } from "#base/time";
import type { BgpSettings, PeerWord } from "#core/bgp/desired";
import type { SessionEvent } from "#core/observation/event";
import type { BgpFacts } from "#core/speaker/bgp-facts";
import type { NetlinkChange, NetlinkPort } from "#drivers/netlink/port";
import { BfdHub } from "#runtime/bfd/hub";
import type { Leave, Left } from "#runtime/bgp/leaving";
import type { BgpSpeakerParts } from "#runtime/bgp/parts";
import type { RouteChanges } from "#runtime/bgp/route-queue";
import { BgpSpeaker } from "#runtime/bgp/speaker";
import { factsOf } from "#runtime/bgp-facts/facts";
import { BgpTelling } from "#runtime/bgp-facts/telling";
import type { Clock, Deadlines } from "#runtime/deadlines";
import { createLinks, type Links } from "#runtime/links";
import type { BgpWorld } from "./bgp-parts.ts";

/** How often it is looked whether counts are others. */
const LOOK = seconds(1);
const LOOK_ID = "bgp facts";
const SENT_ID = "bgp sent";
/** How often it is looked whether all has been sent, and for how long. */
const POLL = millis(20);
const LONGEST_SENDING = seconds(5);

type Parts = {
  readonly world: BgpWorld;
  readonly netlink: NetlinkPort;
  readonly clock: Pick<Clock, "now">;
  readonly deadlines: Deadlines;
  readonly start: BgpSpeakerParts["start"];
  readonly left: BgpSpeakerParts["left"];
  readonly emit: (event: SessionEvent) => void;
  /** Something of a peer is another thing than before. */
  readonly onFacts: () => void;
};

export class BgpSessions {
  readonly #parts: Parts;
  readonly #links: Links;
  readonly #hub: BfdHub;
  readonly #speaker: BgpSpeaker;
  readonly #telling: BgpTelling;
  readonly #stopWatching: () => void;
  #words: ReadonlyMap<string, PeerWord> = new Map();
  #told = "";

  constructor(parts: Parts) {
    this.#parts = parts;
    const { world, netlink, clock, deadlines, start, left, emit } = parts;
    const now = clock.now.bind(clock);
    this.#telling = new BgpTelling((event) => {
      if (isOfSessions(event)) emit(event);
    });
    this.#links = createLinks(netlink);
    this.#hub = new BfdHub({ ...world, deadlines, now, count: () => {} });
    this.#speaker = new BgpSpeaker({
      ...{ ...world, bfd: this.#hub, links: this.#links, deadlines, now, start, left },
      tell: (observation, at) => {
        this.#telling.hear(observation, at);
        parts.onFacts();
      },
    });
    const watching = netlink.subscribe((change) => this.#onNetwork(change));
    this.#stopWatching = watching.ok ? watching.value : () => {};
  }

  /** With these from now on; sessions of those that are as before are not touched. */
  set(peers: readonly PeerWord[], settings: BgpSettings): void {
    const now = this.#parts.clock.now();
    this.#words = new Map(peers.map((peer) => [peer.name, peer]));
    this.#telling.setPeers(this.#words);
    this.#speaker.setSettings(settings, now);
    this.#speaker.setPeers(peers, now);
    this.#parts.onFacts();
    this.#look(now);
  }

  route(changes: RouteChanges): void {
    this.#speaker.route(changes);
  }

  /** Everything there is has been told. */
  complete(): void {
    this.#speaker.routesComplete();
  }

  facts(): BgpFacts {
    const now = this.#parts.clock.now();
    const toWall = (at: Instant): WallTime => wallTime(Date.now() - toMillis(between(at, now)));
    return this.#speaker
      .peers()
      .map((peer) => factsOf(peer, this.#words.get(peer.name), toWall))
      .sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  /** Resolves once every peer with a session has been sent all there is, or does not take it. */
  sent(): Promise<void> {
    const { clock, deadlines } = this.#parts;
    const limit = after(clock.now(), LONGEST_SENDING);
    return new Promise((resolve) => {
      const look = (now: Instant): void => {
        const isSent = this.#speaker
          .peers()
          .every(({ state, counts }) => state !== "established" || counts.pending === 0);
        if (isSent || now >= limit) resolve();
        else deadlines.set(SENT_ID, after(now, POLL), look);
      };
      // Routes reach the tables of peers a little later than they are given.
      deadlines.set(SENT_ID, after(clock.now(), POLL), look);
    });
  }

  /** Ends all sessions; resolves when that is over, with what the next run needs. */
  leave(leave: Leave): Promise<Left> {
    return new Promise((resolve) => this.#speaker.leave(leave, resolve));
  }

  /** Ends at once, without a word. */
  close(): void {
    this.#parts.deadlines.set(LOOK_ID, undefined, () => {});
    this.#stopWatching();
    this.#speaker.close();
    this.#hub.close();
  }

  #onNetwork(change: NetlinkChange): void {
    if (change.type === "overrun") this.#links.reread();
    else this.#links.apply(change);
    this.#speaker.linksChanged(this.#parts.clock.now());
  }

  #look(now: Instant): void {
    const text = JSON.stringify(this.#speaker.peers());
    if (text !== this.#told) this.#parts.onFacts();
    this.#told = text;
    const next = this.#words.size === 0 ? undefined : after(now, LOOK);
    this.#parts.deadlines.set(LOOK_ID, next, (at) => this.#look(at));
  }
}

/** The rest is about a cluster, and nobody here says it. */
const isOfSessions = (
  event: Parameters<ConstructorParameters<typeof BgpTelling>[0]>[0],
): event is SessionEvent =>
  event.type !== "bgp-refusal" &&
  event.type !== "bgp-configuration-refused" &&
  event.type !== "bgp-configuration-applied";
