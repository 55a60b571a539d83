import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { CONTROLLER_METRICS, METALLB_METRICS, type MetricDefinition } from "#core/allocation-metrics/names";
import { METALLB_SPEAKER_METRICS, SPEAKER_METRICS } from "#core/speaker-metrics/names";
import { ALERTS, alertRules } from "./alerts.ts";
import { dashboard } from "./dashboard.ts";
import { ROWS } from "./panels.ts";
import { referencesOf, type Selection } from "./promql.ts";
import { SPEAKER_ALERTS } from "./speaker-alerts.ts";

const ALL_ALERTS = [...ALERTS, ...SPEAKER_ALERTS];
const METRICS: ReadonlyMap<string, MetricDefinition> = new Map([
  ...Object.entries<MetricDefinition>(CONTROLLER_METRICS),
  ...Object.entries<MetricDefinition>(SPEAKER_METRICS),
]);

/** What Prometheus puts on everything that it scrapes from a pod, and our monitor on what it scrapes from speakers. */
const TARGET_LABELS = ["namespace", "pod", "node"];

/** Of the functions those that are used, and whether they want something that only goes up. */
const FUNCTIONS: ReadonlyMap<string, "counter" | "gauge"> = new Map([
  ["absent", "gauge"],
  ["changes", "gauge"],
  ["count", "gauge"],
  ["histogram_quantile", "gauge"],
  ["increase", "counter"],
  ["max", "gauge"],
  ["min", "gauge"],
  ["min_over_time", "gauge"],
  ["rate", "counter"],
  ["sum", "gauge"],
  ["time", "gauge"],
]);

/** The metric that a name in an expression belongs to, and what it adds to its labels. */
const metricOf = (
  name: string,
): { readonly definition: MetricDefinition; readonly labels: readonly string[] } => {
  const exact = METRICS.get(name);
  if (exact !== undefined) {
    assert.notEqual(exact.type, "histogram", `${name} has buckets, a sum and a count only`);
    return { definition: exact, labels: exact.labels };
  }
  const part = /^(.*)_(bucket|sum|count)$/.exec(name);
  const definition = METRICS.get(part?.[1] ?? "");
  assert.ok(definition?.type === "histogram", `${name} does not exist`);
  return { definition, labels: [...definition.labels, ...(part?.[2] === "bucket" ? ["le"] : [])] };
};

const checkSelection = ({ metric, matchers }: Selection): readonly string[] => {
  const { definition, labels } = metricOf(metric);
  const known = [...labels, ...TARGET_LABELS];
  for (const { label, operator, value } of matchers) {
    assert.ok(known.includes(label), `${metric} has no label ${label}`);
    const words = definition.words?.[label];
    if (operator === "=" && words !== undefined)
      assert.ok(words.includes(value), `${label} is never ${value}`);
  }
  return known;
};

const checkExpression = (expression: string): void => {
  const { selections, labels, functions } = referencesOf(expression);
  assert.ok(selections.length > 0, "it asks for nothing");
  const known = selections.flatMap(checkSelection);
  for (const label of labels) assert.ok(known.includes(label), `no metric of it has the label ${label}`);
  for (const name of functions) assert.ok(FUNCTIONS.has(name), `is ${name} a function?`);
  const counts = selections.some(({ metric }) => /_(total|bucket|count)$/.test(metric));
  const wantsCounts = functions.some((name) => FUNCTIONS.get(name) === "counter");
  assert.equal(wantsCounts, counts, "counters are for rate and increase, and those for counters");
};

describe("the metrics", () => {
  for (const [name, { type, labels, words = {}, help }] of [
    ...Object.entries<MetricDefinition>(CONTROLLER_METRICS),
    ...Object.entries<MetricDefinition>(SPEAKER_METRICS).filter(([name]) => !(name in CONTROLLER_METRICS)),
  ]) {
    it(`${name} is named and described as the others are`, () => {
      assert.match(name, /^steelyard_[a-z_]+[a-z]$/);
      assert.equal(name.endsWith("_total"), type === "counter");
      for (const label of [...labels, ...Object.keys(words)]) assert.match(label, /^[a-z]+$/);
      for (const label of Object.keys(words)) assert.ok(labels.includes(label));
      assert.match(help, /^[^|\n]+\.$/);
    });
  }

  it("that controller and speaker tell in one name have the same labels", () => {
    const ofController: ReadonlyMap<string, MetricDefinition> = new Map(Object.entries(CONTROLLER_METRICS));
    const shared = Object.entries<MetricDefinition>(SPEAKER_METRICS).filter(([name]) =>
      ofController.has(name),
    );
    assert.ok(shared.length > 0);
    for (const [name, { type, labels }] of shared) {
      const other = ofController.get(name);
      assert.deepEqual([other?.type, other?.labels], [type, labels], name);
    }
  });

  it("do not hide MetalLB's", () => {
    for (const name of Object.keys(METALLB_METRICS))
      assert.match(name, /^metallb_(allocator|k8s_client)_[a-z0-9_]+$/);
    for (const name of Object.keys(METALLB_SPEAKER_METRICS))
      assert.match(name, /^metallb_(speaker|bgp)_[a-z_]+$/);
  });
});

describe("the check of expressions", () => {
  for (const [what, expression] of [
    ["a metric that does not exist", "steelyard_leaders == 1"],
    ["a histogram without its parts", "max(steelyard_allocation_seconds)"],
    ["a part of what is no histogram", "max(steelyard_leader_count)"],
    ["a label that the metric does not have", 'steelyard_leader{pool="a"}'],
    ["a value that a label never has", 'steelyard_services{state="waiting"}'],
    ["a grouping by a label that nothing has", "max by (pool) (steelyard_services)"],
    ["a counter that is not counted", "max(steelyard_config_refusals_total) > 0"],
    ["the rate of a gauge", "rate(steelyard_leader[5m])"],
    ["a function that is misspelt", "maximum(steelyard_leader)"],
    ["nothing at all", "time()"],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => checkExpression(expression)));
  }
});

describe("the alerts", () => {
  for (const alert of ALL_ALERTS) {
    it(`${alert.name} asks for metrics that there are, and tells of labels that it keeps`, () => {
      checkExpression(alert.expression);
      const kept = referencesOf(alert.expression).labels;
      const told = [...`${alert.summary} ${alert.description}`.matchAll(/\$labels\.(\w+)/g)].map(
        ([, label]) => label,
      );
      const isWhole = /^(min|max)_over_time\(/.test(alert.expression);
      for (const label of told) assert.ok(kept.includes(label ?? "") || (isWhole && label === "pod"), label);
      assert.match(alert.for, /^\d+[smh]$/);
    });
  }

  it("have names of their own, all of one form", () => {
    const names = ALL_ALERTS.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.match(name, /^Steelyard[A-Z][A-Za-z0-9]+$/);
  });

  it("are written as rules for Prometheus", () => {
    const { groups } = parse(alertRules());
    assert.deepEqual(
      groups.map(({ name, rules }: { name: string; rules: readonly unknown[] }) => [name, rules.length]),
      [
        ["steelyard-controller", ALERTS.length],
        ["steelyard-speaker", SPEAKER_ALERTS.length],
      ],
    );
  });

  it("let one alert at a time tell of a pool that fills up", () => {
    const limits = ALERTS.filter(({ name }) => name.startsWith("SteelyardPool")).map(({ expression }) =>
      [...expression.matchAll(/(>=|>|<=|<) (\d+)/g)].map(([, sign, number]) => `${sign} ${number}`),
    );
    assert.deepEqual(limits, [["> 75", "<= 85"], ["> 85", "<= 95"], ["> 95", "< 100"], [">= 100"]]);
  });
});

describe("the dashboard", () => {
  const panels = ROWS.flatMap((row) => row.panels);
  const laid: readonly {
    readonly id: number;
    readonly type: string;
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[] = JSON.parse(JSON.stringify(dashboard())).panels;

  for (const panel of panels) {
    it(`"${panel.title}" asks for metrics that there are, in the chosen namespaces`, () => {
      for (const { expression, legend } of panel.queries) {
        checkExpression(expression);
        const { selections, labels } = referencesOf(expression);
        for (const { matchers } of selections) {
          assert.ok(matchers.some(({ label, value }) => label === "namespace" && value === "$namespace"));
        }
        for (const [, label = ""] of legend.matchAll(/\{\{(\w+)\}\}/g))
          assert.ok(labels.includes(label), label);
      }
    });
  }

  it("shows every panel once, with its questions", () => {
    const shown = laid.filter(({ type }) => type !== "row");
    assert.deepEqual(
      shown.map(({ title, targets = [] }) => [title, targets.map(({ expr }) => expr)]),
      panels.map(({ title, queries }) => [title, queries.map(({ expression }) => expression)]),
    );
    assert.equal(new Set(laid.map(({ id }) => id)).size, laid.length);
  });

  it("lays no panel over another, and none beyond the edge", () => {
    const taken = new Set<string>();
    for (const { gridPos, title } of laid) {
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          assert.ok(!taken.has(`${x} ${y}`), title);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });

  it("shows every metric that is not shown otherwise", () => {
    const asked = new Set(
      [
        ...panels.flatMap(({ queries }) => queries.map(({ expression }) => expression)),
        ...ALL_ALERTS.map(({ expression }) => expression),
      ]
        .flatMap((expression) => referencesOf(expression).selections)
        .map(({ metric }) => metric.replace(/_(bucket|sum|count)$/, "")),
    );
    // How often a configuration was refused matters less than that one is.
    assert.deepEqual(
      [...METRICS.keys()].filter((name) => !asked.has(name)),
      ["steelyard_config_refusals_total"],
    );
  });
});
