/** Two active edges behind an FRR that spreads over both by BGP, as behind BIRD (`bgp-edge.test.ts`). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parseAddress } from "#base/address";
import { standardTopology } from "#lab/index";
import { startDownloads, startHttpLoad, startServers, urlOf } from "#lab/probe/start";
import { type Bed, inBed } from "#test/kernel/edge-bed";
import {
  edgeConfig,
  HOPS,
  inSession,
  isWatched,
  type Router,
  routerOn,
  startEdges,
  VIP,
} from "./bgp-edge-bed.ts";
import { startFrrDaemons } from "./frr-daemons.ts";

const ADDRESS = parseAddress(VIP) ?? assert.fail(VIP);
const URL = urlOf(ADDRESS, 8080);
const TOPOLOGY = standardTopology({ directReturn: [ADDRESS] });
const NODES = ["n1", "n2", "n3"] as const;

const FRR = [
  "router bgp 64500",
  " bgp router-id 10.2.0.1",
  " no bgp ebgp-requires-policy",
  ...HOPS.both.flatMap((address) => [
    ` neighbor ${address} remote-as 64510`,
    ` neighbor ${address} password correct-horse`,
    ` neighbor ${address} timers 3 9`,
    ` neighbor ${address} timers connect 2`,
    ` neighbor ${address} bfd`,
  ]),
  " address-family ipv4 unicast",
  "  maximum-paths 8",
  ...HOPS.both.map((address) => `  neighbor ${address} activate`),
  " exit-address-family",
  "exit",
  "",
].join("\n");

/** FRR on the router, and servers on the nodes. */
const startAround = async ({ lab }: Bed): Promise<Router> => {
  const frr = await startFrrDaemons(lab, "rt", () => {});
  await frr.load(FRR);
  await Promise.all(NODES.map((name) => startServers(lab.host(name))));
  return routerOn(lab.host("rt"), (...words) => frr.vtysh(words.join(" ")));
};

describe("two edges that announce by BGP to FRR", () => {
  it("share flows, and one that goes silent loses none in direct server return", (context) =>
    inBed(context, TOPOLOGY, async (bed) => {
      const router = await startAround(bed);
      await startEdges(bed, edgeConfig({ mode: "dsr" }));
      await router.sendsTo(HOPS.both, 20_000);
      await Promise.all([bed.e1, bed.e2].map((edge) => isWatched(edge)));
      const downloads = await startDownloads(bed.lab.host("cl"), {
        ...{ url: URL, streams: 30, duration: 8, bytes: 1_000_000 },
      });
      await bed.lab.fault("silence e1");
      const took = await router.sendsTo([HOPS.e2]);
      context.diagnostic(`FRR sends elsewhere ${Math.round(took)} ms after e1 went silent`);
      const { downloads: ended } = await downloads.finish();
      assert.deepEqual(
        ended.filter(({ whole }) => !whole),
        [],
      );
      assert.equal(new Set(ended.map(({ backend }) => backend)).size, 3);
      await bed.lab.fault("restore e1");
      await router.sendsTo(HOPS.both, 20_000);
    }));

  it("are replaced one after the other under graceful restart (RFC 4724): FRR goes on sending to both, and no request is lost", (context) =>
    inBed(context, TOPOLOGY, async (bed) => {
      const router = await startAround(bed);
      const text = edgeConfig({ mode: "masquerade" }, [], { enableGracefulRestart: true, bfdProfile: "" });
      const first = await startEdges(bed, text);
      await router.sendsTo(HOPS.both, 20_000);
      let isWatching = true;
      const others: (readonly string[])[] = [];
      const watching = (async () => {
        for (; isWatching; await pause(50)) {
          const hops = await router.hops();
          if (hops.length !== HOPS.both.length) others.push(hops);
        }
      })();
      const load = await startHttpLoad(bed.lab.host("cl"), {
        url: URL,
        clients: 10,
        rate: 10,
        timeout: 10_000,
      });
      await pause(500);
      await bed.e1.signal("SIGUSR2");
      assert.equal((await first.exited).code, 0);
      await bed.e1.start(text);
      await inSession(bed.e1);
      await pause(1_500);
      await bed.e2.signal("SIGUSR2");
      await pause(500);
      await bed.e2.start(text);
      await inSession(bed.e2);
      // All routes have been told again, and what was kept of the old sessions is dropped.
      await pause(1_500);
      isWatching = false;
      await watching;
      const { requests } = await load.finish();
      assert.deepEqual(others, []);
      assert.deepEqual(
        requests.filter(({ error }) => error !== undefined),
        [],
      );
      assert.ok(requests.length > 100, `${requests.length} requests`);
    }));
});
