import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { instant } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { Availability, ForwardingPlan } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import type { IpvsService } from "#core/ipvs/model";
import { address } from "#testing/values";
import { balanceEngineContract } from "../contract.ts";
import type { BalanceEngine } from "../port.ts";
import { type FakeIpvs, openFakeIpvs } from "./fake.ts";
import { createIpvsEngine } from "./linux.ts";
import type { SyncOptions } from "./sync.ts";

const scratch = (): string => mkdtempSync(join(tmpdir(), "steelyard-ipvs-"));

balanceEngineContract("IPVS without a kernel", () => {
  const kernel = openFakeIpvs();
  const runDirectory = scratch();
  return {
    open: () =>
      createIpvsEngine({
        ...{ runDirectory, kernel: { ok: true, value: kernel }, nowMicros: () => 0 },
        warn: (message) => assert.fail(message),
      }),
    flush: () => kernel.flush(),
    device: "eth0",
    otherMode: "nat",
    close: async () => rmSync(runDirectory, { recursive: true, force: true }),
  };
});

const server = (name: string, host: number, backends = 2): VirtualServer => ({
  name,
  address: address(`192.0.2.${host}`),
  protocol: "tcp",
  ports: onePort(80),
  mode: "dsr",
  scheduler: { type: "weighted" },
  backends: Array.from({ length: backends }, (_, index) => ({
    ...{ name: `b${index}`, address: address(`198.51.100.${index + 1}`), weight: 1 },
  })),
});

const plan = (
  servers: readonly VirtualServer[],
  health: Readonly<Record<string, Availability>> = {},
  previous?: ForwardingPlan,
): ForwardingPlan =>
  planForwarding({
    ...{ servers, previous, now: instant(0), availability: (key) => health[key] ?? "available" },
    links: { ingress: () => ["eth0"], egress: () => "eth0" },
  });

const FOREIGN: IpvsService = {
  ...{ address: address("192.0.2.10"), protocol: "tcp", port: 80 },
  ...{ scheduler: "rr", flags: 0, persistence: 0, prefixLength: 32 },
};

describe("the IPVS engine", () => {
  let kernel: FakeIpvs;
  let runDirectory: string;
  let warnings: string[];
  let now: number;

  const open = (sync?: SyncOptions): BalanceEngine =>
    createIpvsEngine({
      ...{ runDirectory, sync, kernel: { ok: true, value: kernel }, nowMicros: () => now },
      warn: (message) => warnings.push(message),
    });
  const apply = async (engine: BalanceEngine, wanted: ForwardingPlan): Promise<string> => {
    const applied = await engine.apply(wanted);
    assert.ok(applied.ok, JSON.stringify(applied));
    return applied.repaired ? `${applied.how}, repaired` : applied.how;
  };
  const refusal = (engine: BalanceEngine, wanted: ForwardingPlan, name: string): string | undefined => {
    const found = wanted.servers.find((entry) => entry.name === name);
    assert.ok(found);
    return engine.refuses(found);
  };

  beforeEach(() => {
    [kernel, runDirectory, warnings, now] = [openFakeIpvs(), scratch(), [], 0];
  });
  afterEach(() => {
    chmodSync(runDirectory, 0o700);
    rmSync(runDirectory, { recursive: true, force: true });
  });

  it("changes a weight for a drain and a destination for a failure, and touches nothing else", async () => {
    const engine = open();
    const before = plan([server("web", 10)]);
    await apply(engine, before);
    const after = plan([server("web", 10)], { "web/b0": "draining", "web/b1": "unavailable" }, before);
    kernel.made.length = 0;
    assert.equal(await apply(engine, after), "elements");
    assert.deepEqual(kernel.made, [
      "edit destination 198.51.100.1:80 of tcp 192.0.2.10:80",
      "remove destination 198.51.100.2:80 of tcp 192.0.2.10:80",
    ]);
  });

  it("leaves services of others alone and refuses a server whose service somebody else has made", async () => {
    kernel.change([{ type: "add-service", service: FOREIGN }]);
    const engine = open();
    assert.equal(await engine.available(), undefined);
    const wanted = plan([server("web", 10), server("api", 11)]);
    assert.match(
      refusal(engine, wanted, "web") ?? "",
      /another program has made the service tcp 192.0.2.10:80/,
    );
    assert.equal(refusal(engine, wanted, "api"), undefined);
    await apply(engine, wanted);
    assert.ok(kernel.list().includes("tcp 192.0.2.10:80 rr"));
    await engine.remove();
    assert.deepEqual(kernel.list(), ["tcp 192.0.2.10:80 rr"]);
  });

  it("carries the server once the service of somebody else is gone", async () => {
    kernel.change([{ type: "add-service", service: FOREIGN }]);
    const engine = open();
    await engine.available();
    const wanted = plan([server("web", 10)]);
    assert.notEqual(refusal(engine, wanted, "web"), undefined);
    kernel.flush();
    now += 1_000_000;
    assert.equal(refusal(engine, wanted, "web"), undefined);
  });

  it("adopts after a restart what it made before, without a change", async () => {
    const wanted = plan([server("web", 10)]);
    await apply(open(), wanted);
    const before = kernel.list();
    kernel.made.length = 0;
    const next = open();
    assert.equal((await next.observe()).tables, "present");
    await apply(next, wanted);
    assert.deepEqual([kernel.list(), kernel.made], [before, []]);
  });

  it("asks the kernel nothing while nothing of ours is there", async () => {
    kernel.failWith("ENOENT");
    const engine = open();
    assert.deepEqual(await engine.observe(), { tables: "absent", lastPlan: undefined });
    assert.deepEqual(await engine.remove(), { ok: true });
    assert.equal((await engine.available())?.code, "no-ipvs");
  });

  it("repairs what somebody changed in ours: a weight, a destination more or less, the scheduler", async () => {
    const engine = open();
    const wanted = plan([server("web", 10)]);
    await apply(engine, wanted);
    const whole = kernel.list();
    const service = { ...FOREIGN, scheduler: "wrr" };
    const destination = {
      ...{
        address: address("198.51.100.1"),
        port: 80,
        weight: 7,
        forwarding: "direct" as const,
        limited: false,
      },
    };
    const stranger = { ...destination, address: address("198.51.100.9") };
    for (const change of [
      { type: "edit-destination" as const, service, destination },
      { type: "add-destination" as const, service, destination: stranger },
      { type: "remove-destination" as const, service, destination },
      { type: "edit-service" as const, service: { ...service, scheduler: "sh" } },
    ]) {
      kernel.change([change]);
      assert.equal(await apply(engine, wanted), "elements, repaired", change.type);
      assert.deepEqual([...kernel.list()].sort(), [...whole].sort());
      assert.equal(await apply(engine, wanted), "unchanged");
    }
  });

  it("looks at the destinations of thousands of services in turn", async () => {
    const engine = open();
    const many = Array.from({ length: 200 }, (_, index) => ({
      ...server(`s${index}`, 10),
      ports: onePort(index + 1),
    }));
    const wanted = plan(many);
    await apply(engine, wanted);
    const before = kernel.looks();
    await apply(engine, wanted);
    assert.equal(kernel.looks() - before, 128);
    const last = { ...FOREIGN, port: 200, scheduler: "wrr" };
    const destination = {
      ...{
        address: address("198.51.100.1"),
        port: 200,
        weight: 7,
        forwarding: "direct" as const,
        limited: false,
      },
    };
    kernel.change([{ type: "edit-destination", service: last, destination }]);
    const seen = [await apply(engine, wanted), await apply(engine, wanted)];
    assert.ok(seen.includes("elements, repaired"), seen.join());
  });

  it("refuses a server that the kernel refuses, for a minute, and carries the others", async () => {
    const engine = open();
    kernel.refuse("tcp 192.0.2.10:80", "ENOENT");
    const wanted = plan([server("web", 10), server("api", 11)]);
    await apply(engine, wanted);
    assert.match(refusal(engine, wanted, "web") ?? "", /add service tcp 192.0.2.10:80: ENOENT/);
    assert.equal(refusal(engine, wanted, "api"), undefined);
    assert.ok(kernel.list().includes("tcp 192.0.2.11:80 wrr"));
    kernel.refuse("tcp 192.0.2.10:80", undefined);
    now += 60_000_000;
    assert.equal(refusal(engine, wanted, "web"), undefined);
    await apply(engine, wanted);
    assert.ok(kernel.list().includes("tcp 192.0.2.10:80 wrr"));
  });

  it("makes no service that it cannot record as its own", async () => {
    const engine = open();
    await apply(engine, plan([server("web", 10)]));
    const before = kernel.list();
    rmSync(runDirectory, { recursive: true });
    writeFileSync(runDirectory, "in the way");
    const wanted = plan([server("web", 10), server("api", 11)]);
    await apply(engine, wanted);
    assert.deepEqual(kernel.list(), before);
    assert.match(refusal(engine, wanted, "api") ?? "", /cannot be recorded/);
    assert.equal(refusal(engine, wanted, "web"), undefined);
  });

  it("writes down what is ours before it makes it, and nothing when nothing is", async () => {
    const engine = open();
    const record = join(runDirectory, "ipvs.json");
    kernel.onChange = () => assert.match(readFileSync(record, "utf8"), /tcp 192\.0\.2\.10:80/);
    await apply(engine, plan([server("web", 10)]));
    await apply(engine, plan([]));
    assert.equal(existsSync(record), false);
  });

  it("says when IPVS cannot be reached", async () => {
    const engine = open();
    await apply(engine, plan([server("web", 10)]));
    kernel.failWith("EPERM");
    const applied = await engine.apply(plan([]));
    assert.deepEqual(applied.ok ? "" : applied.error.message, "IPVS refused: list: EPERM");
    assert.equal((await engine.available())?.code, "no-permission");
    assert.equal((await engine.remove()).ok, false);
  });

  describe("with a sync daemon", () => {
    const SYNC: SyncOptions = { interface: "eth1", id: 7 };

    it("runs both halves, starts again what somebody stopped, and takes them away at the end", async () => {
      const engine = open(SYNC);
      const wanted = plan([server("web", 10)]);
      await apply(engine, wanted);
      assert.deepEqual(kernel.list().slice(-2), ["master eth1 7", "backup eth1 7"]);
      kernel.change([{ type: "stop-daemon", daemon: { state: "master", ...SYNC } }]);
      await apply(engine, wanted);
      assert.deepEqual(kernel.list().slice(-2), ["backup eth1 7", "master eth1 7"]);
      assert.deepEqual(await engine.remove(), { ok: true });
      assert.deepEqual([kernel.list(), warnings], [[], []]);
    });

    it("is told another interface by the next start, and stopped when it is not wanted any more", async () => {
      await apply(open(SYNC), plan([server("web", 10)]));
      const moved = open({ interface: "eth2", id: 7 });
      await apply(moved, plan([server("web", 10)]));
      assert.deepEqual(kernel.list().slice(-2), ["master eth2 7", "backup eth2 7"]);
      await apply(open(), plan([server("web", 10)]));
      assert.equal(
        kernel.list().some((line) => line.includes("eth2")),
        false,
      );
    });

    it("leaves one of another program alone and says so once", async () => {
      kernel.change([{ type: "start-daemon", daemon: { state: "master", interface: "eth9", id: 1 } }]);
      const engine = open(SYNC);
      const wanted = plan([server("web", 10)]);
      await apply(engine, wanted);
      await apply(engine, wanted);
      assert.deepEqual(kernel.list().slice(-2), ["master eth9 1", "backup eth1 7"]);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0] ?? "", /another program runs the sync daemon \(master on eth9\)/);
      await engine.remove();
      assert.deepEqual(kernel.list(), ["master eth9 1"]);
    });
  });
});
