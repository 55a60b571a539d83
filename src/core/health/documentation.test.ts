import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { type Duration, micros, parseDuration } from "#base/time";
import { parseResources } from "#core/config/parse";
import type { HealthCheckConfig } from "./config.ts";
import { HEALTH_CAUSES } from "./observe.ts";
import { PROBE_FAILURES } from "./probe.ts";
import { worstCase } from "./worst-case.ts";

const PAGE = readFileSync(new URL("../../../docs/health-checks.md", import.meta.url), "utf8");

/** The rows of the table whose first heading is `heading`, each a list of cells. */
const tableOf = (heading: string): readonly (readonly string[])[] => {
  const lines = PAGE.split("\n");
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} |`));
  assert.ok(start >= 0, heading);
  const rows: string[][] = [];
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith("|")) break;
    rows.push(
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll("`", "")),
    );
  }
  return rows;
};

const durationOf = (text: string | undefined): Duration => parseDuration(text ?? "") ?? assert.fail(text);

/** A backend that asks as `health` says, within a whole configuration. */
const serverWith = (health: unknown): unknown => ({
  apiVersion: "steelyard.dev/v1alpha1",
  kind: "VirtualServer",
  metadata: { name: "web" },
  spec: { address: "192.0.2.10", port: 80, backends: [{ name: "a", address: "192.0.2.21" }], health },
});

const healthOf = (section: unknown): HealthCheckConfig => {
  const parsed = parseResources([serverWith(section)]);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.desired.servers[0]?.health ?? assert.fail();
};

describe("docs/health-checks.md", () => {
  it("lists every reason of a failure, in order, and `unanswered`", () => {
    assert.deepEqual(
      tableOf("reason").map(([reason]) => reason),
      [...PROBE_FAILURES, "unanswered"],
    );
  });

  it("lists every cause of a transition, in order", () => {
    assert.deepEqual(
      tableOf("cause").map(([cause]) => cause),
      HEALTH_CAUSES,
    );
  });

  it("computes worst cases as the program does", () => {
    for (const [interval, timeout, retries, retryDelay, fall, removal, whole] of tableOf("interval")) {
      const config = healthOf({
        interval,
        timeout,
        retries: Number(retries),
        retryDelay,
        fall: Number(fall),
      });
      const worst = worstCase(config);
      assert.equal(worst.removal, durationOf(removal));
      assert.equal(micros(worst.wait + worst.removal), durationOf(whole));
    }
  });

  it("names the defaults", () => {
    const defaults = Object.fromEntries(tableOf("key").map(([key, , value]) => [key, value]));
    const config = healthOf({});
    assert.equal(config.interval, durationOf(defaults.interval));
    assert.equal(config.timeout, durationOf(defaults.timeout));
    assert.equal(config.retryDelay, durationOf(defaults.retryDelay));
    assert.equal(config.retries, Number(defaults.retries));
    assert.equal(config.rise, Number(defaults.rise));
    assert.equal(config.fall, Number(defaults.fall));
  });

  const examples = [...PAGE.matchAll(/```yaml\n([^`]*)```/g)].map(([, text]) => parse(text ?? ""));

  it("has an example of every kind", () => {
    const kinds = examples.flatMap(({ health }) => (health === undefined ? [] : Object.keys(health)[0]));
    assert.deepEqual(kinds, ["tcp", "http", "https", "script"]);
  });

  it("has only valid examples, and nothing to warn of in them", () => {
    for (const example of examples) {
      const named = examples.filter(({ kind }) => kind === "TrackedCheck");
      const documents = example.kind === "VirtualRouter" ? [...named, example] : [example];
      const parsed = parseResources(example.health === undefined ? documents : [serverWith(example.health)]);
      assert.ok(parsed.ok, JSON.stringify(parsed));
      // Only the router that holds the address, and the one that names the tracked check, are missing.
      const warnings = parsed.warnings.filter(({ message }) => !/VirtualRouter|router/.test(message));
      assert.deepEqual(warnings, []);
    }
  });
});
