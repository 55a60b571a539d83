import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import { crdObjects } from "#core/metallb/crd";
import { chartValues, renderChart } from "./chart.ts";
import type { Value } from "./evaluate.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

type Fields = { readonly [name: string]: Value };

const isFields = (value: Value | undefined): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const field = (value: Value | undefined, name: string): Value | undefined =>
  isFields(value) ? value[name] : undefined;

/** Whether the chart has a value of this path; below an empty map everything may be. */
const isValue = (path: string): boolean => {
  let value: Value = chartValues();
  for (const step of path.split(".")) {
    if (!isFields(value)) return false;
    if (Object.keys(value).length === 0) return true;
    const next: Value | undefined = value[step];
    if (next === undefined) return false;
    value = next;
  }
  return true;
};

const PAGES = [
  "docs/announce.md",
  "docs/install-cluster.md",
  "docs/replace-metallb.md",
  "docs/replace-servicelb.md",
  "docs/reference/metrics-controller.md",
  "examples/argocd/README.md",
];

describe("the pages about installation in a cluster", () => {
  for (const page of PAGES) {
    it(`${page} sets values that the chart has`, () => {
      const text = read(page);
      const set = Array.from(text.matchAll(/--set ([\w.]+)=/g), ([, path = ""]) => path);
      const named = Array.from(
        text.matchAll(/`([a-z]\w*(?:\.\w+)*)(?:=\S+|: (?:true|false))`/gi),
        ([, path = ""]) => path,
      );
      const paths = [
        ...set,
        ...Array.from(text.matchAll(/--set-json ["']([\w.]+)=/g), ([, path = ""]) => path),
        ...named.filter((path) =>
          /^(image|webhook|crds|monitoring|shadow|metallbMetrics|speaker)\b/.test(path),
        ),
      ];
      if (page !== "examples/argocd/README.md") assert.ok(paths.length > 0);
      assert.deepEqual(
        paths.filter((path) => !isValue(path)),
        [],
      );
    });

    it(`${page} names files of the repository that exist`, () => {
      const paths = Array.from(read(page).matchAll(/\bpackaging\/[\w./-]*\w/g), ([path]) => path);
      assert.deepEqual(
        paths.filter((path) => !existsSync(join(root, path))),
        [],
      );
    });
  }

  it("explain every option that the chart passes", () => {
    const rendered = [
      { loadBalancerClass: "x", webhook: { takeConversion: true }, metallbMetrics: true },
      { shadow: true },
    ].map((values) => renderChart("ns", { values }).texts.get("deployment.yaml") ?? "");
    const passed = new Set(
      rendered.flatMap((text) => Array.from(text.matchAll(/^ +- (--[a-z-]+)/gm), ([, name]) => name)),
    );
    const explained = read("docs/install-cluster.md");
    assert.ok(passed.size >= 8);
    for (const name of passed) assert.ok(new RegExp(`^\\|.*\`${name}[ \`]`, "m").test(explained), name);
  });
});

describe("the example for Argo CD", () => {
  const application: Fields = parse(read("examples/argocd/steelyard.yaml"));
  const spec = field(application, "spec");
  const source = field(spec, "source");

  it("installs the chart that is here, with values that it has", () => {
    assert.ok(existsSync(join(root, String(field(source, "path")), "Chart.yaml")));
    const leaves = (value: Value | undefined, path: readonly string[]): readonly string[] =>
      isFields(value)
        ? Object.entries(value).flatMap(([name, inner]) => leaves(inner, [...path, name]))
        : [path.join(".")];
    const paths = leaves(field(field(source, "helm"), "valuesObject"), []);
    assert.ok(paths.length >= 4);
    assert.deepEqual(
      paths.filter((path) => !isValue(path)),
      [],
    );
  });

  it("leaves alone what the controller writes into objects that are there", () => {
    const ignored = field(spec, "ignoreDifferences");
    const names = Array.isArray(ignored)
      ? ignored.map((entry) => `${field(entry, "group")} ${field(entry, "kind")} ${field(entry, "name")}`)
      : [];
    // Those, of all that the chart creates, that the controller has the right to patch.
    assert.deepEqual(names, [
      "admissionregistration.k8s.io ValidatingWebhookConfiguration steelyard-webhook",
      "apiextensions.k8s.io CustomResourceDefinition bgppeers.metallb.io",
    ]);
    const text = renderChart("ns").texts.get("rbac.yaml") ?? "";
    for (const name of ["steelyard-webhook", "bgppeers.metallb.io"]) assert.ok(text.includes(`[${name}]`));
  });

  it("has a pool of kinds that are defined, where the controller looks", () => {
    const defined = JSON.stringify(crdObjects());
    const objects: readonly Fields[] = parseAllDocuments(read("examples/argocd/pools/lan.yaml")).map(
      (document) => document.toJS(),
    );
    assert.equal(objects.length, 2);
    for (const object of objects) {
      assert.equal(object.apiVersion, "metallb.io/v1beta1");
      assert.ok(defined.includes(`"kind":"${object.kind}"`), String(object.kind));
      assert.equal(field(object.metadata, "namespace"), field(field(spec, "destination"), "namespace"));
    }
  });
});
