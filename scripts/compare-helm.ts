/**
 * Compares what Helm makes of our chart with what we make of it, from which plain manifests and tests come:
 * `node scripts/compare-helm.ts [HELM]`. By hand, whenever the chart uses something new: no package has Helm, and building it
 * takes minutes.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { parseAllDocuments, stringify } from "yaml";
import { CHART, type ChartOptions, renderChart } from "./packaging/chart.ts";

const NAMESPACE = "steelyard-system";
/** A Helm that was built by itself believes in Kubernetes 1.20. */
const FLAGS = ["--namespace", NAMESPACE, "--kube-version", "1.36.3", "--values", "-"];

const CASES: readonly NonNullable<ChartOptions["values"]>[] = [
  {},
  { shadow: true },
  { shadow: true, webhook: { enabled: false } },
  { webhook: { enabled: false } },
  { webhook: { takeConversion: true } },
  { replicas: 1 },
  { replicas: 3, loadBalancerClass: "example.com/lan" },
  { image: { repository: "registry.example.org/a/steelyard", tag: "1.2.3" } },
  { image: { digest: `sha256:${"0a".repeat(32)}` } },
  { metallbMetrics: true, extraArgs: ["--log-level=debug"] },
  { monitoring: { monitor: "PodMonitor", rules: true, dashboard: true, labels: { release: "mine" } } },
  { monitoring: { monitor: "ServiceMonitor", rules: true } },
  { speaker: { enabled: false }, monitoring: { monitor: "PodMonitor" } },
  {
    speaker: {
      rules: "metallb",
      spread: 1.25,
      ignoreExcludeLabel: true,
      probe: false,
      maxUnavailable: "10%",
    },
  },
  { loadBalancerClass: "example.com/lan", speaker: { port: 9999, extraArgs: ["--refresh=60s"] } },
  { speaker: { secret: { name: "mine" }, podLabels: { team: "network" } } },
  {
    speaker: { secret: { enabled: false }, nodeSelector: { uplink: "fast" }, affinity: { nodeAffinity: {} } },
  },
];

type KubeObject = {
  readonly kind: string;
  readonly metadata: { readonly namespace?: string; readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
};

/** Helm's secret is another one each time; that it is as long as ours must do. */
const withoutSecret = (object: KubeObject): KubeObject =>
  object.kind === "Secret" && object.data?.key !== undefined
    ? { ...object, data: { key: `${Buffer.from(object.data.key, "base64").length} bytes` } }
    : object;

/** The objects of a text of YAML documents, by kind and name. */
const objectsOf = (text: string): ReadonlyMap<string, KubeObject> =>
  new Map(
    parseAllDocuments(text).flatMap((document): readonly (readonly [string, KubeObject])[] => {
      assert.deepEqual(document.errors, []);
      const object: KubeObject | null = document.toJS();
      if (object === null) return [];
      const { kind, metadata } = object;
      return [[`${kind} ${metadata.namespace ?? ""}/${metadata.name}`, withoutSecret(object)]];
    }),
  );

const [helm = "helm"] = process.argv.slice(2);
for (const values of CASES) {
  const input = stringify(values);
  const theirs = execFileSync(helm, ["template", "steelyard", CHART, ...FLAGS], { input, encoding: "utf8" });
  const { texts } = renderChart(NAMESPACE, { values });
  const ours = [...texts].flatMap(([name, text]) => (name.endsWith(".yaml") ? [text] : []));
  const objects = objectsOf(ours.join("\n---\n"));
  assert.deepEqual(objects, objectsOf(theirs), input);
  console.log(`${objects.size} objects are the same with ${JSON.stringify(values)}`);
}
