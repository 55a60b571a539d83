import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EventRecord } from "#api/events";
import { startServers } from "#lab/probe/start";
import { type Edge, inBed, SMALL, until, WITH_NODES } from "./edge-bed.ts";
import { backends, config, router, server, VIP } from "./edge-config.ts";
import { changesSince, tracesOf } from "./edge-traces.ts";

const applied = (generation: number) => (record: EventRecord) =>
  record.event.type === "config-applied" && record.event.generation === generation;

/** What happened after the configuration of this generation was accepted, in words. */
const since = async (edge: Edge, generation: number): Promise<readonly string[]> => {
  const records = await edge.events();
  const first = records.findIndex(applied(generation));
  return records.slice(first + 1).map(({ subject, text }) => `${subject}: ${text}`);
};

describe("a change of the configuration", () => {
  it("by file is applied by itself and touches nothing but what changed", async (context) => {
    await inBed(context, WITH_NODES, async ({ lab, e1, holdings }) => {
      await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
      const front = router({ priority: 150 });
      await e1.start(config(front, server()));
      await holdings.settle(VIP, ["e1"]);
      const before = await e1.is("active");

      await e1.configure(config(front, server(), server({ port: 8080 }, "more")));
      const { text } = await e1.event(applied(2));
      assert.equal(text, "added VirtualServer/more");
      const now = await e1.until("checks the new server", ({ servers }) =>
        servers.some(
          ({ name, backends: all }) => name === "more" && all.every(({ health }) => health === "healthy"),
        ),
      );
      assert.deepEqual(now.routers[0], before);
      await until("the new server answers", () => client(lab.host("cl"), 8080));
      for (const line of await since(e1, 2)) assert.doesNotMatch(line, /router front|server web/);

      await e1.configure(config(front, server({ backends: backends(2) }), server({ port: 8080 }, "more")));
      assert.equal((await e1.event(applied(3))).text, "changed VirtualServer/web");
      await until("the change is applied", async () =>
        (await since(e1, 3)).some((line) => /^forwarding/.test(line)),
      );
      for (const line of await since(e1, 3)) assert.doesNotMatch(line, /router front|server more/);

      await e1.configure(config(front));
      assert.equal((await e1.event(applied(4))).text, "removed VirtualServer/web, VirtualServer/more");
      await e1.until("has no server", ({ servers }) => servers.length === 0);
      await until("port 80 is no longer forwarded", async () => !(await client(lab.host("cl"), 80)));
      assert.deepEqual(await e1.router(), before);
      assert.equal(holdings.tenures(VIP).length, 1);
    });
  });

  it("is read on SIGHUP, and one that says the same in other words changes nothing", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      await e1.start(config(router({ priority: 150 })));
      await holdings.settle(VIP, ["e1"]);
      await e1.signal("SIGHUP");
      const { sequence } = await e1.event(({ text }) => text === "read again, nothing changed");
      assert.equal((await e1.events()).at(-1)?.sequence, sequence);
      assert.equal((await e1.status())?.config.generation, 1);
      assert.equal(holdings.tenures(VIP).length, 1);
    });
  });

  it("of a directory is a file that comes or goes", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      const other = router({ vrid: 52, addresses: ["10.2.0.110/24"] }, "other");
      await e1.host.write("/run/edge/notes.txt", "not YAML: {");
      await e1.start(config(router({ priority: 150 })), { config: "/run/edge" });
      await holdings.settle(VIP, ["e1"]);
      await e1.host.write("/run/edge/other.yaml", other);
      await holdings.settle("10.2.0.110", ["e1"]);
      await e1.host.expect(["rm", "/run/edge/other.yaml"]);
      await holdings.settle("10.2.0.110", []);
      assert.equal(holdings.tenures(VIP).length, 1);
    });
  });

  it("of the priority or the addresses leaves the active router active", async (context) => {
    await inBed(context, SMALL, async ({ e1, e2, holdings }) => {
      const addresses = (...more: readonly string[]) => ({ addresses: [`${VIP}/24`, ...more] });
      await e1.start(config(router({ priority: 150, ...addresses() })));
      await e2.start(config(router({ priority: 100, ...addresses() })));
      await holdings.settle(VIP, ["e1"]);
      const { since: active } = await e1.is("active");

      await e1.configure(config(router({ priority: 160, ...addresses() })));
      await e1.until("has the priority", ({ routers }) => routers[0]?.effectivePriority === 160);
      await e1.configure(config(router({ priority: 160, ...addresses("10.2.0.101/32", "10.2.0.102/24") })));
      await holdings.settle("10.2.0.101", ["e1"]);
      await holdings.settle("10.2.0.102", ["e1"]);
      await e1.configure(config(router({ priority: 160, ...addresses("10.2.0.102/24") })));
      await holdings.settle("10.2.0.101", []);
      const { state, since: still, addresses: shown } = await e1.router();
      assert.deepEqual([state, still], ["active", active]);
      assert.deepEqual(shown, [
        { address: `${VIP}/24`, held: true },
        { address: "10.2.0.102/24", held: true },
      ]);
      assert.equal(holdings.tenures(VIP).length, 1);
      assert.equal(holdings.tenures("10.2.0.102").length, 1);

      await e1.configure(config(router({ priority: 50, ...addresses("10.2.0.102/24") })));
      await holdings.settle(VIP, ["e2"]);
      assert.equal(holdings.vacancy(VIP, { from: active }) < 1_000, true);
    });
  });

  it("of one router leaves another one alone, and a removed one gives its address to the peer at once", async (context) => {
    await inBed(context, SMALL, async ({ e1, e2, holdings }) => {
      const OTHER = "10.2.0.110";
      const other = (priority: number) => router({ priority, vrid: 52, addresses: [`${OTHER}/24`] }, "other");
      await e1.start(config(router({ priority: 150 }), other(150)));
      await e2.start(config(router({ priority: 100 }), other(100)));
      await holdings.settle(VIP, ["e1"]);
      await holdings.settle(OTHER, ["e1"]);
      const removed = Date.now();
      await e1.configure(config(router({ priority: 150 })));
      await holdings.settle(OTHER, ["e2"]);
      assert(holdings.vacancy(OTHER, { from: removed }) < 1_000);
      await e2.until("knows that it was given the address", ({ routers }) =>
        routers.some(({ name, reason }) => name === "other" && reason === "priority-zero-received"),
      );
      assert.deepEqual(
        (await e1.status())?.routers.map(({ name }) => name),
        ["front"],
      );
      assert.equal(holdings.tenures(VIP).length, 1);
    });
  });

  it("that is invalid is refused and shown, and a valid one ends that", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      const good = config(router({ priority: 150 }));
      await e1.start(good);
      await holdings.settle(VIP, ["e1"]);
      const before = await e1.is("active");
      await e1.configure(
        "apiVersion: steelyard.dev/v1alpha1\nkind: VirtualRouter\nmetadata: {name: front}\nspec: {interface: eth0, vrid: 300, addresses: [10.2.0.100/24], priority: 151}\n",
      );
      const { config: shown, routers } = await e1.until(
        "shows it",
        (status) => status.config.refused !== undefined,
      );
      assert.match(String(shown.refused), /edge\.yaml:4:31 spec\.vrid: 300 is above 255/);
      assert.equal(shown.generation, 1);
      assert.deepEqual(routers[0], before);
      assert.match((await e1.get("/metrics")).body, /^steelyard_config_stale 1$/m);
      assert.match((await e1.command("status")).stdout, /! refused: .*edge\.yaml:4:31/);
      await e1.event(({ event }) => event.type === "config-refused");
      assert.equal((await e1.get("/readyz")).status, 200);

      await e1.configure(good);
      const healed = await e1.until("no longer shows it", (status) => status.config.refused === undefined);
      assert.deepEqual(healed.routers[0], before);
      assert.match((await e1.get("/metrics")).body, /^steelyard_config_stale 0$/m);

      await e1.host.expect(["rm", "/run/edge/edge.yaml"]);
      await e1.until("shows that the file is gone", (status) => status.config.refused !== undefined);
      assert.equal(holdings.tenures(VIP).length, 1);
    });
  });

  it("survives the agent: what is refused is still shown by the next one", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      await e1.start(config(router({ priority: 150 })));
      await holdings.settle(VIP, ["e1"]);
      await e1.configure("kind: Nonsense\n");
      const { agent } = await e1.until("shows it", (status) => status.config.refused !== undefined);
      await e1.host.expect(["kill", "-KILL", String(agent.pid)]);
      const after = await e1.until("another agent answers", (status) => status.agent.pid !== agent.pid);
      assert.match(String(after.config.refused), /Nonsense/);
      assert.equal(after.routers[0]?.state, "active");
    });
  });
});

/** Whether a TCP connection to the virtual address succeeds. */
const client = async (host: { readonly run: Edge["host"]["run"] }, port: number): Promise<boolean> =>
  (await host.run(["timeout", "0.5", "bash", "-c", `exec 3<>/dev/tcp/${VIP}/${port}`])).code === 0;

describe("a start with a bad configuration", () => {
  const started = async (edge: Edge, configuration: string) => {
    const before = await tracesOf(edge);
    const program = await edge.launch({ config: configuration });
    const exit = await program.exited;
    assert.deepEqual(await changesSince(edge, before), []);
    return { ...exit, said: `${program.stdout()}${program.stderr()}` };
  };

  it("says every problem with file, line and column, applies nothing and ends with 2", async (context) => {
    await inBed(context, SMALL, async ({ e1 }) => {
      const lines = [
        "apiVersion: steelyard.dev/v1alpha1",
        "kind: VirtualRouter",
        "metadata: {name: front}",
        "spec:",
        "  interface: eth0",
        "  vird: 51",
        "  priority: 300",
        "  addresses: [10.2.0.999/24]",
        "",
      ];
      await e1.configure(lines.join("\n"));
      const { code, said } = await started(e1, "/run/edge/edge.yaml");
      assert.equal(code, 2, said);
      for (const place of [
        /edge\.yaml:6:3 spec\.vird.*Did you mean vrid/,
        /edge\.yaml:7:13 spec\.priority: 300/,
        /edge\.yaml:8:15 spec\.addresses/,
      ])
        assert.match(said, place);
      assert.equal(said.includes("    at "), false, `a stack trace: ${said}`);
      assert.equal((await e1.host.run(["ls", "/run/steelyard/edge.sock"])).code, 2);
    });
  });

  it("names a file that does not exist, and a directory that holds nothing, and ends with 2", async (context) => {
    await inBed(context, SMALL, async ({ e1 }) => {
      const missing = await started(e1, "/run/edge/none.yaml");
      assert.equal(missing.code, 2);
      assert.match(missing.said, /\/run\/edge\/none\.yaml/);
      await e1.host.expect(["mkdir", "-p", "/run/edge/empty"]);
      const empty = await started(e1, "/run/edge/empty");
      assert.equal(empty.code, 2);
      assert.match(empty.said, /\/run\/edge\/empty/);
    });
  });
});
