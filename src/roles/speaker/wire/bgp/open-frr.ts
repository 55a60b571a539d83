/** An FRR that is there already, behind the port that the wire process knows: it talks to the peers instead of us. */
import { after, type Instant, seconds, type WallTime, wallTime } from "#base/time";
import type { BgpSettings, PeerWord } from "#core/bgp/desired";
import { REFUSAL_TEXTS } from "#core/frr/refusal";
import type { BgpEvent } from "#core/speaker/bgp";
import type { BgpPeerFacts } from "#core/speaker/bgp-facts";
import type { FrrPort } from "#drivers/frr/port";
import type { Deadlines } from "#runtime/deadlines";
import { FrrEngine, type FrrPeerSnapshot } from "#runtime/frr/engine";
import type { FrrObservation } from "#runtime/frr/parts";
import type { BgpPort, BgpSurroundings } from "./port.ts";

export type OpenFrrParts = {
  readonly frr: FrrPort;
  readonly settings: BgpSettings;
  readonly deadlines: Deadlines;
  readonly now: () => Instant;
  /** The time of day. */
  readonly time: () => WallTime;
};

/** How often it is looked whether what FRR says is another thing. */
const LOOK = seconds(1);

const NO_MESSAGES = { open: 0, update: 0, notification: 0, keepalive: 0, "route-refresh": 0 };

/** What is said of a peer; `since` is when it came up or went down. */
const factsOf = (
  { name, address, session, routes }: FrrPeerSnapshot,
  { since, now }: { readonly since: WallTime; readonly now: WallTime },
): BgpPeerFacts => {
  const agreed = session?.agreed;
  const { told, overLimit } = routes;
  const over = overLimit.IPv4 + overLimit.IPv6;
  const announced = session?.routesSent ?? 0;
  return {
    ...{ name, address, link: undefined, state: session?.state ?? "idle", since },
    session:
      agreed === undefined
        ? undefined
        : {
            ...{ asn: agreed.asn, routerId: agreed.routerId, families: agreed.families },
            ...{ holdTime: agreed.holdMs / 1_000, keepaliveTime: agreed.keepaliveMs / 1_000 },
            keepsRoutes: agreed.keepsRoutesMs === undefined ? undefined : agreed.keepsRoutesMs / 1_000,
          },
    ...{ wanted: told + over, announced, pending: agreed === undefined ? 0 : Math.max(0, told - announced) },
    leftOut: (["IPv4", "IPv6"] as const).flatMap((family) =>
      overLimit[family] === 0 ? [] : [{ reason: "over-limit", family, count: overLimit[family] }],
    ),
    bfd: session?.bfd,
    failure:
      session?.failure === undefined
        ? undefined
        : { text: session.failure.text, at: wallTime(now - session.failure.agoMs) },
    ...{ sent: session?.sent ?? NO_MESSAGES, received: session?.received ?? NO_MESSAGES },
    // FRR's filter of ours takes none, and does not count them.
    ...{ ignoredRoutes: 0, ups: session?.ups ?? 0 },
  };
};

/** What is worth a line; `undefined`: nothing is. */
const eventOf = (observation: FrrObservation): BgpEvent | undefined => {
  switch (observation.type) {
    case "session": {
      const { peer, from, to, text } = observation;
      if (to === "established") return { type: "bgp-session", peer, to: "up", detail: "in FRR" };
      return from === "established" ? { type: "bgp-session", peer, to: "down", detail: text } : undefined;
    }
    case "refused": {
      const { peer, reason } = observation;
      const subject = `peer ${peer} in FRR`;
      return reason === undefined
        ? { type: "bgp-trouble", subject, state: "ended" }
        : { type: "bgp-trouble", subject, state: "begun", detail: `it ${REFUSAL_TEXTS[reason]}` };
    }
    case "failed":
      return { type: "bgp-trouble", subject: "FRR", state: "begun", detail: observation.failure.message };
    case "unsettled": {
      const detail = `it took every line, and does not print: ${observation.line}`;
      return { type: "bgp-trouble", subject: "FRR", state: "begun", detail };
    }
    case "recovered":
      return { type: "bgp-trouble", subject: "FRR", state: "ended" };
    default:
      return undefined;
  }
};

/** Opens it. Nothing is told before this has returned. */
export const openFrrBgp =
  ({ frr, settings, deadlines, now, time }: OpenFrrParts) =>
  ({ tell, onFacts }: Pick<BgpSurroundings, "tell" | "onFacts">): BgpPort => {
    const start = time();
    /** When each peer came up or went down. */
    const changes = new Map<string, WallTime>();
    const engine = new FrrEngine({
      ...{ frr, deadlines, now },
      tell: (observation) => {
        if (observation.type === "session") changes.set(observation.peer, sinceOf(observation));
        const event = eventOf(observation);
        if (event !== undefined) tell(event);
        onFacts();
      },
    });
    engine.setSettings(settings);
    /** FRR may have held the session for long before we asked. */
    const sinceOf = ({ peer, from, to }: Extract<FrrObservation, { type: "session" }>): WallTime => {
      const isChange = (from === "established") !== (to === "established");
      if (!isChange) return changes.get(peer) ?? start;
      const snapshot = engine.peers().find(({ name }) => name === peer);
      return wallTime(time() - (to === "established" ? (snapshot?.session?.upMs ?? 0) : 0));
    };
    let words: readonly PeerWord[] = [];
    let told = "";
    const facts = () =>
      engine
        .peers()
        .map((peer) => factsOf(peer, { since: changes.get(peer.name) ?? start, now: time() }))
        .sort((left, right) => (left.name < right.name ? -1 : 1));
    const look = (at: Instant): void => {
      // Times that pass are no news.
      const text = JSON.stringify(engine.peers(), (key, value) =>
        key === "upMs" || key === "agoMs" ? undefined : value,
      );
      if (text !== told) onFacts();
      told = text;
      deadlines.set("bgp facts", words.length === 0 ? undefined : after(at, LOOK), look);
    };
    const quiet = (): void => deadlines.set("bgp facts", undefined, () => {});
    return {
      facts,
      setPeers: (peers, at) => {
        const names = new Set(peers.map(({ name }) => name));
        for (const { name } of words) {
          if (names.has(name)) continue;
          changes.delete(name);
          tell({ type: "bgp-session", peer: name, to: "removed" });
        }
        words = peers;
        engine.setPeers(peers);
        onFacts();
        deadlines.set("bgp facts", after(at, LOOK), look);
      },
      route: (changed) => engine.route(changed),
      complete: () => engine.routesComplete(),
      linksChanged: () => {},
      // FRR would go on for ever, and nobody could tell a restart from an end.
      leave: (done) => {
        quiet();
        engine.leave({ reason: "shutdown" }, () => done(undefined));
      },
      close: () => {
        quiet();
        engine.close();
      },
    };
  };
