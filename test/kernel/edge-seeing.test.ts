import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startServers } from "#lab/probe/start";
import { type Edge, inBed, SMALL, until, WITH_NODES } from "./edge-bed.ts";
import { config, echo, router, server, VIP } from "./edge-config.ts";
import { changesSince, tracesOf } from "./edge-traces.ts";

/** The command line of the program that runs there, for one that is to go on beside it. */
const programOf = async ({ host, status }: Edge): Promise<readonly string[]> => {
  const { agent } = (await status()) ?? assert.fail("no status");
  return (await host.expect(["cat", `/proc/${agent.pid}/cmdline`])).split("\0").slice(0, 2);
};

/** What makes a terminal empty, from its upper left corner on. */
const CLEAR = "\u001b[H\u001b[2J";

const SAMPLE = /^([a-z_]+)(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? -?[0-9.e+]+$/;

describe("a stop leaves nothing behind", () => {
  for (const [how, stop] of [
    ["SIGTERM to the main process", (edge: Edge) => edge.signal("SIGTERM")],
    ["SIGTERM to all processes at once, as systemd does", (edge: Edge) => edge.host.signalAll("SIGTERM")],
    ["SIGINT, as Ctrl-C does", (edge: Edge) => edge.signal("SIGINT")],
  ] as const) {
    it(`after ${how}`, async (context) => {
      await inBed(context, WITH_NODES, async ({ lab, e1, holdings }) => {
        const before = await tracesOf(e1);
        await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
        const dsr = server({ mode: "dsr", port: 8080 }, "direct");
        const program = await e1.start(config(router({ priority: 150 }), server(), echo(), dsr));
        await holdings.settle(VIP, ["e1"]);
        assert.notDeepEqual(await changesSince(e1, before), []);
        const { agent } = (await e1.status()) ?? assert.fail("no status");
        await stop(e1);
        assert.deepEqual(await program.exited, { code: 0, signal: null });
        assert.equal(
          (await e1.host.run(["kill", "-0", String(agent.pid)])).code,
          1,
          "the agent is still there",
        );
        assert.deepEqual(await changesSince(e1, before), []);
      });
    });
  }

  it("also when the program was killed before and adopted what it had left", async (context) => {
    await inBed(context, WITH_NODES, async ({ e1, holdings }) => {
      const before = await tracesOf(e1);
      const text = config(router({ priority: 150 }), server());
      await e1.start(text);
      await holdings.settle(VIP, ["e1"]);
      await e1.host.signalAll("SIGKILL");
      await e1.start(text);
      await e1.is("active");
      assert.deepEqual(await e1.stop(), { code: 0, signal: null });
      assert.deepEqual(await changesSince(e1, before), []);
    });
  });
});

describe("a running edge can be seen", () => {
  it("in tables, as JSON, as events, as metrics, by its owner alone", async (context) => {
    await inBed(context, WITH_NODES, async ({ lab, e1, holdings }) => {
      await Promise.all(["n1", "n2"].map((name) => startServers(lab.host(name))));
      await e1.start(config(router({ priority: 150 }), server()));
      await holdings.settle(VIP, ["e1"]);
      const status = await e1.until("has asked every backend", ({ servers }) =>
        servers.every(({ backends }) => backends.every(({ health }) => health !== "unknown")),
      );
      assert.deepEqual(
        status.servers[0]?.backends.map(({ name, health }) => `${name} ${health}`),
        ["n1 healthy", "n2 healthy", "n3 failed"],
      );
      await e1.is("active");

      const table = await e1.command("status");
      assert.equal(table.code, 0);
      for (const line of [
        /^front +active +150 +eth0 vrid 51 v3 +\S+ +active-down-timer +\*10\.2\.0\.100\/24$/m,
        /^web {2}tcp:\/\/10\.2\.0\.100:80 {2}masquerade, consistent-hash \(251 slots\), nftables; a dead backend is out after 1\.9s at worst$/m,
        /^ +n1 +10\.2\.0\.21:80 +1 +healthy/m,
        /^ +n3 +10\.2\.0\.23:80 +1 +failed +\S+ +refused/m,
      ])
        assert.match(table.stdout, line);

      const json = await e1.command("status", "--json");
      const shown: unknown = JSON.parse(json.stdout);
      assert.deepEqual(Object.keys(Object(shown)), Object.keys(status));

      const events = await e1.command("events");
      assert.match(
        events.stdout,
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z router front: backup -> active \(active-down-timer\)$/m,
      );
      assert.match(events.stdout, /server web: backend n3 unknown -> failed \(refused/);
      for (const line of (await e1.command("events", "--json")).stdout.trim().split("\n")) JSON.parse(line);

      const { body } = await e1.get("/metrics");
      for (const line of body.trim().split("\n")) {
        if (!line.startsWith("#")) assert.match(line, SAMPLE);
      }
      for (const sample of [
        'steelyard_router_state{router="front",state="active"} 1',
        'steelyard_router_state{router="front",state="backup"} 0',
        'steelyard_address_held{address="10.2.0.100/24",router="front"} 1',
        'steelyard_backend_available{backend="n3",server="web"} 0',
        'steelyard_router_transitions_total{reason="active-down-timer",router="front",to="active"} 1',
        "steelyard_forwarding_applied 1",
      ])
        assert(body.split("\n").includes(sample), `${sample} is not in\n${body}`);
      assert.equal((await e1.get("/healthz")).body, "ok\n");
      assert.equal((await e1.get("/readyz")).status, 200);
      assert.equal((await e1.get("/nothing")).status, 404);

      const modes = await e1.host.expect([
        "stat",
        "-c",
        "%a %U %F",
        "/run/steelyard",
        "/run/steelyard/edge.sock",
      ]);
      assert.equal(modes, "700 root directory\n600 root socket\n");
      const stranger = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"];
      const { code } = await e1.host.run([...stranger, "test", "-r", "/run/steelyard/edge.sock"]);
      assert.notEqual(code, 0);
    });
  });

  it("as it changes, by who follows the events", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      await e1.start(config(router({ priority: 150 })));
      await holdings.settle(VIP, ["e1"]);
      const follower = await e1.host.spawn([...(await programOf(e1)), "events", "--follow"]);
      await follower.said(/backup -> active/);
      await e1.host.expect(["ip", "addr", "del", `${VIP}/24`, "dev", "eth0"]);
      await follower.said(/address 10\.2\.0\.100 on eth0 restored/);
      await e1.stop();
      await follower.said(/wire: stopping \(SIGTERM\)/);
      assert.equal((await follower.exited).code, 0);
    });
  });

  it("as it changes, by who watches the status: it outlasts what it watches, and clears a terminal alone", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      const text = config(router({ priority: 150 }));
      await e1.start(text);
      await holdings.settle(VIP, ["e1"]);
      await e1.is("active");
      const watch = [...(await programOf(e1)), "status", "--watch"];
      const watcher = await e1.host.spawn(watch);
      const terminal = await e1.host.spawn(["script", "-qfec", watch.join(" "), "/dev/null"]);
      const lines = await e1.host.spawn([...watch, "--json"]);
      await watcher.said(/^front +active +150 /m);
      await e1.stop();
      await until("says that it is away", async () => /^no steelyard runs here/m.test(watcher.stderr()));
      await e1.start(text);
      await e1.configure(config(router({ priority: 120 })));
      await watcher.said(/^front +active +120 /m);
      await terminal.said(/^front .*active.* 120 /m);
      const cleared = () => terminal.stdout().split(`${CLEAR}steelyard`).length > 2;
      await until("clears the terminal", async () => cleared());
      assert.ok(!watcher.stdout().includes("\u001b"));
      // One that starts may be asked before it has a router.
      const statuses = () => lines.stdout().split("\n").slice(0, -1);
      const named = () => statuses().filter((line) => JSON.parse(line).routers[0]?.name === "front");
      await until("says it as JSON, line by line", async () => named().length > 1);
      await watcher.signal("SIGINT");
      assert.deepEqual(await watcher.exited, { code: null, signal: "SIGINT" });
    });
  });

  it("not at all when it does not run, which is said in one line with status 1", async (context) => {
    await inBed(context, SMALL, async ({ e1 }) => {
      const none = await e1.command("status");
      assert.deepEqual(
        [none.code, none.stderr],
        [
          1,
          "no steelyard runs here: /run/steelyard/edge.sock does not exist (another socket? use --admin)\n",
        ],
      );
      await e1.start(config(router({})));
      await e1.host.signalAll("SIGKILL");
      const dead = await e1.command("status");
      assert.deepEqual([dead.code, /nobody answers/.test(dead.stderr)], [1, true]);
      await until("it is gone", async () => (await e1.status()) === undefined);
    });
  });
});
