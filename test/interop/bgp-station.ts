/**
 * The program under test: BGP sessions of ours on the real sockets, put together as the speaker does it.
 *
 * `node bgp-station.ts fresh|again`. It prints one line of JSON for each observation, and takes orders on its input, one line of
 * JSON each; to each it answers with one line.
 */
import { createHash, randomInt } from "node:crypto";
import { createInterface } from "node:readline";
import { assert } from "#base/assert";
import { estateText, LONGEST_ESTATE, readEstate } from "#core/bfd/legacy-words";
import type { BgpSettings, PeerWord } from "#core/bgp/desired";
import { openBfdPort } from "#drivers/bfd/linux";
import { openBgpPort } from "#drivers/bgp/linux";
import { openClock } from "#drivers/clock/linux";
import { openBequest } from "#drivers/files/bequest";
import { readBootId } from "#drivers/host/linux";
import { openNetlink } from "#drivers/netlink/linux";
import { openAdvertisementPort } from "#drivers/router-advertisement/linux";
import { BfdHub } from "#runtime/bfd/hub";
import type { Leave, Left } from "#runtime/bgp/leaving";
import { LeftSessions } from "#runtime/bgp/left-sessions";
import type { BgpSpeakerParts } from "#runtime/bgp/parts";
import type { RouteChanges } from "#runtime/bgp/route-queue";
import { BgpSpeaker } from "#runtime/bgp/speaker";
import { createDeadlines } from "#runtime/deadlines";
import { createLinks } from "#runtime/links";

/** What the station is told to do. */
export type BgpOrder =
  | { readonly order: "settings"; readonly settings: BgpSettings }
  | { readonly order: "peers"; readonly peers: readonly PeerWord[] }
  | { readonly order: "route"; readonly changes: RouteChanges }
  | { readonly order: "complete" }
  | { readonly order: "snapshot" }
  | { readonly order: "leave"; readonly leave: Leave };

/** What a station leaves for the next one. */
const BEQUEST = "/run/station-bfd.json";

const RANGE = 2 ** 40;

const say = (value: object): void => console.log(JSON.stringify(value));

const bequest = openBequest(BEQUEST, LONGEST_ESTATE);

const bequeath = (left: Left): void => {
  if (left.sessions.length > 0) bequest.leave(estateText({ ...left, bootId: readBootId() }));
};

const openSpeaker = (start: BgpSpeakerParts["start"]): BgpSpeaker => {
  const opened = openClock({ onWake: () => deadlines.runDue() });
  const netlink = openNetlink();
  assert(opened.ok && netlink.ok, "no clock or no netlink");
  const { now, wake } = opened.value;
  const deadlines = createDeadlines({ now, wake });
  const random = (): number => randomInt(RANGE) / RANGE;
  const links = createLinks(netlink.value);
  const left = new LeftSessions(readEstate(bequest.take(), readBootId()));
  const bfd = new BfdHub({
    ...{ bfd: openBfdPort(), deadlines, now, random, count: (what) => say({ counted: what }) },
    digest: (algorithm, bytes) => createHash(algorithm).update(bytes).digest(),
  });
  const speaker = new BgpSpeaker({
    ...{ tcp: openBgpPort(), routers: openAdvertisementPort(), bfd, links, deadlines, now, random, start },
    left,
    afterReading: (run) => void setImmediate(run),
    tell: (observation, at) => say({ at: Math.round(at / 1_000), observation }),
  });
  netlink.value.subscribe((change) => {
    if (change.type === "overrun") links.reread();
    else links.apply(change);
    speaker.linksChanged(now());
  });
  return speaker;
};

const runStation = (start: BgpSpeakerParts["start"]): void => {
  const speaker = openSpeaker(start);
  const clock = openClock({ onWake: () => {} });
  assert(clock.ok, "no clock");
  const now = clock.value.now;
  const obey = async (order: BgpOrder): Promise<object> => {
    switch (order.order) {
      case "settings":
        speaker.setSettings(order.settings, now());
        return {};
      case "peers":
        speaker.setPeers(order.peers, now());
        return {};
      case "route":
        speaker.route(order.changes);
        return {};
      case "complete":
        speaker.routesComplete();
        return {};
      case "snapshot":
        return { peers: speaker.peers(), listening: speaker.listening() };
      case "leave":
        bequeath(await new Promise<Left>((resolve) => speaker.leave(order.leave, resolve)));
        setImmediate(() => process.exit(0));
        return {};
    }
  };
  createInterface({ input: process.stdin }).on("line", async (line) => {
    say({ answer: await obey(JSON.parse(line)) });
  });
  say({ answer: "ready" });
};

const [, file, start] = process.argv;
if (file === import.meta.filename) runStation(start === "again" ? "again" : "fresh");
