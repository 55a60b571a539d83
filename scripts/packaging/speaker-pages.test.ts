import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseAllDocuments } from "yaml";
import { type Duration, toMillis } from "#base/time";
import { formatObjectProblem } from "#core/metallb/problem";
import { readConfiguration } from "#core/metallb/read";
import { DEFAULT_OWNERSHIP } from "#core/ownership/config";
import { boundsOf, detectionTime } from "#core/ownership/timing";
import { at, named, objects } from "./objects.ts";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/announce.md"), "utf8");

/** What `steelyard speaker` says with these arguments to the question for help: why it does not understand them, or its help. */
const answerTo = (args: readonly string[]): { readonly status: number | null; readonly text: string } => {
  const command = [join(root, "src/main.ts"), "speaker", ...args, "--help"];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
  return { status, text: stdout + stderr };
};

const speakerOptions = (): readonly string[] =>
  Array.from(answerTo([]).text.matchAll(/^ {2}(?:-\w, )?(--[a-z][a-z-]+)/gm), ([, name = ""]) => name);

describe("the page about announcing", () => {
  it("explains every option of steelyard speaker, and none that it has not", () => {
    const table = page.slice(page.indexOf("## The command line"), page.indexOf("## What it may do"));
    const explained = Array.from(table.matchAll(/(?<=[`|, ])(--[a-z][a-z-]+)/g), ([, name = ""]) => name);
    const options = speakerOptions();
    assert.ok(options.length >= 14);
    assert.deepEqual([...new Set(explained)].sort(), options.filter((name) => name !== "--help").toSorted());
  });

  it("promises the times that follow from the configuration", () => {
    const { takeOver } = boundsOf(DEFAULT_OWNERSHIP);
    const inSeconds = (duration: Duration): string => `${(toMillis(duration) / 1_000).toFixed(2)} s`;
    assert.ok(page.includes(`| ${inSeconds(takeOver.median)}, ${inSeconds(takeOver.latest)} at most |`));
    assert.ok(page.includes(`of which ${inSeconds(detectionTime(DEFAULT_OWNERSHIP))} to be sure`));
    assert.ok(page.includes(`and ${inSeconds(DEFAULT_OWNERSHIP.holdOff)} for one`));
    assert.ok(page.includes(`after ${toMillis(DEFAULT_OWNERSHIP.settle) / 1_000} s`));
  });

  it("names the port at which the chart has speakers listen", () => {
    const daemonSet = named(objects(), "DaemonSet");
    const port = at(daemonSet, "spec", "template", "spec", "containers", 0, "ports", 0, "containerPort");
    assert.ok(page.includes(`| \`--listen ADDRESS\` | \`:${port}\` |`));
    assert.match(answerTo([]).text, new RegExp(`--listen <address> +[^(]*\\(default: :${port}\\)`));
  });
});

describe("the arguments that the chart passes to speakers", () => {
  for (const speaker of [
    {},
    { rules: "metallb", spread: 1.25, ignoreExcludeLabel: true, probe: false },
    { bgp: { engine: "frr", frr: { image: "example.org/steelyard-frr:1" }, listenPort: 179 } },
    { secret: { enabled: false }, extraArgs: ["--refresh=60s", "--without-gateway=withdraw"] },
  ]) {
    it(`are understood with ${JSON.stringify(speaker)}`, () => {
      const daemonSet = named(objects({ speaker, loadBalancerClass: "example.org/lan" }), "DaemonSet");
      const args = at(daemonSet, "spec", "template", "spec", "containers", 0, "args");
      assert.ok(Array.isArray(args));
      const [command, ...options] = args.map(String);
      assert.equal(command, "speaker");
      const { status, text } = answerTo(options);
      assert.equal(status, 0, text);
      // Beside the question for help the command passes over what it does not know.
      const known = speakerOptions();
      assert.deepEqual(
        options.filter((option) => !known.includes(option.split("=")[0] ?? "")),
        [],
      );
    });
  }

  it("would be refused if they were wrong", () => {
    for (const wrong of ["--rules=other", "--spread=0", "--listen=9122"])
      assert.match(answerTo([wrong]).text, /^error: /, wrong);
  });
});

describe("the examples of announcing", () => {
  const examples = globSync("examples/pools/announce/*.yaml", { cwd: root }).sort();

  it("are there", () => assert.ok(examples.length >= 4));

  for (const example of examples) {
    it(`${example} is a valid configuration in which every pool is announced`, () => {
      const text = readFileSync(join(root, example), "utf8");
      const read = readConfiguration({
        objects: parseAllDocuments(text).map((document) => document.toJS()),
        namespaces: new Map(),
      });
      assert.ok(read.ok, read.ok ? "" : read.problems.map(formatObjectProblem).join("\n"));
      assert.deepEqual(read.warnings, []);
      const announced = new Set(read.configuration.l2Advertisements.flatMap(({ pools }) => [...pools]));
      assert.deepEqual([...announced].sort(), read.configuration.pools.map(({ name }) => name).sort());
    });
  }
});
