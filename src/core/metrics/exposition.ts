/**
 * Renders metric families in the Prometheus text exposition format 0.0.4.
 *
 * The order is stable (families by name, samples by labels), so two scrapes can be compared line by line. A name that
 * the format does not allow, or a family or sample given twice, is our own mistake and asserts.
 */
import { assert } from "#base/assert";

/** Label values by label name; values may be any text. */
export type Labels = Readonly<Record<string, string>>;

/** One value of a family. */
export type Sample = { readonly labels: Labels; readonly value: number };

/** One distribution of a family. */
export type Histogram = {
  readonly labels: Labels;
  /** Observations at or below each bound, not accumulated; bounds ascend. */
  readonly buckets: readonly { readonly upTo: number; readonly count: number }[];
  /** Observations above the last bound. */
  readonly above: number;
  /** Of all observed values. */
  readonly sum: number;
};

/** Everything under one metric name. A counter's name ends in `_total`, a unit is part of the name. */
export type MetricFamily = {
  readonly name: string;
  /** One line for people. */
  readonly help: string;
} & (
  | { readonly type: "counter" | "gauge"; readonly samples: readonly Sample[] }
  | { readonly type: "histogram"; readonly histograms: readonly Histogram[] }
);

/** The `Content-Type` of the text that `renderMetrics` gives. */
export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

const escapeHelp = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
const escapeValue = (text: string): string => escapeHelp(text).replaceAll('"', '\\"');

const renderNumber = (value: number): string => {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
};

const compareText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

const renderLabels = (labels: Labels, reserved?: string): string => {
  const names = Object.keys(labels).sort(compareText);
  for (const name of names) {
    assert(LABEL_NAME.test(name) && !name.startsWith("__") && name !== reserved, "bad label name", { name });
  }
  return names.map((name) => `${name}="${escapeValue(labels[name] ?? "")}"`).join(",");
};

const inBraces = (...parts: readonly string[]): string => {
  const text = parts.filter((part) => part !== "").join(",");
  return text === "" ? "" : `{${text}}`;
};

const renderHistogram = (name: string, labels: string, histogram: Histogram): string => {
  const lines: string[] = [];
  let count = 0;
  let last = Number.NEGATIVE_INFINITY;
  for (const { upTo, count: inBucket } of histogram.buckets) {
    assert(upTo > last, "the bounds of a histogram ascend", { name, upTo, last });
    last = upTo;
    count += inBucket;
    lines.push(`${name}_bucket${inBraces(labels, `le="${renderNumber(upTo)}"`)} ${count}`);
  }
  count += histogram.above;
  lines.push(`${name}_bucket${inBraces(labels, 'le="+Inf"')} ${count}`);
  lines.push(`${name}_sum${inBraces(labels)} ${renderNumber(histogram.sum)}`);
  lines.push(`${name}_count${inBraces(labels)} ${count}`);
  return lines.join("\n");
};

/** The text of each sample with its labels, in the order of the labels, none twice. */
const renderEach = <Item extends { readonly labels: Labels }>(
  name: string,
  items: readonly Item[],
  reserved: string | undefined,
  render: (labels: string, item: Item) => string,
): readonly string[] => {
  const labelled = items.map((item) => ({ item, labels: renderLabels(item.labels, reserved) }));
  labelled.sort((left, right) => compareText(left.labels, right.labels));
  return labelled.map(({ item, labels }, index) => {
    assert(labelled[index - 1]?.labels !== labels, "a sample is given twice", { name, labels });
    return render(labels, item);
  });
};

const renderFamily = (family: MetricFamily): readonly string[] => {
  const { name } = family;
  assert(METRIC_NAME.test(name), "bad metric name", { name });
  const head = [`# HELP ${name} ${escapeHelp(family.help)}`, `# TYPE ${name} ${family.type}`];
  const body =
    family.type === "histogram"
      ? renderEach(name, family.histograms, "le", (labels, item) => renderHistogram(name, labels, item))
      : renderEach(name, family.samples, undefined, (labels, { value }) => {
          return `${name}${inBraces(labels)} ${renderNumber(value)}`;
        });
  return [...head, ...body];
};

/** The whole text, ending in a line feed; empty for no families. A family without samples keeps its two head lines. */
export const renderMetrics = (families: readonly MetricFamily[]): string => {
  const sorted = [...families].sort((left, right) => compareText(left.name, right.name));
  for (const [index, { name }] of sorted.entries()) {
    assert(sorted[index - 1]?.name !== name, "a metric family is given twice", { name });
  }
  return sorted
    .flatMap(renderFamily)
    .map((line) => `${line}\n`)
    .join("");
};
