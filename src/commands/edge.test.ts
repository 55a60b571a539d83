import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Command } from "commander";
import fc from "fast-check";
import { plainOptions } from "#roles/edge/arguments";
import type { EdgeOptions } from "#roles/edge/options";
import { addEdge } from "./edge.ts";

/** What the parser for people makes of the words; `undefined` when it refuses them. */
const parse = async (words: readonly string[]): Promise<EdgeOptions | undefined> => {
  let options: EdgeOptions | undefined;
  const program = new Command("steelyard").enablePositionalOptions().exitOverride();
  program.configureOutput({ writeOut: () => {}, writeErr: () => {} });
  addEdge(program, async (given) => {
    options = given;
  });
  for (const command of program.commands)
    command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} });
  try {
    await program.parseAsync(["edge", ...words], { from: "user" });
  } catch {
    return undefined;
  }
  return options;
};

const VALUES = [
  ...["a.yaml", "/etc/steelyard", "a b", "", "-", "--", "-x", "--admin", "--no-realtime", "a=b", "=", "help"],
  ...["text", "json", "info", "debug", "Info", "nftables", "ipvs", "xdp", "eth0"],
  ...["0", "1", "255", "256", "1.5", "0x10", "1e2", " 7", "seven"],
  ...["0s", "5s", "10m", "11m", "1.5s"],
];
const NAMES = [
  ...["-c", "--config", "--admin", "--runtime-dir", "--log-format", "--log-level", "--engine"],
  ...["--ipvs-sync", "--ipvs-sync-id", "--bgp-drain"],
];
const ODD = [
  "-ca",
  "--config=a",
  "--admin=",
  "--help",
  "-h",
  "--version",
  "--",
  "stray",
  "--conf",
  "toString",
];

const value = fc.constantFrom(...VALUES);
const words = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: fc.tuple(fc.constantFrom(...NAMES), value).map((pair) => [...pair]) },
      { weight: 2, arbitrary: fc.constantFrom(["--realtime"], ["--no-realtime"]) },
      { weight: 1, arbitrary: fc.constantFrom(...ODD, ...NAMES).map((word) => [word]) },
    ),
    { maxLength: 6 },
  )
  .map((parts) => ["--config", "edge.yaml", ...parts.flat()]);

describe("words that an edge reads without the parser for people", () => {
  it("mean the same to it", async () => {
    let plain = 0;
    await fc.assert(
      fc.asyncProperty(words, async (given) => {
        const options = plainOptions(given);
        if (options === undefined) return;
        plain += 1;
        assert.deepEqual(options, await parse(given));
      }),
      { numRuns: 2_000 },
    );
    assert.ok(plain > 100, `only ${plain} were read`);
  });

  it("are those that a service manager has", async () => {
    const given = ["--config", "/etc/steelyard", "--log-format", "json", "--engine", "ipvs", "--no-realtime"];
    const options = plainOptions([
      ...given,
      "--ipvs-sync",
      "eth1",
      "--ipvs-sync-id",
      "7",
      "-c",
      "more.yaml",
      "--bgp-drain",
      "90s",
    ]);
    assert.deepEqual(options, {
      config: ["/etc/steelyard", "more.yaml"],
      admin: "/run/steelyard/edge.sock",
      runtimeDirectory: "/run/steelyard",
      program: "edge",
      logFormat: "json",
      logLevel: "info",
      realtime: "never",
      engine: "ipvs",
      bgpDrain: 90_000,
      ipvsSync: { interface: "eth1", id: 7 },
    });
  });

  for (const given of [
    [],
    ["--help"],
    ["--config"],
    ["--config", "--admin"],
    ["--config=a"],
    ["-c", "a", "stray"],
    ["-c", "a", "--engine", "none"],
    ["-c", "a", "--ipvs-sync-id", "0"],
    ["-c", "a", "--toString", "b"],
    ["-c", "a", "toString", "b"],
  ]) {
    it(`are not ${JSON.stringify(given)}: those it has to explain`, () => {
      assert.equal(plainOptions(given), undefined);
    });
  }
});
