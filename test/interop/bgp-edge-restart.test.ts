/** An edge behind a router whose program is killed, or replaced while its forwarding stays in the kernel. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startDownloads } from "#lab/probe/start";
import { inBed } from "#test/kernel/edge-bed";
import { edgeConfig, HOPS, isWatched, startEdges, startRouter, VIP } from "./bgp-edge-bed.ts";
import { replacedUnnoticed, startBackends, TOPOLOGY, URL } from "./bgp-edge-users.ts";

describe("the program of an edge that announces by BGP", () => {
  it("is killed and loses nothing: the router hears its connection end, and XDP and nftables forward until then", (context) =>
    inBed(context, TOPOLOGY, async (bed) => {
      const { lab, e1 } = bed;
      const router = await startRouter(bed);
      await startBackends(bed);
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

  it("is replaced under graceful restart and BFD (RFC 4724, RFC 5882): the router goes on sending to both, and no request is lost", (context) =>
    inBed(context, TOPOLOGY, async (bed) => {
      const { e1, e2 } = bed;
      const router = await startRouter(bed);
      await startBackends(bed);
      const text = edgeConfig({ mode: "masquerade" }, [], { enableGracefulRestart: true });
      const program = await startEdges(bed, text);
      await router.sendsTo(HOPS.both);
      await Promise.all([e1, e2].map((edge) => isWatched(edge)));
      await replacedUnnoticed(bed, router, [{ edge: e1, text, program }]);
      assert.match(await router.say("show", "protocols", "all", "edge1"), /Restart recovery/);
    }));
});
