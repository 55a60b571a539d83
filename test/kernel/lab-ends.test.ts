import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openLab } from "#lab/lab";
import { explainRefusal } from "#lab/requirements";
import { emptied, namespaceOf, processesOf } from "./lab-bed.ts";
import { asOrdinaryUser, outside } from "./outside.ts";

const state = mkdtempSync(join(tmpdir(), "lab-test-"));
after(() => rmSync(state, { recursive: true }));

/** A program that opens a lab, starts something in it, tells the lab's first pid and then waits. */
const OPENER = `
  import { openLab } from "#lab/lab";
  import { startServers } from "#lab/probe/start";
  const lab = await openLab();
  await startServers(lab.host("n1"));
  await lab.host("e1").spawn(["sh", "-c", "trap '' TERM INT HUP; sleep 600 & wait"]);
  console.log(lab.pid);
  setInterval(() => {}, 1_000);
`;

const startOpener = async (command: readonly string[] = []): Promise<Opened> => {
  const node = [process.execPath, "--input-type=module-typescript", "--eval", OPENER];
  const [program = "", ...args] = [...command, ...node];
  const opener = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const said = await new Promise<string>((resolve) => {
    opener.stdout?.once("data", (text) => resolve(String(text)));
    opener.once("close", () => resolve(""));
  });
  assert.match(said, /^\d+\n$/);
  return { opener, pid: Number(said) };
};

/** SIGKILL to one process; 0, which would mean our whole group, is refused. */
const killHard = (pid: number | undefined): void => {
  assert(pid !== undefined && pid > 1, `not a process: ${pid}`);
  process.kill(pid, "SIGKILL");
};

const parentOf = (pid: number): number =>
  Number(
    readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")[1],
  );

const commandOf = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");

type Opened = { readonly opener: ChildProcess; readonly pid: number };

const VICTIMS: readonly (readonly [string, (lab: Opened) => number | undefined])[] = [
  ["whoever opened it", ({ opener }) => opener.pid],
  ["the program that made the namespaces", ({ pid }) => parentOf(pid)],
  ["its first process", ({ pid }) => pid],
  [
    "its holder",
    ({ pid }) =>
      processesOf(namespaceOf(pid)).find((each) => parentOf(each) === pid && /holder/.test(commandOf(each))),
  ],
];

describe("a lab ends with nothing left behind", () => {
  for (const [victim, pick] of VICTIMS) {
    it(`when ${victim} is killed with SIGKILL`, async () => {
      const before = outside();
      const lab = await startOpener();
      const namespace = namespaceOf(lab.pid);
      assert(processesOf(namespace).length > 10);
      killHard(pick(lab));
      await emptied(namespace);
      lab.opener.kill("SIGKILL");
      assert.deepEqual(outside(), before);
    });
  }

  it("when it is closed", async () => {
    const before = outside();
    const lab = await openLab();
    const namespace = namespaceOf(lab.pid);
    const lost = await lab.host("e1").spawn(["sleep", "600"]);
    await lab.close();
    assert.deepEqual(processesOf(namespace), []);
    assert.deepEqual(await lost.exited, { code: null, signal: "SIGKILL" });
    await assert.rejects(lab.host("e1").run(["true"]), /closed/);
    assert.deepEqual(outside(), before);
  });

  it("also for an ordinary user, where the kernel gives such a user namespaces", async () => {
    const { opener, pid } = await startOpener(asOrdinaryUser()).catch((error: unknown) => {
      throw new Error(explainRefusal(false), { cause: error });
    });
    assert.match(readFileSync(`/proc/${pid}/status`, "utf8"), /^Uid:\t(?!0\t)/m);
    const namespace = namespaceOf(pid);
    opener.kill("SIGKILL");
    await emptied(namespace);
  });
});

describe("steelyard lab", () => {
  const run = (...args: readonly string[]): { code: number; stdout: string; stderr: string } => {
    try {
      const stdout = execFileSync(process.execPath, ["src/main.ts", "lab", ...args], {
        encoding: "utf8",
        env: { ...process.env, XDG_RUNTIME_DIR: state },
        stdio: ["ignore", "pipe", "pipe"],
      });
      return { code: 0, stdout, stderr: "" };
    } catch (error) {
      assert(error instanceof Error && "status" in error && "stdout" in error && "stderr" in error);
      return { code: Number(error.status), stdout: String(error.stdout), stderr: String(error.stderr) };
    }
  };

  after(() => {
    for (const name of ["lab", "one", "two"]) run("down", "--name", name);
  });

  it("keeps two labs of different names apart and ends each without a trace", () => {
    assert.equal(run("up", "--name", "one").code, 0);
    assert.equal(run("up", "--name", "two").code, 0);
    assert.match(run("up", "--name", "one").stderr, /is up already: steelyard lab down --name one/);
    assert.equal(
      run("exec", "--name", "one", "e1", "--", "ip", "link", "add", "mark", "type", "bridge").code,
      0,
    );
    assert.equal(run("exec", "--name", "one", "e1", "ip", "link", "show", "mark").code, 0);
    assert.equal(run("exec", "--name", "two", "e1", "ip", "link", "show", "mark").code, 1);
    assert.match(run("status", "--name", "two").stdout, /^up: one, two$/m);
    assert.equal(run("down", "--name", "one").code, 0);
    assert.match(run("status", "--name", "two").stdout, /^up: two$/m);
    assert.equal(run("down", "--name", "two").code, 0);
    assert.deepEqual(readdirSync(state), []);
  });

  it("passes a command's options, input and exit code through", () => {
    run("up");
    assert.equal(run("exec", "cl", "--", "sh", "-c", "exit 7").code, 7);
    assert.equal(run("exec", "cl", "--", "hostname", "--name").code === 0, false);
    assert.match(run("exec", "nowhere", "true").stderr, /no host nowhere; there are/);
    assert.match(run("fault", "explode", "e1").stderr, /no such fault; these exist:\n {2}silence HOST/);
    assert.equal(run("fault", "silence", "e1").code, 0);
    assert.match(run("status").stdout, /fault: e1 is silent/);
    assert.equal(run("down").code, 0);
  });

  it("ends a lab that nobody can find any more", async () => {
    run("up");
    const namespace = namespaceOf(Number(/first process (\d+)/.exec(run("status").stdout)?.[1]));
    rmSync(join(state, `steelyard-lab-${process.getuid?.()}`), { recursive: true });
    await emptied(namespace);
  });

  it("sweeps up after a lab that was killed, and takes its name again", () => {
    run("up");
    killHard(Number(/first process (\d+)/.exec(run("status").stdout)?.[1]));
    assert.equal(run("status").stdout, "no lab is up\n");
    assert.equal(run("up").code, 0);
    assert.equal(run("down").code, 0);
    assert.match(run("down").stderr, /lab lab is not up/);
    assert.deepEqual(readdirSync(state), []);
  });
});
