import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { configurationJsonSchema, type JsonSchema } from "./json-schema.ts";

const isSchema = (value: unknown): value is JsonSchema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The schema under a path of keywords and property names. */
const under = (schema: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, key) => (isSchema(inner) ? inner[key] : undefined), schema);

const [router] = Object.values(under(configurationJsonSchema(), "oneOf") ?? {});
const spec = under(router, "properties", "spec");

describe("configurationJsonSchema", () => {
  it("requires what has no default and allows no other keys", () => {
    assert.deepEqual(under(spec, "required"), ["interface", "vrid", "addresses"]);
    assert.equal(under(spec, "additionalProperties"), false);
  });

  it("carries ranges, words, patterns and defaults", () => {
    const vrid = under(spec, "properties", "vrid");
    assert.deepEqual([under(vrid, "minimum"), under(vrid, "maximum")], [1, 255]);
    assert.deepEqual(under(spec, "properties", "checksum", "enum"), ["auto", "message", "pseudo-header"]);
    const interval = under(spec, "properties", "advertisementInterval");
    assert.equal(under(interval, "default"), "1s");
    assert.match("200ms", new RegExp(String(under(interval, "pattern"))));
    assert.doesNotMatch("200", new RegExp(String(under(interval, "pattern"))));
  });

  it("lets an address be text or a section", () => {
    assert.deepEqual(
      Object.values(under(spec, "properties", "addresses", "items", "anyOf") ?? {}).map((option) =>
        under(option, "type"),
      ),
      ["string", "object"],
    );
  });

  it("describes every key", () => {
    const undescribed: string[] = [];
    const walk = (schema: unknown, path: string): void => {
      for (const [key, inner] of Object.entries(under(schema, "properties") ?? {})) {
        if (typeof under(inner, "description") !== "string") undescribed.push(`${path}.${key}`);
        walk(inner, `${path}.${key}`);
        walk(under(inner, "items"), `${path}.${key}[]`);
      }
    };
    for (const kind of Object.values(under(configurationJsonSchema(), "oneOf") ?? {})) walk(kind, "");
    assert.deepEqual(undescribed, []);
  });
});
