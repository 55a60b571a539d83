/** The compiled XDP program, run by the kernel on frames given by hand (BPF_PROG_TEST_RUN). Needs root and clang. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { addressFromBytes, type IpAddress } from "#base/address";
import { instant } from "#base/time";
import { chooseBackend } from "#core/balance/choice";
import type { Protocol, VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { ForwardingPlan, PlannedBackend } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import { readObject } from "#core/xdp/object";
import { COMPILER, readProgram } from "#core/xdp/program";
import { clangVersion, compileBpf, XDP_SOURCE } from "#native/clang";
import { address } from "#testing/values";
import { buildFrame, describeFrame } from "./frames.ts";
import { BACKEND_MAC, OWN_MAC, Trial, XDP_PASS, XDP_TX } from "./xdp-trial.ts";

const VIRTUAL = { IPv4: address("192.0.2.10"), IPv6: address("2001:db8::10") } as const;
const FAMILIES = ["IPv4", "IPv6"] as const;
const PROTOCOLS: readonly Protocol[] = ["tcp", "udp"];
const SCHEDULERS = ["consistent-hash", "source-hash"] as const;

const variants = FAMILIES.flatMap((family) =>
  PROTOCOLS.flatMap((protocol) => SCHEDULERS.map((scheduler) => ({ family, protocol, scheduler }))),
);
type Variant = (typeof variants)[number];

const portOf = (variant: Variant): number => 80 + variants.indexOf(variant);

/** Each backend is behind the same Ethernet address, so one server at a time has one that tells who was chosen. */
const server = (variant: Variant): VirtualServer => ({
  name: `s${portOf(variant)}`,
  address: VIRTUAL[variant.family],
  protocol: variant.protocol,
  ports: onePort(portOf(variant)),
  mode: "dsr",
  scheduler: { type: variant.scheduler, tableSize: 1021 },
  backends: Array.from({ length: 5 }, (_, index) => ({
    name: `w${index}`,
    address: address(variant.family === "IPv4" ? `192.0.2.2${index}` : `2001:db8::2${index}`),
    weight: 1,
  })),
});

const planOf = (isUp: (backend: string) => boolean): ForwardingPlan =>
  planForwarding({
    servers: variants.map(server),
    availability: (key) => (isUp(key.slice(key.indexOf("/") + 1)) ? "available" : "unavailable"),
    links: { ingress: () => ["eth0"], egress: () => "eth0" },
    previous: undefined,
    now: instant(0),
  });

const clientOf = (family: Variant["family"]) =>
  fc
    .uint8Array(family === "IPv4" ? { minLength: 4, maxLength: 4 } : { minLength: 16, maxLength: 16 })
    .map((bytes) => addressFromBytes(bytes));

describe("the XDP program", () => {
  /** One program for each backend, whose place in the table is left empty: what it passes on was that backend's. */
  const trials = new Map<string, Trial>();
  let whole: Trial;
  const plan = planOf(() => true);

  before(() => {
    whole = new Trial(plan);
    for (let index = 0; index < 5; index += 1) {
      const name = `w${index}`;
      const without: ForwardingPlan = {
        ...plan,
        servers: plan.servers.map((each) => ({
          ...each,
          backends: each.backends.map((backend): PlannedBackend => {
            const { device, ...rest } = backend;
            return backend.name === name || device === undefined ? rest : backend;
          }),
        })),
      };
      trials.set(name, new Trial(without));
    }
  });
  after(() => {
    whole.close();
    for (const trial of trials.values()) trial.close();
  });

  const choiceOfProgram = (frame: Uint8Array): readonly string[] =>
    [...trials].filter(([, trial]) => trial.run(frame).verdict === XDP_PASS).map(([name]) => name);

  for (const variant of variants) {
    it(`chooses as nftables does: ${variant.family}, ${variant.protocol}, ${variant.scheduler}`, () => {
      const planned = plan.servers.find(({ name }) => name === server(variant).name);
      assert.ok(planned);
      const property = (from: IpAddress, port: number): void => {
        const frame = buildFrame({
          to: OWN_MAC,
          source: { address: from, port },
          destination: { address: VIRTUAL[variant.family], port: portOf(variant) },
          protocol: variant.protocol,
        });
        const choice = chooseBackend(planned, { address: from, port });
        assert.ok(choice.type === "backend");
        assert.deepEqual(choiceOfProgram(frame), [choice.backend.name]);
      };
      fc.assert(fc.property(clientOf(variant.family), fc.integer({ min: 1, max: 65_535 }), property), {
        numRuns: 300,
      });
    });
  }

  it("changes Ethernet addresses and hop count, and nothing else, of what it forwards", () => {
    for (const variant of variants) {
      const frame = buildFrame({
        to: OWN_MAC,
        source: {
          address: address(variant.family === "IPv4" ? "198.51.100.7" : "2001:db8:1::7"),
          port: 4_000,
        },
        destination: { address: VIRTUAL[variant.family], port: portOf(variant) },
        protocol: variant.protocol,
        payload: 100,
      });
      const { verdict, frame: sent } = whole.run(frame);
      assert.equal(verdict, XDP_TX);
      assert.deepEqual(describeFrame(sent), { from: OWN_MAC, to: BACKEND_MAC, hops: 63, intact: true });
      const kept = variant.family === "IPv4" ? [[12, 22], [23, 24], [26]] : [[12, 21], [22]];
      for (const [from, to] of kept) assert.deepEqual(sent.subarray(from, to), frame.subarray(from, to));
    }
  });

  it("keeps the checksum right at every hop count", () => {
    for (let hops = 2; hops < 256; hops += 1) {
      for (const id of [0, 1, 0x7fff, 0xbeef]) {
        const frame = buildFrame({
          to: OWN_MAC,
          source: { address: address("198.51.100.7"), port: 4_000 },
          destination: { address: VIRTUAL.IPv4, port: 80 },
          protocol: "tcp",
          hops,
          fragment: { id, bits: 0x4000 },
        });
        assert.deepEqual(describeFrame(whole.run(frame).frame), {
          ...{ from: OWN_MAC, to: BACKEND_MAC },
          ...{ hops: hops - 1, intact: true },
        });
      }
    }
  });

  it("forwards or passes on whatever bytes it meets, and changes nothing of what it passes on", () => {
    const base = variants.map((variant) =>
      buildFrame({
        to: OWN_MAC,
        source: {
          address: address(variant.family === "IPv4" ? "198.51.100.7" : "2001:db8:1::7"),
          port: 4_000,
        },
        destination: { address: VIRTUAL[variant.family], port: portOf(variant) },
        protocol: variant.protocol,
      }),
    );
    const mangled = fc
      .tuple(
        fc.constantFrom(...base),
        fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 }),
        fc.integer({ min: 14, max: 100 }),
      )
      .map(([frame, edits, length]) => {
        const copy = frame.slice(0, length);
        for (const [at, value] of edits) if (at < copy.length) copy[at] = value;
        return copy;
      });
    const noise = fc.uint8Array({ minLength: 14, maxLength: 200 });
    let forwarded = 0;
    fc.assert(
      fc.property(fc.oneof(mangled, noise), (frame) => {
        const { verdict, frame: left } = whole.run(frame);
        assert.ok(verdict === XDP_PASS || verdict === XDP_TX, `verdict ${verdict}`);
        assert.equal(left.length, frame.length);
        if (verdict === XDP_PASS) assert.deepEqual(left, frame);
        else assert.equal(describeFrame(left).to, BACKEND_MAC);
        forwarded += verdict === XDP_TX ? 1 : 0;
      }),
      { numRuns: 4_000 },
    );
    assert.ok(forwarded > 100, "the mangling leaves some whole");
  });

  it("is what its source compiles to", () => {
    const fresh = readObject(compileBpf(XDP_SOURCE));
    assert.ok(fresh.ok);
    const shipped = readProgram();
    if (clangVersion() === COMPILER) assert.deepEqual(fresh.value, shipped, "run node scripts/build-xdp.ts");
    // Another compiler writes other code, which the kernel must take too.
    else new Trial(plan, fresh.value).close();
  });
});
