/** From values by the names of metrics to what `/metrics` shows. */
import type { Labels, MetricFamily, Sample } from "#core/metrics/exposition";

/** A metric's samples; a number is the one sample of a metric without labels, `undefined` leaves the metric out. */
export type Values = readonly Sample[] | number | undefined;

export const sample = (value: number, labels: Labels = {}): Sample => ({ labels, value });

/** A sample for each word of a count. */
export const counted = (counts: ReadonlyMap<string, number>, label: string): readonly Sample[] =>
  [...counts].map(([word, value]) => sample(value, { [label]: word }));

type Definition = { readonly type: "counter" | "gauge" | "histogram"; readonly help: string };

/** The families of counters and gauges, with type and help as they are defined. */
export const familiesOf = (
  values: Readonly<Record<string, Values>>,
  definitions: Readonly<Record<string, Definition>>,
): readonly MetricFamily[] =>
  Object.entries(values).flatMap(([name, value]): MetricFamily[] => {
    const definition = definitions[name];
    if (value === undefined || definition === undefined || definition.type === "histogram") return [];
    const samples = typeof value === "number" ? [sample(value)] : value;
    return [{ name, help: definition.help, type: definition.type, samples }];
  });
