/**
 * Writes what is installed and is made from something else: `node scripts/generate-packaging.ts`.
 *
 * Manifests are the chart with its own values, alert rules and the dashboard come from lists in scripts/packaging, custom
 * resource definitions from the schemas.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { crdObjects } from "#core/metallb/crd";
import { alertRules } from "./packaging/alerts.ts";
import { type ChartOptions, renderChart } from "./packaging/chart.ts";
import { dashboard } from "./packaging/dashboard.ts";
import { metricsPage, speakerMetricsPage } from "./packaging/metrics-page.ts";

const FROM_LISTS = "# Generated: node scripts/generate-packaging.ts\n";
const FROM_CHART = "# Generated from packaging/helm/steelyard: node scripts/generate-packaging.ts\n";

/** The namespace of the plain manifests. */
const NAMESPACE = "steelyard-system";

/** In the order in which they are applied. */
const CONTROLLER = [
  "serviceaccount.yaml",
  "rbac.yaml",
  "webhook.yaml",
  "poddisruptionbudget.yaml",
  "deployment.yaml",
];

/** Without the Secret: it must differ from cluster to cluster. */
const SPEAKER = ["speaker-serviceaccount.yaml", "speaker-rbac.yaml", "speaker.yaml"];

/** The text of those templates, one after the other; each must give one. */
const manifest = (names: readonly string[], options: ChartOptions): string => {
  const { texts } = renderChart(NAMESPACE, options);
  const found = names.map((name) => {
    const text = texts.get(name);
    if (text === undefined) throw new Error(`templates/${name} gives nothing`);
    return text;
  });
  // Each begins a document: people put such files one after the other.
  return `${FROM_CHART}${found.map((text) => `---\n${text}\n`).join("")}`;
};

/** The speaker's pods are on the network of their nodes, which every other standard for pods refuses. */
const namespaceManifest = (): string =>
  `${FROM_LISTS}---\n${stringify({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: NAMESPACE,
      labels: {
        "app.kubernetes.io/name": "steelyard",
        "pod-security.kubernetes.io/enforce": "privileged",
      },
    },
  })}`;

type Definition = { readonly metadata: { readonly name: string }; readonly spec: Record<string, unknown> };

/**
 * The definitions for the chart. How versions are converted is left out: the controller says it once its webhook answers, and
 * whoever applies these again does not undo that.
 */
const chartCrds = (): readonly (readonly [path: string, text: string])[] =>
  crdObjects().map((object) => {
    const { metadata, spec, ...rest }: Definition = JSON.parse(JSON.stringify(object));
    const { conversion: _conversion, ...kept } = spec;
    const text = stringify({ ...rest, metadata, spec: kept }, { lineWidth: 0 });
    return [`packaging/helm/steelyard/charts/crds/crds/${metadata.name}.yaml`, `${FROM_LISTS}${text}`];
  });

/** Each generated file, by its path from the top of the repository. */
export const generatedPackaging = (): ReadonlyMap<string, string> => {
  const alerts = `${FROM_LISTS}${alertRules()}`;
  const dashboardText = `${JSON.stringify(dashboard(), undefined, 2)}\n`;
  const files = new Map([
    ["files/alerts.yaml", alerts],
    ["files/dashboard.json", dashboardText],
  ]);
  const monitor = (name: string): string =>
    manifest(["monitor.yaml", "speaker-monitor.yaml"], { files, values: { monitoring: { monitor: name } } });
  return new Map([
    ["packaging/manifests/namespace.yaml", namespaceManifest()],
    ["packaging/manifests/controller.yaml", manifest(CONTROLLER, { files })],
    ["packaging/manifests/speaker.yaml", manifest(SPEAKER, { files })],
    ["packaging/monitoring/podmonitor.yaml", monitor("PodMonitor")],
    ["packaging/monitoring/servicemonitor.yaml", monitor("ServiceMonitor")],
    [
      "packaging/monitoring/prometheusrule.yaml",
      manifest(["prometheusrule.yaml"], { files, values: { monitoring: { rules: true } } }),
    ],
    ["packaging/monitoring/dashboard.json", dashboardText],
    ["packaging/helm/steelyard/files/alerts.yaml", alerts],
    ["packaging/helm/steelyard/files/dashboard.json", dashboardText],
    ...chartCrds(),
    ["docs/reference/metrics-controller.md", metricsPage()],
    ["docs/reference/metrics-speaker.md", speakerMetricsPage()],
  ]);
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = join(import.meta.dirname, "..");
  for (const [path, text] of generatedPackaging()) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}
