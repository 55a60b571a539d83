/** The demonstration for who is not root, and for who does not wait for its end. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { until } from "./edge-bed.ts";
import { emptied, namespaceOf } from "./lab-bed.ts";
import { asOrdinaryUser, outside } from "./outside.ts";

const MAIN = join(import.meta.dirname, "../../dist/main.js");
const folder = mkdtempSync(join(tmpdir(), "demo-test-"));
after(() => rmSync(folder, { recursive: true }));

/** Where a program would put its files, if it had any. */
const ELSEWHERE = { TMPDIR: folder, XDG_RUNTIME_DIR: folder, HOME: folder };

const start = (command: readonly string[]): ChildProcess => {
  const [program = "", ...args] = command;
  return spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...ELSEWHERE },
    // A group of its own, as a shell gives each command: Ctrl-C reaches all of it.
    detached: true,
  });
};

/** What it says until it ends, and how it ended; `onText` hears everything that was said so far. */
const ended = (program: ChildProcess, onText: (text: string) => void = () => undefined) =>
  new Promise<{ readonly code: number | null; readonly signal: string | null; readonly said: string }>(
    (resolve) => {
      let said = "";
      for (const stream of [program.stdout, program.stderr])
        stream?.setEncoding("utf8").on("data", (piece: string) => {
          said += piece;
          onText(said);
        });
      program.once("close", (code, signal) => resolve({ code, signal, said }));
    },
  );

const numbersOf = (): readonly number[] =>
  readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);

const parentOf = (pid: number): number | undefined => {
  try {
    return Number(
      readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ")[1],
    );
  } catch {
    return undefined; // It has ended meanwhile.
  }
};

/** Everything that somebody has started, and what that has started. */
const descendants = (ancestor: number): readonly number[] => {
  const children = numbersOf().filter((pid) => parentOf(pid) === ancestor);
  return [...children, ...children.flatMap(descendants)];
};

const isThere = (pid: number): boolean => parentOf(pid) !== undefined;

/** The process namespaces that these have for themselves. */
const namespacesOf = (pids: readonly number[]): readonly string[] => {
  const all = new Set(pids.filter(isThere).map(namespaceOf));
  all.delete(namespaceOf(process.pid));
  return [...all];
};

/** The core of the demonstration: real edges, real requests, and one takeover in the middle of downloads. */
const CORE = `
  import { runDemo, summarize, VIRTUAL_ADDRESSES } from "#lab/demo/index";
  import { openLab, standardTopology } from "#lab/index";
  const lab = await openLab(standardTopology({ directReturn: VIRTUAL_ADDRESSES }));
  const edgeCommand = (config) => [process.execPath, process.env.MAIN, "edge", "--config", config];
  const rows = summarize(await runDemo(lab, { edgeCommand, say: () => undefined, incidents: 1 }));
  await lab.close();
  console.log(JSON.stringify({ user: process.getuid(), rows }));
`;

describe("the demonstration", () => {
  it("runs for an ordinary user, where the kernel gives such a user namespaces: real edges, requests, downloads and a takeover", async () => {
    const before = outside();
    const core = [process.execPath, "--input-type=module-typescript", "--eval", CORE];
    const command = [...asOrdinaryUser(), "env", `MAIN=${MAIN}`, ...core];
    const { code, said } = await ended(start(command));
    assert.equal(code, 0, said);
    const { user, rows } = JSON.parse(said);
    assert.notEqual(user, 0);
    const [quiet, silent] = rows;
    // Whether all is as promised the demonstration itself says, on a machine that has time for it.
    for (const { requests, errors } of [quiet, silent])
      assert.ok(requests > 0 && errors < requests / 2, said);
    assert.ok(silent.settledAfter > 0);
    assert.ok(silent.downloads.all === 20 && silent.downloads.whole > 0, said);
    assert.deepEqual(outside(), before);
  });

  for (const [when, line, least] of [
    ["while it builds the network", /building the network/, 2],
    ["in the middle of downloads, just when an edge goes silent", /e1 goes silent/, 15],
  ] as const) {
    it(`leaves nothing behind when Ctrl-C ends it ${when}`, async () => {
      const before = outside();
      const demo = start([process.execPath, MAIN, "demo"]);
      const { pid = 0 } = demo;
      assert.ok(pid > 1);
      let said = "";
      const end = ended(demo, (text) => {
        said = text;
      });
      const hasSaid = async (): Promise<boolean> => line.test(said);
      await until(`says ${line.source}`, hasSaid, { withinMs: 30_000, seen: () => said });
      const family = await until(`has started ${least} processes`, async () => {
        const all = descendants(pid);
        return all.length >= least && all;
      });
      const namespaces = namespacesOf(family);
      process.kill(-pid, "SIGINT");
      const { code, signal } = await end;
      assert.ok(code === 130 || signal === "SIGINT", `${code} ${signal}: ${said}`);
      assert.doesNotMatch(said, /\n {4}at |PROMISED/);
      await until("its processes are gone", async () => !family.some(isThere));
      for (const namespace of namespaces) await emptied(namespace);
      assert.deepEqual(outside(), before);
      assert.deepEqual(readdirSync(folder), []);
    });
  }
});
