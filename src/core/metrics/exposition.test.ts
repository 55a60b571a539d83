import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type MetricFamily, renderMetrics } from "./exposition.ts";

const gauge = (name: string, samples: Extract<MetricFamily, { type: "gauge" | "counter" }>["samples"]) =>
  ({ name, help: "Help.", type: "gauge", samples }) as const;

describe("metrics text (exposition format 0.0.4)", () => {
  it("writes help, type and samples, ordered by name and labels", () => {
    const text = renderMetrics([
      gauge("steelyard_b", [{ labels: {}, value: 1.5 }]),
      {
        name: "steelyard_a_total",
        help: "What happened.",
        type: "counter",
        samples: [
          { labels: { server: "web", reason: "timeout" }, value: 2 },
          { labels: { reason: "refused", server: "web" }, value: 10_000_000 },
        ],
      },
    ]);
    assert.equal(
      text,
      [
        "# HELP steelyard_a_total What happened.",
        "# TYPE steelyard_a_total counter",
        'steelyard_a_total{reason="refused",server="web"} 10000000',
        'steelyard_a_total{reason="timeout",server="web"} 2',
        "# HELP steelyard_b Help.",
        "# TYPE steelyard_b gauge",
        "steelyard_b 1.5",
        "",
      ].join("\n"),
    );
  });

  it("accumulates the buckets of a histogram and closes with +Inf, sum and count", () => {
    const text = renderMetrics([
      {
        name: "steelyard_check_seconds",
        help: "Duration of checks.",
        type: "histogram",
        histograms: [
          {
            labels: { server: "web" },
            buckets: [
              { upTo: 0.1, count: 3 },
              { upTo: 1, count: 2 },
            ],
            above: 1,
            sum: 7.25,
          },
        ],
      },
    ]);
    assert.deepEqual(text.split("\n").slice(2), [
      'steelyard_check_seconds_bucket{server="web",le="0.1"} 3',
      'steelyard_check_seconds_bucket{server="web",le="1"} 5',
      'steelyard_check_seconds_bucket{server="web",le="+Inf"} 6',
      'steelyard_check_seconds_sum{server="web"} 7.25',
      'steelyard_check_seconds_count{server="web"} 6',
      "",
    ]);
  });

  it("escapes backslash, line feed and quote where the format asks for it", () => {
    const text = renderMetrics([
      { ...gauge("a", [{ labels: { path: 'C:\\"x"\n' }, value: 0 }]), help: 'back\\slash "quote"\nline' },
    ]);
    assert.equal(
      text,
      '# HELP a back\\\\slash "quote"\\nline\n# TYPE a gauge\na{path="C:\\\\\\"x\\"\\n"} 0\n',
    );
  });

  it("writes the numbers that are none", () => {
    const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const text = renderMetrics([
      gauge(
        "a",
        values.map((value, n) => ({ labels: { n: `${n}` }, value })),
      ),
    ]);
    assert.deepEqual(
      text
        .trim()
        .split("\n")
        .slice(2)
        .map((line) => line.split(" ")[1]),
      ["NaN", "+Inf", "-Inf"],
    );
  });

  it("keeps the head of a family without samples and is empty without families", () => {
    assert.equal(renderMetrics([gauge("a", [])]), "# HELP a Help.\n# TYPE a gauge\n");
    assert.equal(renderMetrics([]), "");
  });

  it("asserts on names the format does not allow and on anything given twice", () => {
    const one = { labels: { a: "1" }, value: 0 };
    assert.throws(() => renderMetrics([gauge("a-b", [])]), /bad metric name/);
    assert.throws(() => renderMetrics([gauge("a", [{ labels: { "a-b": "" }, value: 0 }])]), /bad label name/);
    assert.throws(() => renderMetrics([gauge("a", [{ labels: { __a: "" }, value: 0 }])]), /bad label name/);
    assert.throws(() => renderMetrics([gauge("a", []), gauge("a", [])]), /family is given twice/);
    assert.throws(() => renderMetrics([gauge("a", [one, { ...one, value: 1 }])]), /sample is given twice/);
  });

  it("refuses a histogram that labels its own bounds, or whose bounds do not ascend", () => {
    const family = { name: "a", help: "", type: "histogram" } as const;
    const empty = { labels: {}, buckets: [], above: 0, sum: 0 };
    assert.throws(() => renderMetrics([{ ...family, histograms: [{ ...empty, labels: { le: "1" } }] }]));
    const buckets = [
      { upTo: 1, count: 0 },
      { upTo: 1, count: 0 },
    ];
    assert.throws(() => renderMetrics([{ ...family, histograms: [{ ...empty, buckets }] }]), /ascend/);
  });

  it("keeps one line per sample and the value readable, whatever the labels hold", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.double(), (label, value) => {
        const lines = renderMetrics([gauge("a", [{ labels: { label }, value }])]).split("\n");
        assert.equal(lines.length, 4);
        const match = /^a\{label="((?:[^"\\]|\\[\\"n])*)"\} (\S+)$/.exec(lines[2] ?? "");
        const read = match?.[1]?.replace(/\\(.)/g, (_, escaped) => (escaped === "n" ? "\n" : escaped));
        assert.equal(read, label);
        const number = match?.[2]?.replace("Inf", "Infinity");
        assert.equal(Number(number), value === 0 ? 0 : value);
      }),
    );
  });
});
