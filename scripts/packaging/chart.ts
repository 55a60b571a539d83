/** Renders our Helm chart, as `helm template` does, without Helm. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { render, type Value } from "./evaluate.ts";
import { type Part, parseTemplate } from "./template.ts";

/** Where the chart is. */
export const CHART = join(import.meta.dirname, "../../packaging/helm/steelyard");

type Map = { readonly [name: string]: Value };

const isMap = (value: Value | undefined): value is Map =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Values of the user over those of the chart: maps are merged, `null` removes, all else is replaced. */
const merge = (values: Map, over: Map): Map => {
  const merged: Record<string, Value> = { ...values };
  for (const [name, value] of Object.entries(over)) {
    const before = merged[name];
    if (value === null) delete merged[name];
    else merged[name] = isMap(before) && isMap(value) ? merge(before, value) : value;
  }
  return merged;
};

const readMap = (file: string): Map => {
  const value: Value = parse(readFileSync(join(CHART, file), "utf8"));
  if (!isMap(value)) throw new Error(`${file} is no map`);
  return value;
};

/** The values that the chart has by itself. */
export const chartValues = (): Map => readMap("values.yaml");

/** What a chart was rendered to. */
export type Rendered = {
  /** The text of each template that gave one, by its file's name. */
  readonly texts: ReadonlyMap<string, string>;
  /** The values that were looked at, as `image.tag`. */
  readonly seen: ReadonlySet<string>;
};

export type ChartOptions = {
  /** What the user wants otherwise. */
  readonly values?: Map;
  /** Files of the chart that are not as they are on disk, by their path in the chart. */
  readonly files?: ReadonlyMap<string, string>;
  /** What the cluster has already, by `KIND NAMESPACE/NAME`. */
  readonly existing?: ReadonlyMap<string, Value>;
};

/** Renders every template of the chart for a namespace. */
export const renderChart = (
  namespace: string,
  { values = {}, files, existing }: ChartOptions = {},
): Rendered => {
  const folder = join(CHART, "templates");
  const templates = readdirSync(folder)
    .sort()
    .map((name) => {
      try {
        return { name, ...parseTemplate(readFileSync(join(folder, name), "utf8")) };
      } catch (error) {
        throw new Error(`templates/${name}: ${error instanceof Error ? error.message : error}`);
      }
    });
  const defined = new Map<string, readonly Part[]>(templates.flatMap((template) => [...template.defined]));
  const chart = readMap("Chart.yaml");
  const dot: Map = {
    Values: merge(chartValues(), values),
    Chart: { AppVersion: chart.appVersion ?? null },
    Release: { Namespace: namespace },
  };
  const seen = new Set<string>();
  const around = {
    dot,
    defined,
    file: (path: string) => files?.get(path) ?? readFileSync(join(CHART, path), "utf8"),
    lookup: (kind: string, where: string, name: string) => existing?.get(`${kind} ${where}/${name}`) ?? {},
    seen: (path: string) => void (path.startsWith("Values.") && seen.add(path.slice("Values.".length))),
  };
  const texts = templates
    .map(({ name, parts }) => [name, render(parts, around).trim()] as const)
    .filter(([, text]) => text !== "");
  return { texts: new Map(texts), seen };
};
