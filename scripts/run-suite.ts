/**
 * Runs one test suite and refuses to call silence success.
 *
 * Usage: `node scripts/run-suite.ts unit|kernel|uml|vm|interop|ansible|cluster|chaos [FILE…]`. A suite fails when a test fails, when a
 * test is skipped or still to do, when a file holds no test, and when nothing ran at all. With `TEST_TALLY=FILE` one
 * line `SUITE PASSED FAILED` is appended to that file, from which `.ci/run` makes its last line.
 */
import { appendFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { run } from "node:test";
import { dot, spec } from "node:test/reporters";

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

type Tally = { passed: number; failed: number; readonly complaints: string[] };

/** One finished test, or one finished file when `name` is the file itself. */
type Finished = {
  readonly name: string;
  readonly file?: string;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly details: { readonly type?: string };
};

const isRefused = (flag: string | boolean | undefined): boolean => flag !== undefined && flag !== false;

const count = (tally: Tally, test: Finished, succeeded: boolean): void => {
  if (test.details.type === "suite") return;
  const where = test.file === undefined ? test.name : `${relative(process.cwd(), test.file)}: ${test.name}`;
  const complain = (complaint: string): void => {
    tally.failed += 1;
    tally.complaints.push(complaint);
  };
  if (!succeeded) complain(`failed: ${where}`);
  else if (resolve(test.name) === test.file) complain(`no test in ${relative(process.cwd(), test.file)}`);
  else if (isRefused(test.skip)) complain(`skipped: ${where}`);
  else if (isRefused(test.todo)) complain(`still to do: ${where}`);
  else tally.passed += 1;
};

const runSuite = (suite: Suite, patterns: readonly string[]): Promise<Tally> =>
  new Promise((settle, fail) => {
    const tally: Tally = { passed: 0, failed: 0, complaints: [] };
    const stream = run({
      globPatterns: [...patterns],
      concurrency: !suite.oneByOne,
      timeout: suite.timeout,
    });
    stream.on("test:pass", (test: Finished) => count(tally, test, true));
    stream.on("test:fail", (test: Finished) => count(tally, test, false));
    stream.on("test:summary", ({ file, success }) => {
      if (file !== undefined || success || tally.failed > 0) return;
      tally.failed += 1;
      tally.complaints.push("every test passed, but a hook or a suite around them failed");
    });
    stream.once("error", fail);
    const report = suite.oneByOne ? stream.compose(new spec()) : stream.compose(dot);
    report.once("end", () => settle(tally));
    report.pipe(process.stdout, { end: false });
  });

const main = async (): Promise<number> => {
  const [name = "", ...files] = process.argv.slice(2);
  const suite = SUITES.get(name);
  if (suite === undefined) {
    console.error(`usage: node scripts/run-suite.ts ${[...SUITES.keys()].join("|")} [FILE…]`);
    return 2;
  }
  const tally = await runSuite(suite, files.length > 0 ? files : suite.patterns);
  if (tally.passed + tally.failed === 0) {
    tally.failed = 1;
    tally.complaints.push("nothing ran");
  }
  for (const complaint of tally.complaints) console.error(`${name}: ${complaint}`);
  console.log(`${name}: ${tally.passed} passed, ${tally.failed} failed`);
  const book = process.env.TEST_TALLY;
  if (book !== undefined) appendFileSync(book, `${name} ${tally.passed} ${tally.failed}\n`);
  return tally.failed === 0 ? 0 : 1;
};

process.exitCode = await main();
