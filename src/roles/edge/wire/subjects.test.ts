import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import type { HealthCheckConfig } from "#core/health/config";
import type { ProbeFailure } from "#core/health/probe";
import { createFakeChecks, failedWith, passed } from "#drivers/check/fake";
import type { CheckPort, ProbeOutcome } from "#drivers/check/port";
import { fakeClock } from "#drivers/clock/fake";
import { createDeadlines } from "#runtime/deadlines";
import { address } from "#testing/values";
import { checkSubjects, createSubjects, serverSubjects } from "./subjects.ts";

const HEALTH: HealthCheckConfig = {
  probe: { type: "tcp" },
  ...{ interval: seconds(1), timeout: millis(500), retries: 0, retryDelay: millis(0), rise: 1, fall: 1 },
};

const server = (name: string, hosts: readonly number[], health: HealthCheckConfig | undefined = HEALTH) => {
  const made: VirtualServer = {
    ...{ name, address: address("192.0.2.100"), protocol: "tcp", ports: onePort(80), mode: "masquerade" },
    scheduler: { type: "round-robin" },
    backends: hosts.map((host) => ({
      name: `b${host}`,
      address: address(`192.0.2.${host}`),
      port: 8080,
      weight: 1,
    })),
  };
  return health === undefined ? made : { ...made, health };
};

const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

const bench = (checks: CheckPort) => {
  const told: string[] = [];
  const clock = fakeClock({ onWake: () => deadlines.runDue() });
  const deadlines = createDeadlines(clock);
  const subjects = createSubjects({
    ...{ clock, deadlines, checks },
    cutOff: () => undefined,
    onPardon: () => {},
    onTransition: ({ id }, { from, to }) => told.push(`${id} ${from}>${to}`),
    onSilence: ({ id }, { reason }) => told.push(`${id} is silent: ${reason}`),
    onNote: ({ id }, note) => told.push(`${id} says ${note ?? "nothing"}`),
  });
  return {
    subjects,
    clock,
    told: () => told.splice(0),
    run: async (duration = seconds(1)): Promise<void> => {
      clock.advance(duration);
      await settle();
    },
  };
};

describe("checked subjects", () => {
  it("are the backends of servers with a health check, at its port or their own", () => {
    assert.deepEqual(
      serverSubjects([server("web", [11]), server("dns", [12], { ...HEALTH, port: 99 })]).map(
        ({ id, target }) => `${id} ${target?.port}`,
      ),
      ["backend web/b11 8080", "backend dns/b12 99"],
    );
    const { health: _health, ...unchecked } = server("raw", [13]);
    assert.deepEqual(serverSubjects([unchecked]), []);
  });

  it("are unknown until the first answer, and all known after it", async () => {
    const { subjects, run, told } = bench(createFakeChecks());
    subjects.reconcile([...serverSubjects([server("web", [11, 12])]), ...checkSubjects([])]);
    assert.equal(subjects.verdict("backend web/b11"), "unknown");
    assert.equal(subjects.allKnown(), false);
    await run();
    assert.equal(subjects.allKnown(), true);
    assert.deepEqual(told().sort(), ["backend web/b11 unknown>healthy", "backend web/b12 unknown>healthy"]);
  });

  it("that did not change keep their verdict and their schedule", async () => {
    const checks = createFakeChecks();
    const { subjects, run, clock } = bench(checks);
    subjects.reconcile(serverSubjects([server("web", [11])]));
    await run();
    const wakeAt = clock.wakeAt;
    subjects.reconcile(serverSubjects([server("web", [11])]));
    assert.equal(clock.wakeAt, wakeAt);
    assert.equal(subjects.verdict("backend web/b11"), "healthy");
  });

  it("keep their verdict under another schedule, and lose it at another address", async () => {
    const { subjects, run } = bench(createFakeChecks());
    subjects.reconcile(serverSubjects([server("web", [11])]));
    await run();
    subjects.reconcile(serverSubjects([server("web", [11], { ...HEALTH, interval: seconds(5) })]));
    assert.equal(subjects.verdict("backend web/b11"), "healthy");
    const moved = server("web", [11]);
    subjects.reconcile(
      serverSubjects([
        { ...moved, backends: moved.backends.map((one) => ({ ...one, address: address("192.0.2.99") })) },
      ]),
    );
    assert.equal(subjects.verdict("backend web/b11"), "unknown");
  });

  it("are drained while they say no, and given up when they are silent", async () => {
    const reasons: Record<string, ProbeFailure | undefined> = {};
    const checks = createFakeChecks();
    checks.answerWith(({ target }) => {
      const reason = reasons[target?.address ?? ""];
      return reason === undefined ? passed() : failedWith(reason);
    });
    const { subjects, run, told } = bench(checks);
    const rounds = async (): Promise<void> => {
      for (let step = 0; step < 100; step += 1) await run(millis(100));
    };
    subjects.reconcile(serverSubjects([server("web", [11, 12])]));
    await run();
    for (const [reason, reported] of [
      ["status", "draining"],
      ["refused", "draining"],
      ["timeout", "unavailable"],
      ["refused", "unavailable"],
      [undefined, "available"],
    ] as const) {
      reasons["192.0.2.11"] = reason;
      await rounds();
      assert.equal(subjects.report("backend web/b11"), reported, reason);
    }
    assert.deepEqual(
      told().filter((line) => line.includes("silent")),
      ["backend web/b11 is silent: timeout"],
    );
    Object.assign(reasons, { "192.0.2.11": "status", "192.0.2.12": "timeout" });
    await rounds();
    assert.equal(subjects.report("backend web/b11"), "doubtful-draining");
    assert.equal(subjects.report("backend web/b12"), "doubtful");
  });

  it("say what a good answer does not show, and when it does, without a change of verdict", async () => {
    let note: string | undefined = "status 401";
    const { subjects, run, told } = bench({
      probe: async () => ({ ...passed(), ...(note === undefined ? {} : { note }) }),
    });
    subjects.reconcile(serverSubjects([server("web", [11])]));
    await run();
    assert.deepEqual(told(), ["backend web/b11 unknown>healthy"]);
    const rounds = async (): Promise<void> => {
      for (let step = 0; step < 100; step += 1) await run(millis(100));
    };
    note = undefined;
    await rounds();
    assert.deepEqual(told(), ["backend web/b11 says nothing"]);
    await rounds();
    assert.deepEqual(told(), []);
  });

  it("are not judged by answers about their past", async () => {
    const waiting: ((outcome: ProbeOutcome) => void)[] = [];
    const { subjects, run, told } = bench({ probe: () => new Promise((resolve) => waiting.push(resolve)) });
    subjects.reconcile(serverSubjects([server("web", [11])]));
    await run(millis(300));
    assert.equal(waiting.length, 1);
    subjects.reconcile(serverSubjects([server("web", [11], { ...HEALTH, port: 99 })]));
    waiting[0]?.(failedWith("refused"));
    await settle();
    assert.deepEqual(told(), []);
    await run(millis(300));
    subjects.reconcile([]);
    waiting[1]?.(passed());
    await settle();
    assert.deepEqual(told(), []);
    assert.equal(subjects.verdict("backend web/b11"), "unknown");
  });

  it("that are closed are asked no more", async () => {
    const checks = createFakeChecks();
    const { subjects, run, clock } = bench(checks);
    subjects.reconcile(serverSubjects([server("web", [11, 12, 13])]));
    subjects.close();
    await run(seconds(10));
    assert.deepEqual(checks.asked, []);
    assert.equal(clock.wakeAt, undefined);
  });
});
