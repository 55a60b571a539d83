/** The reference pages of metrics and alerts, made from their lists. */
import { CONTROLLER_METRICS, METALLB_METRICS, type MetricDefinition } from "#core/allocation-metrics/names";
import { METALLB_SPEAKER_METRICS, SPEAKER_METRICS } from "#core/speaker-metrics/names";
import type { Alert } from "./alert.ts";
import { ALERTS } from "./alerts.ts";
import { SPEAKER_ALERTS } from "./speaker-alerts.ts";

const labelText = ({ labels, words = {} }: MetricDefinition): string =>
  labels
    .map((label) => {
      const values = words[label];
      return values === undefined ? `\`${label}\`` : `\`${label}\` (${values.join(", ")})`;
    })
    .join(", ");

/** Without labels the cell is as narrow as can be. */
const spaced = (text: string): string => (text === "" ? " " : ` ${text} `);

const metricTable = (metrics: Readonly<Record<string, MetricDefinition>>): string =>
  [
    "| name | type | labels | meaning |",
    "|---|---|---|---|",
    ...Object.entries(metrics).map(
      ([name, metric]) => `| \`${name}\` | ${metric.type} |${spaced(labelText(metric))}| ${metric.help} |`,
    ),
  ].join("\n");

/** What Prometheus fills in is named for a reader of the table; bars would end its cells. */
const forPeople = (text: string): string =>
  text
    .replace(/\{\{ \$labels\.(\w+) \}\}/g, "`$1`")
    .replace(/\{\{ (?:printf "[^"]*" )?\$value \}\}/g, "*n*")
    .replaceAll("|", "\\|");

const alertTable = (alerts: readonly Alert[]): string =>
  [
    "| alert | severity | for | on while | what it says |",
    "|---|---|---|---|---|",
    ...alerts.map(
      (alert) =>
        `| ${alert.name} | ${alert.severity} | ${alert.for} | \`${alert.expression.replaceAll("|", "\\|")}\` | ${forPeople(alert.summary)}. ${forPeople(alert.description)} |`,
    ),
  ].join("\n");

/** The page of the controller. */
export const metricsPage = (): string => `<!-- Generated: node scripts/generate-packaging.ts -->
# Metrics and alerts of the controller

\`/metrics\` on the address of \`--listen\` (port 9120 in a pod) and on the admin socket, in the Prometheus text format.

\`\`\`sh
kubectl -n steelyard-system port-forward deploy/steelyard-controller 9120 &
curl -s http://localhost:9120/metrics
\`\`\`

Every replica answers; of pools and Services the leader alone tells, and in shadow mode each one. For a while after a takeover Prometheus
knows both answers, so take \`max\` over replicas, not \`sum\`. Counters count from the start of the replica. A test compares
this page, the alerts and the dashboard with the list in the code.

${metricTable(CONTROLLER_METRICS)}

## Alerts

They are in [packaging/monitoring](../../packaging/monitoring) for the Prometheus operator and in
[alerts.yaml](../../packaging/helm/steelyard/files/alerts.yaml) for \`rule_files\`; the chart installs them with
\`monitoring.rules=true\`. *n* stands for the value.

${alertTable(ALERTS)}

## MetalLB's names

With \`--metallb-metrics\` (in the chart \`metallbMetrics=true\`) these are told as well, so that dashboards and alerts made for MetalLB go
on. Of its speaker's there is [one](metrics-speaker.md#metallbs-name).

${metricTable(METALLB_METRICS)}
`;

/** The page of the speaker. */
export const speakerMetricsPage = (): string => `<!-- Generated: node scripts/generate-packaging.ts -->
# Metrics and alerts of the speaker

\`/metrics\` on the address of \`--listen\` (port 9122 of each node) and on the admin socket, in the Prometheus text format.

\`\`\`sh
curl -s http://NODE:9122/metrics
\`\`\`

Each speaker tells of its own node. The monitors of the chart add the label \`node\`, by which alerts and panels tell them apart; who
scrapes without them makes it from \`__meta_kubernetes_pod_node_name\`. Counters count from the start of the speaker's wire process, those of
requests from the start of its agent. A test compares this page, the alerts and the dashboard with the list in the code.

${metricTable(SPEAKER_METRICS)}

## Alerts

They come with [the controller's](metrics-controller.md#alerts), of which those on the configuration, on the API server, on writes and on
addresses that another machine has are for speakers as well. *n* stands for the value.

${alertTable(SPEAKER_ALERTS)}

## MetalLB's name

${metricTable(METALLB_SPEAKER_METRICS)}

It is always there. Next to the label \`node\` of the monitors Prometheus calls its own \`exported_node\`; both name the same.
`;
