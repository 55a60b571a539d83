/** An edge behind a router whose program is killed, or replaced while its forwarding stays in the kernel. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parseAddress } from "#base/address";
import { standardTopology } from "#lab/index";
import { startDownloads, startHttpLoad, startServers, urlOf } from "#lab/probe/start";
import { inBed } from "#test/kernel/edge-bed";
import { edgeConfig, HOPS, inSession, startEdges, startRouter, VIP } from "./bgp-edge-bed.ts";

const ADDRESS = parseAddress(VIP) ?? assert.fail(VIP);
const URL = urlOf(ADDRESS, 8080);
const TOPOLOGY = standardTopology({ directReturn: [ADDRESS] });
const NODES = ["n1", "n2", "n3"] as const;

describe("the program of an edge that announces by BGP", () => {
  it("is killed and loses nothing: the router hears its connection end, and XDP and nftables forward until then", (context) =>
    inBed(context, TOPOLOGY, async (bed) => {
      const { lab, e1 } = bed;
      const router = await startRouter(bed);
      await Promise.all(NODES.map((name) => startServers(lab.host(name))));
      const text = edgeConfig({ mode: "dsr" });
      await startEdges(bed, text, ["--engine", "xdp"]);
      await router.sendsTo(HOPS.both);
      const { servers = [] } = (await e1.status()) ?? {};
      assert.deepEqual(
        servers.map(({ engine }) => engine),
        ["xdp"],
      );
      const downloads = await startDownloads(lab.host("cl"), {
        ...{ url: URL, streams: 30, duration: 4, bytes: 1_000_000 },
      });
      await e1.signal("SIGKILL");
      const took = await router.sendsTo([HOPS.e2]);
      context.diagnostic(`the router sends elsewhere ${Math.round(took)} ms after the program was killed`);
      const { downloads: ended } = await downloads.finish();
      assert.deepEqual(
        ended.filter(({ whole }) => !whole),
        [],
      );
      await e1.start(text, { further: ["--engine", "xdp"] });
      await router.sendsTo(HOPS.both, 15_000);
      // What the killed one left was taken over, and is there once.
      const held = await lab.host("e1").expect(["ip", "-4", "-o", "address", "show", "dev", "lo"]);
      assert.equal(held.split(`${VIP}/32`).length, 2, held);
    }));

  it("is replaced under graceful restart (RFC 4724): the router goes on sending to both, and no request is lost", (context) =>
    inBed(context, TOPOLOGY, async (bed) => {
      const { lab, e1 } = bed;
      const router = await startRouter(bed);
      await Promise.all(NODES.map((name) => startServers(lab.host(name))));
      const text = edgeConfig({ mode: "masquerade" }, [], { enableGracefulRestart: true, bfdProfile: "" });
      const program = await startEdges(bed, text);
      await router.sendsTo(HOPS.both);
      let isWatching = true;
      const others: (readonly string[])[] = [];
      const watching = (async () => {
        for (; isWatching; await pause(50)) {
          const hops = await router.hops();
          if (hops.length !== HOPS.both.length) others.push(hops);
        }
      })();
      const load = await startHttpLoad(lab.host("cl"), { url: URL, clients: 10, rate: 10, timeout: 10_000 });
      await pause(500);
      await e1.signal("SIGUSR2");
      const { code } = await program.exited;
      assert.equal(code, 0);
      await e1.start(text);
      await inSession(e1);
      // All routes have been told again, and what was kept of the old session is dropped.
      await pause(1_500);
      isWatching = false;
      await watching;
      const { requests } = await load.finish();
      assert.deepEqual(others, []);
      assert.deepEqual(
        requests.filter(({ error }) => error !== undefined),
        [],
      );
      assert.ok(requests.length > 50, `${requests.length} requests`);
      assert.match(await router.say("show", "protocols", "all", "edge1"), /Restart recovery/);
    }));
});
