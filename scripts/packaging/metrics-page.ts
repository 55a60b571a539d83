/** The reference page of the controller's metrics and alerts, made from their lists. */
import { CONTROLLER_METRICS, METALLB_METRICS, type MetricDefinition } from "#core/allocation-metrics/names";
import { ALERTS } from "./alerts.ts";

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

const alertTable = (): string =>
  [
    "| alert | severity | for | on while | what it says |",
    "|---|---|---|---|---|",
    ...ALERTS.map(
      (alert) =>
        `| ${alert.name} | ${alert.severity} | ${alert.for} | \`${alert.expression.replaceAll("|", "\\|")}\` | ${forPeople(alert.summary)}. ${forPeople(alert.description)} |`,
    ),
  ].join("\n");

/** The whole page. */
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

${alertTable()}

## MetalLB's names

With \`--metallb-metrics\` (in the chart \`metallbMetrics=true\`) these are told as well, so that dashboards and alerts made for MetalLB go
on. Those of its speaker are not there.

${metricTable(METALLB_METRICS)}
`;
