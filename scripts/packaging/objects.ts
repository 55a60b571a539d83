/** Objects of the rendered chart, for its tests. */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { type ChartOptions, renderChart } from "./chart.ts";

/** A map of YAML. */
export type Fields = { readonly [name: string]: Json };
/** A value of YAML. */
export type Json = string | number | boolean | null | readonly Json[] | Fields;

/** Whether a value is a map. */
export const isFields = (value: Json | undefined): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What is at the end of a path. */
export const at = (value: Json | undefined, ...path: readonly (string | number)[]): Json | undefined =>
  path.reduce<Json | undefined>((inner, step) => {
    if (Array.isArray(inner)) return inner[Number(step)];
    return isFields(inner) ? inner[step] : undefined;
  }, value);

/** Where the chart is installed. */
export const NAMESPACE = "anywhere";

/** Every object of the chart with these values. */
export const objects = (
  values: NonNullable<ChartOptions["values"]> = {},
  existing: NonNullable<ChartOptions["existing"]> = new Map(),
): readonly Json[] =>
  [...renderChart(NAMESPACE, { values, existing }).texts].flatMap(([name, text]) =>
    name === "NOTES.txt"
      ? []
      : parseAllDocuments(text, { uniqueKeys: true }).map((document): Json => {
          assert.deepEqual(document.errors, [], name);
          return document.toJS();
        }),
  );

/** The first of a kind, or the one of that name. */
export const named = (all: readonly Json[], kind: string, name?: string): Json | undefined =>
  all.find(
    (object) =>
      at(object, "kind") === kind && (name === undefined || at(object, "metadata", "name") === name),
  );
