import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { parseAddress } from "#base/address";
import { type Duration, millis, seconds } from "#base/time";
import { openChecks } from "./linux.ts";
import type { ProbeOutcome, ProbeRequest } from "./port.ts";

const run = (
  command: readonly string[],
  timeout: Duration = seconds(20),
  target?: NonNullable<ProbeRequest["target"]>,
): Promise<ProbeOutcome> => {
  const probe = { type: "script", command } as const;
  return openChecks().probe(target === undefined ? { probe, timeout } : { probe, target, timeout });
};

const shell = (text: string, timeout?: Duration): Promise<ProbeOutcome> =>
  run(["/bin/sh", "-c", text], timeout);
const detailOf = (outcome: ProbeOutcome): string =>
  outcome.ok ? "ok" : `${outcome.reason}: ${outcome.detail}`;

/** Whether a process still runs; one that is dead but not yet reaped by its new parent does not. */
const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

describe("script check", () => {
  it("succeeds with exit status 0", async () => {
    assert.equal(detailOf(await run(["true"])), "ok");
  });

  it("fails with any other status and shows what the script said, on either stream", async () => {
    const outcome = await shell("echo to stdout; echo to stderr >&2; exit 3");
    assert.match(detailOf(outcome), /^exit: exit status 3: /);
    assert.match(detailOf(outcome), /to stdout/);
    assert.match(detailOf(outcome), /to stderr/);
  });

  it("says which signal ended it", async () => {
    assert.equal(detailOf(await shell("kill -SEGV $$")), "exit: killed by SIGSEGV");
  });

  it("keeps the last 4 kB of a long output", async () => {
    const outcome = await shell("i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; exit 1");
    const detail = detailOf(outcome);
    assert.ok(detail.endsWith("line 1999"), detail);
    assert.ok(detail.length <= 4_096 + 40);
  });

  it("passes arguments as they are, without a shell", async () => {
    const outcome = await run(["/bin/sh", "-c", 'echo "$1"; exit 1', "name", "$HOME; `id` *"]);
    assert.equal(detailOf(outcome), "exit: exit status 1: $HOME; `id` *");
  });

  it("passes no environment on but the backend and a path", async () => {
    const address = parseAddress("192.0.2.7") ?? assert.fail();
    const outcome = await run(["/usr/bin/env", "-u", "PATH", "/bin/sh", "-c", "env; exit 1"], seconds(20), {
      address,
      port: 8080,
    });
    const lines = detailOf(outcome).replace("exit: exit status 1: ", "").split("\n");
    const names = lines.map((line) => line.split("=")[0]).filter((name) => name !== "PWD" && name !== "_");
    assert.deepEqual(names.sort(), ["LC_ALL", "STEELYARD_ADDRESS", "STEELYARD_PORT"]);
    assert.ok(lines.includes("STEELYARD_ADDRESS=192.0.2.7"));
  });

  it("is not started when there is no such program, or it may not run", async () => {
    assert.match(detailOf(await run(["/nonexistent/check"])), /^not-started: \/nonexistent\/check: .*ENOENT/);
    assert.match(detailOf(await run(["/etc/passwd"])), /^not-started: .*EACCES/);
  });

  it("is killed at the timeout together with everything it started", async () => {
    const outcome = await shell("sleep 1000 & echo $!; wait", millis(500));
    const detail = detailOf(outcome);
    const child = Number(/last output: (\d+)/.exec(detail)?.[1]);
    assert.match(detail, /^timeout: the end of the script \(last output: \d+\) did not come within 500ms$/);
    while (isAlive(child)) await new Promise((resolve) => setImmediate(resolve));
  });

  it("is over when it exits, although something it left behind holds its output open", async () => {
    const detail = detailOf(await shell("sleep 60 & echo $!; exit 1"));
    const left = Number(/^exit: exit status 1: (\d+)$/.exec(detail)?.[1]);
    assert.ok(left > 1, detail);
    process.kill(left);
  });

  it("reads end of file where others have a terminal", async () => {
    assert.equal(detailOf(await shell("cat; exit 0")), "ok");
  });
});
