/**
 * Runs one test suite and refuses to call silence success.
 *
 * Usage: `node scripts/run-suite.ts unit|kernel|uml|vm|interop|ansible|cluster|chaos [--again N] [FILE…]`. A suite fails when a test
 * fails, when a test is skipped or still to do, when a file holds no test, and when nothing ran at all. With
 * `TEST_TALLY=FILE` one line `SUITE PASSED FAILED` is appended to that file, from which `.ci/run` makes its last line.
 *
 * `--again N`: real kernels and real peers take their time, and a machine that does something else for a second fails a
 * test that is right. If no more than N files failed, each is run once more, whole, and that counts; what failed at first is said
 * at the end.
 */
import { appendFileSync } from "node:fs";
import { run } from "node:test";
import { dot, spec } from "node:test/reporters";
import { parseArgs } from "node:util";
import { type Finished, Tally } from "./tally.ts";

type Suite = {
  readonly patterns: readonly string[];
  /** Kernel and peer tests build networks and measure time, so they run one file after the other. */
  readonly oneByOne: boolean;
  /** Longest time for one file, in milliseconds. */
  readonly timeout: number;
};

const SUITES: ReadonlyMap<string, Suite> = new Map([
  [
    "unit",
    {
      patterns: ["src/**/*.test.ts", "native/**/*.test.ts", "scripts/**/*.test.ts", "bench/**/*.test.ts"],
      oneByOne: false,
      timeout: 120_000,
    },
  ],
  ["kernel", { patterns: ["test/kernel/**/*.test.ts"], oneByOne: true, timeout: 600_000 }],
  // With the programs that scripts/kubernetes.ts finds.
  ["cluster", { patterns: ["test/cluster/**/*.test.ts"], oneByOne: true, timeout: 600_000 }],
  ["chaos", { patterns: ["test/chaos/**/*.test.ts"], oneByOne: true, timeout: 600_000 }],
  // Inside user-mode Linux: scripts/run-in-uml.ts.
  ["uml", { patterns: ["test/uml/**/*.test.ts"], oneByOne: true, timeout: 600_000 }],
  // Inside a virtual machine: scripts/run-in-vm.ts. Everything is emulated there.
  ["vm", { patterns: ["test/vm/**/*.test.ts"], oneByOne: true, timeout: 900_000 }],
  ["interop", { patterns: ["test/interop/**/*.test.ts"], oneByOne: true, timeout: 900_000 }],
  // Machines with systemd, in namespaces.
  ["ansible", { patterns: ["test/ansible/**/*.test.ts"], oneByOne: true, timeout: 900_000 }],
]);

const runSuite = (suite: Suite, patterns: readonly string[]): Promise<Tally> =>
  new Promise((settle, fail) => {
    const tally = new Tally();
    const stream = run({
      globPatterns: [...patterns],
      concurrency: !suite.oneByOne,
      timeout: suite.timeout,
    });
    stream.on("test:pass", (test: Finished) => tally.count(test, true));
    stream.on("test:fail", (test: Finished) => tally.count(test, false));
    stream.on("test:summary", ({ file, success }) => {
      if (file === undefined && !success) tally.isUnexplained();
    });
    stream.once("error", fail);
    const report = suite.oneByOne ? stream.compose(new spec()) : stream.compose(dot);
    report.once("end", () => settle(tally));
    report.pipe(process.stdout, { end: false });
  });

/** Runs the files again in which something failed, if they are few; gives what counts then, and what failed at first. */
const runAgain = async (
  suite: Suite,
  first: Tally,
  most: number,
): Promise<{ readonly tally: Tally; readonly unsteady: readonly string[] }> => {
  const files = first.failedFiles();
  if (files === undefined || files.length === 0 || files.length > most) return { tally: first, unsteady: [] };
  console.log(`once more: ${files.join(" ")}`);
  const second = await runSuite(suite, files);
  return { tally: first.replaced(files, second), unsteady: first.complaints() };
};

const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { again: { type: "string", default: "0" } },
  });
  const [name = "", ...files] = positionals;
  const suite = SUITES.get(name);
  if (suite === undefined) {
    console.error(`usage: node scripts/run-suite.ts ${[...SUITES.keys()].join("|")} [--again N] [FILE…]`);
    return 2;
  }
  const first = await runSuite(suite, files.length > 0 ? files : suite.patterns);
  const { tally, unsteady } = await runAgain(suite, first, Number(values.again));
  if (tally.passed + tally.failed === 0) tally.complain("nothing ran");
  for (const complaint of unsteady) console.error(`${name}: at first: ${complaint}`);
  for (const complaint of tally.complaints()) console.error(`${name}: ${complaint}`);
  console.log(`${name}: ${tally.passed} passed, ${tally.failed} failed`);
  const book = process.env.TEST_TALLY;
  if (book !== undefined) appendFileSync(book, `${name} ${tally.passed} ${tally.failed}\n`);
  return tally.failed === 0 ? 0 : 1;
};

process.exitCode = await main();
