/** What a killed edge leaves behind, and who may run beside whom. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startServers } from "#lab/probe/start";
import { inBed, SMALL, WITH_NODES } from "./edge-bed.ts";
import { config, router, server, VIP } from "./edge-config.ts";
import { changesSince, tracesOf } from "./edge-traces.ts";

describe("steelyard clean", () => {
  it("refuses while an edge runs, then removes everything that one left which was killed", async (context) => {
    await inBed(context, WITH_NODES, async ({ lab, e1, holdings }) => {
      await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
      const before = await tracesOf(e1);
      const { pid } = await e1.start(config(router({ priority: 150 }), server()));
      await holdings.settle(VIP, ["e1"]);
      const refused = await e1.command("clean");
      assert.equal(refused.code, 1);
      assert.equal(
        refused.stderr,
        `steelyard clean: another steelyard edge runs in this network namespace (process ${pid}): stop it, which removes everything\n`,
      );
      assert.equal((await e1.router()).state, "active");

      await e1.host.signalAll("SIGKILL");
      assert.notDeepEqual(await changesSince(e1, before), []);
      const dry = await e1.command("clean", "--dry-run");
      assert.match(
        dry.stdout,
        /^would remove address 10\.2\.0\.100\/24 on eth0\nwould remove forwarding rules\n/,
      );
      assert.deepEqual(holdings.holders(VIP), ["e1"]);

      const cleaned = await e1.command("clean");
      assert.deepEqual([cleaned.code, cleaned.stderr], [0, ""]);
      assert.match(
        cleaned.stdout,
        /^removed change of .*net\.ipv4\.conf\.eth0\.promote_secondaries \(0 -> 1\)/m,
      );
      assert.match(cleaned.stdout, /^removed socket \/run\/steelyard\/edge\.sock$/m);
      await holdings.settle(VIP, []);
      assert.deepEqual(await changesSince(e1, before), []);
      assert.equal((await e1.command("clean")).stdout, "nothing was left behind\n");
    });
  });

  it("needs the right to do so, and a valid configuration if it is given one", async (context) => {
    await inBed(context, SMALL, async ({ e1 }) => {
      const { name, host } = e1;
      assert.equal(name, "e1");
      const bounded = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin", "--"];
      const program = process.argv[0] ?? "node";
      const main = new URL("../../dist/main.js", import.meta.url).pathname;
      const powerless = await host.run([...bounded, program, main, "clean"]);
      assert.deepEqual([powerless.code, /CAP_NET_ADMIN missing/.test(powerless.stderr)], [1, true]);
      await e1.configure("kind: nothing\n");
      assert.equal((await e1.command("clean", "--config", "/run/edge/edge.yaml")).code, 2);
    });
  });
});

describe("a second edge in a network namespace", () => {
  it("refuses to start whatever its admin socket is, and one elsewhere does not", async (context) => {
    await inBed(context, SMALL, async ({ e1, e2, holdings }) => {
      const { pid } = await e1.start(config(router({ priority: 150 })));
      await holdings.settle(VIP, ["e1"]);
      const second = await e1.launch({ admin: "/run/other/edge.sock", runtimeDirectory: "/run/other" });
      assert.deepEqual(await second.exited, { code: 1, signal: null });
      assert.equal(
        second.stderr(),
        `steelyard edge: another steelyard edge runs in this network namespace (process ${pid}): of two, each would undo what the other does\n`,
      );
      assert.equal((await e1.router()).state, "active");
      await e2.start(config(router({ priority: 100 })));
      await e2.is("backup");
    });
  });
});
