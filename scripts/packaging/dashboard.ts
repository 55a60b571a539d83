/** Lays the panels out as a Grafana dashboard (its JSON model, schema version 39; Grafana 10 and later). */
import type { Graph, Panel, Row, Stat } from "./panel.ts";
import { ROWS } from "./panels.ts";

const DATASOURCE = { type: "prometheus", uid: "$datasource" };
const WIDTH = 24;

type Place = { readonly x: number; readonly y: number; readonly w: number; readonly h: number };

const statOptions = ({ unit, steps, words }: Stat) => ({
  type: "stat",
  fieldConfig: {
    defaults: {
      unit: unit ?? "short",
      // Grafana colours what is below the first step with it too.
      thresholds: {
        mode: "absolute",
        steps: steps.map(({ from, color }, index) => ({ value: index === 0 ? null : from, color })),
      },
      mappings:
        words === undefined
          ? []
          : [
              {
                type: "value",
                options: Object.fromEntries(Object.entries(words).map(([value, text]) => [value, { text }])),
              },
            ],
    },
    overrides: [],
  },
  options: { colorMode: "value", graphMode: "none", reduceOptions: { calcs: ["lastNotNull"] } },
});

const graphOptions = ({ unit, highest, stacked }: Graph) => ({
  type: "timeseries",
  fieldConfig: {
    defaults: {
      unit,
      min: 0,
      ...(highest === undefined ? {} : { max: highest }),
      custom: { fillOpacity: 10, stacking: { mode: stacked === true ? "normal" : "none" } },
    },
    overrides: [],
  },
  options: {
    legend: { displayMode: "list", placement: "bottom", showLegend: true },
    tooltip: { mode: "multi", sort: "desc" },
  },
});

const panelJson = (panel: Panel, id: number, gridPos: Place) => ({
  id,
  title: panel.title,
  description: panel.description,
  datasource: DATASOURCE,
  gridPos,
  targets: panel.queries.map(({ expression, legend }, index) => ({
    refId: String.fromCharCode("A".charCodeAt(0) + index),
    datasource: DATASOURCE,
    expr: expression,
    legendFormat: legend,
  })),
  ...(panel.kind === "stat" ? statOptions(panel) : graphOptions(panel)),
});

/** Numbers in one line, graphs two in a line. */
const sizeOf = (panel: Panel, row: Row): Pick<Place, "w" | "h"> =>
  panel.kind === "stat" ? { w: Math.floor(WIDTH / row.panels.length), h: 4 } : { w: WIDTH / 2, h: 8 };

const layOut = (rows: readonly Row[]): readonly object[] => {
  const laid: object[] = [];
  let y = 0;
  for (const row of rows) {
    laid.push({
      id: laid.length + 1,
      type: "row",
      title: row.title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: WIDTH, h: 1 },
    });
    y += 1;
    let x = 0;
    let lowest = y;
    for (const panel of row.panels) {
      const size = sizeOf(panel, row);
      if (x + size.w > WIDTH) {
        x = 0;
        y = lowest;
      }
      laid.push(panelJson(panel, laid.length + 1, { x, y, ...size }));
      x += size.w;
      lowest = y + size.h;
    }
    y = lowest;
  }
  return laid;
};

const VARIABLES = [
  { name: "datasource", label: "Prometheus", type: "datasource", query: "prometheus" },
  {
    name: "namespace",
    label: "Namespace",
    type: "query",
    datasource: DATASOURCE,
    definition: "label_values(steelyard_info, namespace)",
    query: { query: "label_values(steelyard_info, namespace)", refId: "namespace" },
    refresh: 2,
    includeAll: true,
    multi: true,
    // Also what Prometheus scrapes without the label.
    allValue: ".*",
    current: { text: ["All"], value: ["$__all"] },
  },
];

/** The dashboard as Grafana imports it. */
export const dashboard = () => ({
  uid: "steelyard-controller",
  title: "steelyard: Service addresses",
  description: "Generated: node scripts/generate-packaging.ts",
  tags: ["steelyard"],
  schemaVersion: 39,
  editable: true,
  graphTooltip: 1,
  refresh: "30s",
  time: { from: "now-6h", to: "now" },
  templating: { list: VARIABLES },
  panels: layOut(ROWS),
});
