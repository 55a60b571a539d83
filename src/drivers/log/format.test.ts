import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { wallTime } from "#base/time";
import { formatLine, type LogFormat } from "./format.ts";
import type { LogFields } from "./port.ts";

const at = wallTime(Date.UTC(2026, 10, 21, 4, 5, 6, 7));

const line = (format: LogFormat, fields: LogFields, message = "backend failed"): string =>
  formatLine(format, { level: "warning", message, fields, at });

describe("a line of the log", () => {
  it("is one JSON object with time, level and message first", () => {
    assert.equal(
      line("json", { server: "web", attempts: 3, backend: undefined }),
      '{"time":"2026-11-21T04:05:06.007Z","level":"warning","message":"backend failed","server":"web","attempts":3}',
    );
  });

  it("is text with values quoted where they need it", () => {
    assert.equal(
      line("text", { server: "web", detail: 'said "no"', empty: "", list: [1, "b"], odd: "a=b" }),
      '2026-11-21T04:05:06.007Z warning backend failed server=web detail="said \\"no\\"" empty="" list=[1,"b"] odd="a=b"',
    );
  });

  it("carries syslog's priority and no time for the journal (RFC 5424 §6.2.1, sd-daemon(3))", () => {
    assert.equal(line("journal", { server: "web" }), "<4>backend failed server=web");
    assert.match(formatLine("journal", { level: "error", message: "m", fields: {}, at }), /^<3>/);
    assert.match(formatLine("journal", { level: "info", message: "m", fields: {}, at }), /^<6>/);
    assert.match(formatLine("journal", { level: "debug", message: "m", fields: {}, at }), /^<7>/);
  });

  it("never holds a secret, at any depth", () => {
    const text = line("json", {
      password: "s3cret",
      apiKey: "s3cret",
      auth_token: "s3cret",
      keys: ["s3cret"],
      router: { name: "r", password: "s3cret" },
      list: [{ Token: "s3cret" }],
    });
    assert.ok(!text.includes("s3cret"), text);
    assert.ok(text.includes('"name":"r"'));
  });

  it("does not take every word that contains one for a secret", () => {
    assert.equal(
      line("journal", { keyboard: "a", monkey: "b", tokenCount: 3 }, "m"),
      "<4>m keyboard=a monkey=b tokenCount=3",
    );
  });

  it("keeps fields that are called like its own", () => {
    const parsed = JSON.parse(line("json", { level: "low", message: "inner", time: "now" }));
    assert.deepEqual(parsed, {
      time: "2026-11-21T04:05:06.007Z",
      level: "warning",
      message: "backend failed",
      level_: "low",
      message_: "inner",
      time_: "now",
    });
  });

  it("writes errors with code and cause", () => {
    const error = new Error("cannot bind", {
      cause: Object.assign(new Error("busy"), { code: "EADDRINUSE" }),
    });
    assert.deepEqual(JSON.parse(line("json", { error })).error, {
      name: "Error",
      message: "cannot bind",
      cause: { name: "Error", message: "busy", code: "EADDRINUSE" },
    });
  });

  it("ends somewhere for values that contain themselves or are very long", () => {
    const loop: { self?: unknown } = {};
    loop.self = loop;
    assert.ok(line("json", { loop }).length < 200);
    assert.ok(line("json", { text: "x".repeat(1_000_000) }).length < 9_000);
  });

  it("cannot be broken up or made to steer a terminal by what others say", () => {
    const isClean = (text: string): boolean => !/[\p{Cc}\u2028\u2029]/u.test(text);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.anything(), (text, value) => {
        for (const format of ["json", "text", "journal"] as const) {
          assert.ok(isClean(line(format, { text, value, [text]: "x" }, text)));
        }
        assert.equal(JSON.parse(line("json", { text })).text, text);
      }),
    );
  });
});
