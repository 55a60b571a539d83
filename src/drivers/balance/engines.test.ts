import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Instant, instant, seconds } from "#base/time";
import type { EngineName, ForwardingMode, VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { ForwardingPlan } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import { address } from "#testing/values";
import { openEngines } from "./engines.ts";
import { type FakeEngine, type FakeKernel, openFakeEngine } from "./fake.ts";
import type { Unavailable } from "./port.ts";

const server = (name: string, mode: ForwardingMode): VirtualServer => ({
  ...{ name, address: address("192.0.2.10"), protocol: "tcp", ports: onePort(name.length), mode },
  scheduler: { type: "round-robin" },
  backends: [{ name: "w", address: address("192.0.2.20"), port: name.length, weight: 1 }],
});

const plan = (...servers: readonly VirtualServer[]): ForwardingPlan =>
  planForwarding({
    servers,
    availability: () => "available",
    links: { ingress: () => ["eth0"], egress: () => "eth0" },
    previous: undefined,
    now: instant(0),
  });

const DIRECT = server("direct", "dsr");
const TRANSLATED = server("translated", "masquerade");

const namesIn = (engine: FakeEngine): readonly string[] =>
  engine.running()?.servers.map(({ name }) => name) ?? [];

type Setup = {
  readonly chosen?: EngineName;
  readonly passesOn?: boolean;
  readonly kernels?: { readonly nftables: FakeKernel; readonly xdp: FakeKernel };
  readonly unavailable?: () => Unavailable | undefined;
  /** nftables does not work here, and fails if it is asked for anything. */
  readonly withoutNftables?: true;
};

/** nftables and an engine called `xdp` that carries `dsr` only, and a log of what they were given. */
const bench = ({ chosen = "xdp", passesOn = true, kernels, unavailable, withoutNftables }: Setup = {}) => {
  const log: string[] = [];
  let now: Instant = instant(0);
  const nftables = openFakeEngine(kernels?.nftables);
  const xdp = openFakeEngine(kernels?.xdp, {
    ...{ name: "xdp", passesOn },
    refuses: ({ mode }) => (mode === "dsr" ? undefined : "it carries dsr only"),
  });
  const logged = (engine: FakeEngine): FakeEngine => ({
    ...engine,
    remove: () => engine.remove(),
    available: async () => {
      if (engine === xdp) return unavailable?.();
      return withoutNftables === true
        ? { code: "no-nft", detail: "no nft", remedy: "install it" }
        : undefined;
    },
    apply(wanted) {
      log.push(`${engine.name}: ${wanted.servers.map(({ name }) => name).join(" ")}`);
      return engine.apply(wanted);
    },
  });
  const engines = openEngines({
    ...{ nftables: logged(nftables), others: [logged(xdp)], chosen },
    now: () => now,
  });
  if (withoutNftables === true) nftables.failWith({ code: "no-nft", message: "no nft" });
  return {
    ...{ engines, nftables, xdp },
    log: () => log.splice(0),
    wait: (): void => {
      now = after(now, seconds(61));
    },
    carrierOf: (wanted: VirtualServer) => {
      const [planned] = plan(wanted).servers;
      assert.ok(planned);
      return engines.carrier(planned);
    },
  };
};

describe("several engines as one", () => {
  it("is nftables alone unless another one is chosen", async () => {
    const { engines, log, carrierOf } = bench({ chosen: "nftables" });
    await engines.apply(plan(DIRECT));
    assert.deepEqual(log(), ["nftables: direct"]);
    assert.deepEqual(carrierOf(DIRECT), { engine: "nftables" });
  });

  it("gives the chosen engine what it can carry, and the rest to nftables with the reason", async () => {
    const { engines, log, carrierOf } = bench({ passesOn: false });
    await engines.apply(plan(DIRECT, TRANSLATED));
    assert.deepEqual(log(), ["xdp: direct", "nftables: translated"]);
    assert.deepEqual(carrierOf(DIRECT), { engine: "xdp" });
    assert.deepEqual(carrierOf(TRANSLATED), { engine: "nftables", because: "xdp: it carries dsr only" });
  });

  it("keeps everything in nftables beneath an engine that passes packets on, complete before it", async () => {
    const { engines, log } = bench();
    await engines.apply(plan(DIRECT, TRANSLATED));
    assert.deepEqual(log(), ["nftables: direct translated", "xdp: direct"]);
  });

  it("lets a server that changes sides be carried by both for a moment, never by none", async () => {
    const { engines, log } = bench({ passesOn: false });
    await engines.apply(plan(DIRECT));
    log();
    await engines.apply(plan({ ...DIRECT, mode: "masquerade" }));
    assert.deepEqual(log(), ["xdp: direct", "nftables: direct", "xdp: "]);
  });

  it("leaves a chosen engine alone that has nothing to carry", async () => {
    const { engines, log } = bench({ passesOn: false });
    await engines.apply(plan(TRANSLATED));
    assert.deepEqual(log(), ["nftables: translated"]);
  });

  it("has nftables keep packets from this box whatever the chosen engine carries", async () => {
    const unaccepted = [address("192.0.2.10")];
    for (const servers of [[], [DIRECT]]) {
      const { engines, nftables } = bench({ passesOn: false });
      await engines.observe();
      assert.equal((await engines.apply({ ...plan(...servers), unaccepted })).ok, true);
      assert.deepEqual([nftables.running()?.unaccepted, namesIn(nftables)], [unaccepted, []]);
    }
  });

  it("falls back to nftables with the reason when the chosen engine is not available, and asks again later", async () => {
    let missing: Unavailable | undefined = {
      ...{ code: "missing-feature", detail: "the kernel has no eBPF", remedy: "use another kernel" },
    };
    const { engines, nftables, xdp, carrierOf, wait } = bench({ unavailable: () => missing });
    await engines.apply(plan(DIRECT));
    assert.deepEqual([namesIn(nftables), namesIn(xdp)], [["direct"], []]);
    assert.deepEqual(carrierOf(DIRECT), {
      engine: "nftables",
      because: "xdp: the kernel has no eBPF; use another kernel",
    });
    missing = undefined;
    await engines.apply(plan(DIRECT));
    assert.deepEqual(namesIn(xdp), []);
    wait();
    await engines.apply(plan(DIRECT));
    assert.deepEqual(namesIn(xdp), ["direct"]);
    assert.deepEqual(carrierOf(DIRECT), { engine: "xdp" });
  });

  for (const passesOn of [true, false]) {
    it(`falls back when the chosen engine fails at its work (it ${passesOn ? "passes on" : "stands alone"})`, async () => {
      const { engines, nftables, xdp, carrierOf } = bench({ passesOn });
      xdp.failWith({ code: "refused", message: "the driver is busy" });
      xdp.remove = async () => ({ ok: true });
      const wanted = plan(DIRECT, TRANSLATED);
      assert.equal((await engines.apply(wanted)).ok, true);
      assert.deepEqual(namesIn(nftables), ["direct", "translated"]);
      assert.deepEqual(carrierOf(DIRECT), { engine: "nftables", because: "xdp: the driver is busy" });
    });
  }

  it("says what failed when nftables fails", async () => {
    const { engines, nftables } = bench();
    nftables.failWith({ code: "refused", message: "no" });
    const applied = await engines.apply(plan(DIRECT));
    assert.deepEqual(applied, { ok: false, error: { code: "refused", message: "no" } });
  });

  it("starts from what all engines were left with, and removes it from those no longer chosen", async () => {
    const kernels = { nftables: { plan: plan(TRANSLATED) }, xdp: { plan: plan(DIRECT) } };
    const { engines, nftables, xdp, log } = bench({ chosen: "nftables", passesOn: false, kernels });
    const { tables, lastPlan } = await engines.observe();
    assert.equal(tables, "present");
    assert.deepEqual(
      lastPlan?.servers.map(({ name }) => name),
      ["direct", "translated"],
    );
    await engines.apply(plan(DIRECT, TRANSLATED));
    assert.deepEqual(log(), ["nftables: direct translated"]);
    assert.deepEqual([namesIn(nftables), namesIn(xdp)], [["direct", "translated"], []]);
  });

  it("takes what the chosen engine was left with away when it has nothing to carry any more", async () => {
    const kernels = { nftables: { plan: undefined }, xdp: { plan: plan(DIRECT) } };
    const { engines, xdp } = bench({ passesOn: false, kernels });
    await engines.observe();
    await engines.apply(plan(TRANSLATED));
    assert.deepEqual(namesIn(xdp), []);
  });

  it("is partial while an engine that passes packets on has nothing beneath", async () => {
    const { engines, nftables } = bench();
    await engines.apply(plan(DIRECT));
    assert.equal((await engines.observe()).tables, "present");
    nftables.flush();
    assert.equal((await engines.observe()).tables, "partial");
  });

  it("removes everything everywhere", async () => {
    const { engines, nftables, xdp } = bench();
    await engines.apply(plan(DIRECT));
    assert.deepEqual(await engines.remove(), { ok: true });
    assert.deepEqual([nftables.running(), xdp.running()], [undefined, undefined]);
  });

  it("leave to nftables what it would take anyway: a port in a range of ports that it carries", async () => {
    const { engines, nftables, xdp, carrierOf } = bench({ passesOn: false });
    const wide: VirtualServer = { ...TRANSLATED, name: "range", ports: { first: 1, last: 100 } };
    const elsewhere: VirtualServer = { ...DIRECT, name: "other", address: address("192.0.2.11") };
    await engines.apply(plan(DIRECT, wide, elsewhere));
    assert.deepEqual([namesIn(xdp), namesIn(nftables)], [["other"], ["direct", "range"]]);
    assert.deepEqual(carrierOf(DIRECT), {
      engine: "nftables",
      because: "xdp: nftables carries range, whose ports include its own",
    });
    await engines.apply(plan(DIRECT, elsewhere));
    assert.deepEqual([namesIn(xdp), namesIn(nftables)], [["direct", "other"], []]);
  });

  it("carry by nftables at once what the chosen engine turns down only when it tries", async () => {
    let turnsDown = false;
    const kernel = { plan: undefined };
    const nftables = openFakeEngine();
    const tries = openFakeEngine(kernel, {
      name: "ipvs",
      refuses: () => (turnsDown ? "the kernel did not want it" : undefined),
    });
    const apply = (wanted: ForwardingPlan) => {
      turnsDown = true;
      return tries.apply(wanted);
    };
    const engines = openEngines({
      ...{ nftables, others: [{ ...tries, apply }], chosen: "ipvs", now: () => instant(0) },
    });
    await engines.apply(plan(DIRECT));
    assert.deepEqual([namesIn(nftables), namesIn(tries)], [["direct"], []]);
  });

  describe("without nftables", () => {
    it("work where the chosen engine carries every server by itself", async () => {
      const { engines, xdp } = bench({ passesOn: false, withoutNftables: true });
      assert.equal(await engines.available(), undefined);
      assert.equal((await engines.observe()).tables, "absent");
      assert.equal((await engines.apply(plan(DIRECT))).ok, true);
      assert.deepEqual(namesIn(xdp), ["direct"]);
      assert.deepEqual(await engines.remove(), { ok: true });
      assert.deepEqual(namesIn(xdp), []);
    });

    it("carry what they can, and fail to do the rest", async () => {
      const { engines, xdp } = bench({ passesOn: false, withoutNftables: true });
      await engines.observe();
      assert.equal((await engines.apply(plan(DIRECT, TRANSLATED))).ok, false);
      assert.deepEqual(namesIn(xdp), ["direct"]);
    });

    it("are not available where the chosen engine is not, or needs nftables beneath", async () => {
      const none: Unavailable = { code: "no-permission", detail: "", remedy: "" };
      const both = bench({ passesOn: false, withoutNftables: true, unavailable: () => none });
      assert.equal((await both.engines.available())?.code, "no-nft");
      const above = bench({ withoutNftables: true });
      assert.equal((await above.engines.available())?.code, "no-nft");
    });
  });
});
