/** Two active edges behind a router that spreads over both by BGP: what becomes of users when one of them goes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { between, toMillis } from "#base/time";
import { monotonicNow } from "#lab/probe/clock";
import { startDownloads, startHttpLoad } from "#lab/probe/start";
import { type Bed, inBed, until } from "#test/kernel/edge-bed";
import { edgeConfig, HOPS, type Router, startEdges, startRouter, ups, VIP } from "./bgp-edge-bed.ts";
import { downloadsOutliveSilence, NODES, startBackends, TOPOLOGY, URL } from "./bgp-edge-users.ts";

/** All is up, and the router spreads over both edges. */
const running = async (bed: Bed, text: string): Promise<Router> => {
  const router = await startRouter(bed);
  await startBackends(bed);
  await startEdges(bed, text);
  await router.sendsTo(HOPS.both);
  return router;
};

/** Packets that an edge has sent to backends, by its metrics. */
const carried = async ({ get }: Bed["e1"]): Promise<number> => {
  const { body } = await get("/metrics");
  const counts = [...body.matchAll(/^steelyard_nftables_packets_total\{.*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
};

describe("two edges that announce by BGP", () => {
  it("share flows, and one that goes silent loses none in direct server return: the other chooses the same backends", (context) =>
    inBed(context, TOPOLOGY, async (bed) => {
      const router = await running(bed, edgeConfig({ mode: "dsr" }));
      await downloadsOutliveSilence(context, bed, router, async () => {
        for (const edge of [bed.e1, bed.e2])
          await until(`${edge.name} carries some`, async () => (await carried(edge)) > 0, {
            withinMs: 6_000,
          });
      });
    }));

  it("lose nothing when one is stopped, and follow a reload without another session", (context) =>
    inBed(context, TOPOLOGY, async (bed) => {
      const { lab, e1, e2 } = bed;
      const router = await running(bed, edgeConfig({ mode: "dsr" }));
      await e2.configure(edgeConfig({ mode: "dsr" }, ["64510:77"]));
      await e2.event(({ event }) => event.type === "config-applied" && event.generation === 2);
      const told = await router.say("show", "route", `${VIP}/32`, "all");
      assert.match(told, /BGP.community: \(64510,77\)/);
      assert.equal(await ups(e2), 1);

      const load = await startHttpLoad(lab.host("cl"), { url: URL, clients: 10, rate: 20, timeout: 10_000 });
      const downloads = await startDownloads(lab.host("cl"), {
        ...{ url: URL, streams: 20, duration: 5, bytes: 1_000_000 },
      });
      await pause(500);
      const began = monotonicNow();
      const [{ code }] = await Promise.all([e1.stop(), router.sendsTo([HOPS.e2])]);
      assert.equal(code, 0);
      const { downloads: ended } = await downloads.finish();
      const { requests } = await load.finish();
      assert.deepEqual(
        ended.filter(({ whole }) => !whole),
        [],
      );
      const failed = requests
        .filter(({ error }) => error !== undefined)
        .map(
          ({ at, error, port }) =>
            `${error} of port ${port} ${toMillis(between(began, at))} ms after the stop`,
        );
      assert.deepEqual(failed, []);
      context.diagnostic(`${requests.length} requests and ${ended.length} downloads, none lost`);
      const left = await lab.host("e1").expect(["ip", "-4", "address", "show", "dev", "lo"]);
      assert.ok(!left.includes(VIP), left);
    }));

  it("announce nothing while no backend answers, in masquerade too, and tell why", (context) =>
    inBed(context, TOPOLOGY, async (bed) => {
      const { lab, e1, e2 } = bed;
      const router = await running(bed, edgeConfig({ mode: "masquerade" }));
      const load = await startHttpLoad(lab.host("cl"), { url: URL, clients: 10, rate: 20, timeout: 10_000 });
      await pause(1_000);
      // Only e1 is cut off from the backends, not from the router.
      const deny = NODES.map((_, index) => `10.2.0.${21 + index}`).join(", ");
      const rules = [
        "add table ip cut",
        "add chain ip cut out { type filter hook output priority 0; }",
        `add rule ip cut out ip daddr { ${deny} } drop`,
      ];
      await lab.host("e1").expect(["nft", rules.join("; ")]);
      await router.sendsTo([HOPS.e2]);
      const status = await e1.until("withholds", ({ bgp }) => bgp?.routes[0]?.state === "withheld");
      assert.equal(status.bgp?.peers[0]?.state, "established");
      assert.ok(!JSON.stringify(status).includes("correct-horse"));
      const shown = await e1.command("status");
      assert.match(shown.stdout, /192\.0\.2\.10\/32 +web +rt +withheld: nobody behind it takes connections/);
      await pause(500);
      const { requests } = await load.finish();
      const after = requests.slice(-50).filter(({ error }) => error !== undefined);
      assert.deepEqual(after, []);
      await lab.host("e1").expect(["nft", "delete table ip cut"]);
      await router.sendsTo(HOPS.both);
      assert.equal(await ups(e1), 1);
      assert.equal(await ups(e2), 1);
      // A port that no virtual server has is answered at once, and not sent back and forth.
      const other = await lab.host("cl").run(["timeout", "2", "bash", "-c", `exec 3<>/dev/tcp/${VIP}/81`]);
      assert.match(other.stderr, /refused/i);
    }));
});
