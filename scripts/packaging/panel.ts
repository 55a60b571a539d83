/** A panel of the Grafana dashboard, as data. */

/** What a panel asks Prometheus. */
export type Query = {
  readonly expression: string;
  /** With `{{label}}` for a label's value. */
  readonly legend: string;
};

type Common = {
  readonly title: string;
  /** What it tells, and when to worry. */
  readonly description: string;
  readonly queries: readonly Query[];
};

/** One number, with the colours from the value on; `words` stand for certain numbers. */
export type Stat = Common & {
  readonly kind: "stat";
  readonly unit?: string;
  readonly steps: readonly { readonly from: number; readonly color: "green" | "orange" | "red" | "blue" }[];
  readonly words?: Readonly<Record<string, string>>;
};

/** Lines over time. */
export type Graph = Common & {
  readonly kind: "graph";
  readonly unit: string;
  readonly highest?: number;
  readonly stacked?: true;
};

export type Panel = Stat | Graph;

/** A row of panels under a heading. */
export type Row = { readonly title: string; readonly panels: readonly Panel[] };

/** A metric in the namespaces that the reader has chosen. */
export const of = (metric: string, matcher = ""): string =>
  `${metric}{namespace=~"$namespace"${matcher === "" ? "" : `, ${matcher}`}}`;

/** How much a counter goes up in a second. */
export const rate = (metric: string): string => `rate(${of(metric)}[$__rate_interval])`;
