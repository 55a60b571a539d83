/** The speaker of BGP behind the port that the wire process knows: its observations become events, its peers become facts. */
import { after, between, type Instant, seconds, toMillis, type WallTime, wallTime } from "#base/time";
import type { BgpSettings, PeerWord } from "#core/bgp/desired";
import type { BgpPeerFacts } from "#core/speaker/bgp-facts";
import type { BgpPort as TcpPort } from "#drivers/bgp/port";
import type { AdvertisementPort } from "#drivers/router-advertisement/port";
import { BgpSpeaker } from "#runtime/bgp/speaker";
import { factsOf } from "#runtime/bgp-facts/facts";
import { BgpTelling } from "#runtime/bgp-facts/telling";
import type { Deadlines } from "#runtime/deadlines";
import type { BgpPort, BgpSurroundings } from "./port.ts";

export type OpenBgpParts = {
  readonly node: string;
  readonly tcp: TcpPort;
  readonly routers: AdvertisementPort;
  readonly settings: BgpSettings;
  readonly deadlines: Deadlines;
  readonly now: () => Instant;
  /** The time of day. */
  readonly time: () => WallTime;
  readonly random: () => number;
  /** Runs something once what waits on the sockets now has been read. */
  readonly afterReading: (run: () => void) => void;
};

/** How often it is looked whether counts are others. */
const LOOK = seconds(1);

/** Opens it. Nothing is told before this has returned. */
export const openBgp =
  (parts: OpenBgpParts) =>
  ({ bfd, links, start, left, tell, onFacts }: BgpSurroundings): BgpPort => {
    const { node, tcp, routers, settings, deadlines, now, time, random, afterReading } = parts;
    const telling = new BgpTelling(tell);
    const speaker = new BgpSpeaker({
      ...{ tcp, routers, bfd, links, deadlines, now, random, afterReading, start, left },
      tell: (observation, at) => {
        telling.hear(observation, at);
        onFacts();
      },
    });
    speaker.setSettings(settings, now());
    let words: ReadonlyMap<string, PeerWord> = new Map();
    let told = "";
    const toWall = (at: Instant): WallTime => wallTime(time() - toMillis(between(at, now())));
    const standings = new Map<string, { readonly isUp: boolean; readonly since: WallTime }>();
    /** Attempts come and go: what counts is since when there is a session, or none. */
    const steadied = (peer: BgpPeerFacts): BgpPeerFacts => {
      const isUp = peer.state === "established";
      const before = standings.get(peer.name);
      const since = before?.isUp === isUp ? before.since : peer.since;
      standings.set(peer.name, { isUp, since });
      return { ...peer, since };
    };
    const facts = () =>
      speaker
        .peers()
        .map((peer) => steadied(factsOf(peer, words.get(peer.name), toWall)))
        .sort((left, right) => (left.name < right.name ? -1 : 1));
    const look = (at: Instant): void => {
      // Times are made anew each time they are asked for, and so differ by a millisecond.
      const text = JSON.stringify(speaker.peers());
      if (text !== told) onFacts();
      told = text;
      deadlines.set("bgp facts", words.size === 0 ? undefined : after(at, LOOK), look);
    };
    return {
      facts,
      setPeers: (peers, at) => {
        words = new Map(peers.map((peer) => [peer.name, peer]));
        telling.setPeers(words);
        for (const name of standings.keys()) if (!words.has(name)) standings.delete(name);
        speaker.setPeers(peers, at);
        onFacts();
        deadlines.set("bgp facts", after(at, LOOK), look);
      },
      route: (changes) => speaker.route(changes),
      complete: () => speaker.routesComplete(),
      linksChanged: (at) => speaker.linksChanged(at),
      leave: (done, reason) =>
        speaker.leave({ reason, communication: `steelyard ends on node ${node}` }, done),
      close: () => {
        deadlines.set("bgp facts", undefined, () => {});
        speaker.close();
      },
    };
  };
