/** The real program with `--engine xdp`, beside one without. Needs root. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseAddress } from "#base/address";
import { standardTopology } from "#lab/index";
import { startDownloads, startServers, urlOf } from "#lab/probe/start";
import { type Edge, inBed, SLACK, until } from "./edge-bed.ts";
import { activeDown, config, router, server, VIP } from "./edge-config.ts";
import { changesSince, tracesOf } from "./edge-traces.ts";

const ADDRESS = parseAddress(VIP) ?? assert.fail(VIP);
const LOW = 100;
const TOPOLOGY = standardTopology({ client: "lan", directReturn: [ADDRESS] });
const WEB = server({ mode: "dsr", port: 8080 });
const XDP = { further: ["--engine", "xdp"] };

const hasProgram = async ({ host }: Edge): Promise<boolean> =>
  (await host.expect(["ip", "link", "show", "dev", "eth0"])).includes("xdp");

describe("an edge with the XDP engine", () => {
  it("hands every download over to one without, and says what it did", async (context) => {
    await inBed(context, TOPOLOGY, async ({ lab, e1, e2, holdings }) => {
      await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
      await Promise.all([
        e1.start(config(router({ priority: 150 }), WEB), XDP),
        e2.start(config(router({ priority: LOW }), WEB)),
      ]);
      await holdings.settle(VIP, ["e1"]);
      const { servers } = await e1.until("carries by XDP", (seen) => seen.servers[0]?.engine === "xdp");
      assert.equal(servers[0]?.engineReason, undefined);
      assert.ok(await hasProgram(e1));
      const options = { url: urlOf(ADDRESS, 8080), streams: 60, duration: 3, bytes: 1_000_000 };
      const downloads = await startDownloads(lab.host("cl"), options);
      await lab.fault("silence e1");
      await holdings.settle(VIP, ["e1", "e2"], activeDown(LOW) + SLACK);
      const { downloads: ended } = await downloads.finish();
      assert.deepEqual(
        ended.filter(({ whole }) => !whole),
        [],
      );
      assert.equal(new Set(ended.map(({ backend }) => backend)).size, 3);
      // Counts are told every five seconds.
      const told = /^steelyard_xdp_packets_total\{.*server="web".*\} [1-9]/m;
      await until("metrics of XDP", async () => told.test((await e1.get("/metrics")).body), {
        withinMs: 8_000,
      });
    });
  });

  it("loses no download when its processes are killed, and leaves no program behind", async (context) => {
    await inBed(context, TOPOLOGY, async ({ lab, e1 }) => {
      await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
      const before = await tracesOf(e1);
      await e1.start(config(router({ priority: 150 }), WEB), XDP);
      await e1.is("active");
      await e1.until("carries by XDP", (seen) => seen.servers[0]?.engine === "xdp");
      const options = { url: urlOf(ADDRESS, 8080), streams: 30, duration: 3, bytes: 1_000_000 };
      const downloads = await startDownloads(lab.host("cl"), options);
      assert.ok(await hasProgram(e1));
      await e1.host.signalAll("SIGKILL");
      await until("no program", async () => !(await hasProgram(e1)), { withinMs: 2_000 });
      await e1.start(config(router({ priority: 150 }), WEB), XDP);
      const { downloads: ended } = await downloads.finish();
      assert.deepEqual(
        ended.filter(({ whole }) => !whole),
        [],
      );
      assert.ok(await hasProgram(e1));
      await e1.stop();
      assert.equal(await hasProgram(e1), false);
      assert.deepEqual(await changesSince(e1, before), []);
    });
  });
});
