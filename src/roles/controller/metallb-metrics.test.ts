/** That dashboards and alerts made for MetalLB find what they look for: its names, labels and values. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seconds } from "#base/time";
import type { Controller } from "./controller.ts";
import { type ControllerBed, createBed } from "./test-bed.ts";

type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

/** The samples of a metric in the text of `/metrics`. */
const samplesOf = (text: string, name: string): readonly Sample[] =>
  text.split("\n").flatMap((line) => {
    const [, found, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (found !== name) return [];
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)];
    return [
      {
        labels: Object.fromEntries(pairs.map(([, key = "", text = ""]) => [key, text])),
        value: Number(value),
      },
    ];
  });

type Comparison = (left: number, right: number) => boolean;

/** `LEFT <comparison> on(pool) RIGHT`, as PromQL has it: the labels of the left samples for which it holds. */
const onPool = (text: string, left: string, comparison: Comparison, right: string): readonly string[] => {
  const others = samplesOf(text, right);
  return samplesOf(text, left).flatMap(({ labels, value }) => {
    const other = others.filter((each) => each.labels.pool === labels.pool);
    assert.equal(other.length, 1, `PromQL refuses to match ${other.length} samples with ${labels.pool}`);
    return other.some((each) => comparison(value, each.value)) ? [labels.pool ?? ""] : [];
  });
};

/** Alerts as people have them for MetalLB, from the names of its metrics; each gives what it fires for. */
const ALERTS: Readonly<Record<string, (text: string) => readonly string[]>> = {
  "pool exhausted": (text) =>
    onPool(
      text,
      "metallb_allocator_addresses_in_use_total",
      (used, all) => used >= all,
      "metallb_allocator_addresses_total",
    ),
  "pool used above 75 %": (text) =>
    onPool(
      text,
      "metallb_allocator_addresses_in_use_total",
      (used, all) => (used / all) * 100 > 75,
      "metallb_allocator_addresses_total",
    ),
  "stale configuration": (text) =>
    samplesOf(text, "metallb_k8s_client_config_stale_bool").flatMap(({ value }) =>
      value === 1 ? ["stale"] : [],
    ),
  "configuration not loaded": (text) =>
    samplesOf(text, "metallb_k8s_client_config_loaded_bool").flatMap(({ value }) =>
      value === 0 ? ["not loaded"] : [],
    ),
};

const firing = (text: string): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    Object.entries(ALERTS)
      .map(([name, alert]) => [name, alert(text)] as const)
      .filter(([, found]) => found.length > 0),
  );

const DUAL = {
  ...{ ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv4", "IPv6"] },
  clusterIPs: ["10.96.1.1", "fd00::1"],
};

/** A controller that leads, and reads what there is when the test lets time pass. */
const lead = async (bed: ControllerBed): Promise<Controller> => {
  const controller = bed.start({ metallbMetrics: true });
  controller.lead();
  await bed.time.advance(seconds(2));
  return controller;
};

describe("metrics under MetalLB's names", () => {
  it("have MetalLB's values: by pool, by family, a shared address once", async () => {
    const bed = createBed();
    bed.pool("public", ["192.0.2.0/29", "2001:db8::/126"]);
    bed.pool("spare", ["198.51.100.0/30"], { autoAssign: false });
    const controller = await lead(bed);
    bed.service("both", { spec: DUAL });
    const annotations = { "metallb.io/allow-shared-ip": "key", "metallb.io/loadBalancerIPs": "192.0.2.5" };
    bed.service("web", { annotations });
    bed.service("dns", { annotations, spec: { ports: [{ port: 53, protocol: "UDP" }] } });
    await bed.time.advance(seconds(2));
    const text = controller.metrics();
    const expected: Readonly<Record<string, readonly [publicPool: number, spare: number]>> = {
      metallb_allocator_addresses_total: [12, 4],
      metallb_allocator_ipv4_addresses_total: [8, 4],
      metallb_allocator_ipv6_addresses_total: [4, 0],
      metallb_allocator_addresses_in_use_total: [3, 0],
      metallb_allocator_ipv4_addresses_in_use_total: [2, 0],
      metallb_allocator_ipv6_addresses_in_use_total: [1, 0],
      metallb_allocator_services_allocated_total: [3, 0],
    };
    for (const [name, [publicPool, spare]] of Object.entries(expected))
      assert.deepEqual(
        samplesOf(text, name),
        [
          { labels: { pool: "public" }, value: publicPool },
          { labels: { pool: "spare" }, value: spare },
        ],
        name,
      );
    const plain = (name: string) => samplesOf(text, name);
    assert.deepEqual(plain("metallb_k8s_client_config_loaded_bool"), [{ labels: {}, value: 1 }]);
    assert.deepEqual(plain("metallb_k8s_client_config_stale_bool"), [{ labels: {}, value: 0 }]);
    assert.deepEqual(plain("metallb_k8s_client_update_errors_total"), [{ labels: {}, value: 0 }]);
    const [updates] = plain("metallb_k8s_client_updates_total");
    assert.ok(updates !== undefined && updates.value >= 3);
    await controller.close();
  });

  it("let alerts made for MetalLB fire when they should, and not before", async () => {
    const bed = createBed();
    const controller = bed.start({ metallbMetrics: true });
    assert.deepEqual(firing(controller.metrics()), { "configuration not loaded": ["not loaded"] });
    controller.lead();
    bed.pool("large", ["192.0.2.0/28"]);
    bed.pool("small", ["198.51.100.0/30"], { autoAssign: false });
    await bed.time.advance(seconds(2));
    assert.deepEqual(firing(controller.metrics()), {});
    const annotations = { "metallb.io/address-pool": "small" };
    for (const name of ["a", "b", "c"]) bed.service(name, { annotations });
    await bed.time.advance(seconds(2));
    assert.deepEqual(firing(controller.metrics()), {});
    bed.service("d", { annotations });
    await bed.time.advance(seconds(2));
    const full = { "pool exhausted": ["small"], "pool used above 75 %": ["small"] };
    assert.deepEqual(firing(controller.metrics()), full);
    bed.pool("overlapping", ["192.0.2.0/30"]);
    await bed.time.advance(seconds(2));
    assert.deepEqual(firing(controller.metrics()), { ...full, "stale configuration": ["stale"] });
    await controller.close();
  });
});
