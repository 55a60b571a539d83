import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { wallTime } from "#base/time";
import type { Event } from "#core/observation/event";
import { emptyView, project, type View } from "#core/observation/view";
import type { ChildExit } from "#drivers/ipc/child";
import { createJournal, type Journal } from "#runtime/journal";
import type { AgentToWire } from "../messages.ts";
import { type AgentProcess, startAgent } from "./agent-process.ts";

const CHANNEL = fileURLToPath(new URL("../../../drivers/ipc/channel.ts", import.meta.url));

/**
 * A child that reports everything it hears as a `refused`, whose problems are the message's type and figures. It does
 * what its first argument says, a function body with `send`, `quit` and `socket`.
 */
const SCRIPT = `
  import { Socket } from "node:net";
  import { openChannel } from ${JSON.stringify(CHANNEL)};
  const socket = new Socket({ fd: 3 });
  const say = (...problems) => channel.send({ type: "refused", problems: problems.map(String) });
  const channel = openChannel(socket, {
    onMessage(message) {
      if (message.type === "stop") process.exit(0);
      if (message.type === "snapshot")
        say("snapshot", message.view.sequence, message.told, message.recent.map((one) => one.sequence).join(","));
      else if (message.type === "observation") say("observation", message.observation.sequence);
      else if (message.type === "counts") say("counts", JSON.stringify(message.counts));
      else say(message.type);
    },
    onClose: () => process.exit(0),
  });
  new Function("socket", "channel", process.argv[1])(socket, channel);
`;

const HELLO = `channel.send({ type: "hello", pid: process.pid, version: "test" });`;

const SAY_PID = `channel.send({ type: "refused", problems: ["pid", String(process.pid)] });`;

type Bench = {
  readonly journal: Journal<Event, View>;
  readonly agent: AgentProcess;
  readonly exits: ChildExit[];
  /** Waits until the child has said this or has ended (`exit`), and gives all that it said until then. */
  readonly heard: (line: string | RegExp) => Promise<readonly string[]>;
  readonly record: () => void;
};

/** Of 20,000. They are told with the snapshot, or when there is room before it. */
const LAST_COUNTS = 'counts {"vrrp-dropped front checksum":19999}';

const running: AgentProcess[] = [];
after(() => Promise.all(running.map((agent) => agent.stop())));

const bench = (behaviour: string, onExit: "restart" | "leave" = "restart"): Bench => {
  const lines: string[] = [];
  const exits: ChildExit[] = [];
  let onLine = (): void => {};
  const journal = createJournal<Event, View>({
    ...{ capacity: 5_000, view: emptyView(), project },
    onObservation: () => agent.pump(),
  });
  const agent = startAgent({
    command: [process.execPath, "--input-type=module", "-e", SCRIPT, behaviour],
    journal,
    facts: { pid: process.pid, startedAt: wallTime(0), version: "test" },
    desired: () => undefined,
    bgp: () => [],
    onMessage(message: AgentToWire) {
      if (message.type === "refused") lines.push(message.problems.join(" "));
      if (message.type === "desired")
        lines.push(
          `desired ${message.id} ${message.desired.servers.map((server) => String(server)).join(",")}`,
        );
      onLine();
    },
    onExit(exit) {
      exits.push(exit);
      onLine();
      return onExit;
    },
  });
  running.push(agent);
  const until = (isDone: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      onLine = () => {
        if (isDone()) resolve();
      };
      onLine();
    });
  return {
    ...{ journal, agent, exits },
    async heard(line) {
      const isSaid = (said: string): boolean => (typeof line === "string" ? said === line : line.test(said));
      await until(() => lines.some(isSaid) || (line === "exit" && exits.length > 0));
      return lines.splice(0);
    },
    record: () =>
      void journal.record({ type: "link", link: "eth0", state: "up" }, wallTime(journal.view.sequence)),
  };
};

describe("the agent's process", () => {
  it("is told nothing before it says hello, then the view and what happened, then each observation", async () => {
    const { heard, record, agent } = bench(HELLO);
    record();
    record();
    agent.tellCounts({ "vrrp-dropped front checksum": 3 });
    const first = await heard('counts {"vrrp-dropped front checksum":3}');
    assert.deepEqual(first, ["snapshot 2 0 1,2", 'counts {"vrrp-dropped front checksum":3}']);
    record();
    assert.deepEqual(await heard("observation 3"), ["observation 3"]);
    agent.send({ type: "reload" });
    assert.deepEqual(await heard("reload"), ["reload"]);
  });

  it("is started again when it dies, and told how far the one before it was told", async () => {
    const { heard, record, exits } = bench(`${SAY_PID} ${HELLO}`);
    record();
    const [pid = ""] = await heard("snapshot 1 0 1");
    process.kill(Number(pid.split(" ")[1]), "SIGKILL");
    await heard("exit");
    assert.equal(exits[0]?.signal, "SIGKILL");
    record();
    const again = await heard("snapshot 2 1 1,2");
    assert.ok(!again.includes("observation 2"), "it is in the snapshot");
  });

  it("hands a configuration over in pieces, and half of one is worth nothing", async () => {
    const pieces = `
      channel.send({ type: "servers", servers: ["a", "b"] });
      channel.send({ type: "servers", servers: ["c"] });`;
    const whole = `channel.send({ type: "desired", id: 1, desired: { servers: [] } });`;
    const { heard } = bench(`${HELLO} ${pieces} ${whole.replace("1", "0")} ${pieces} ${whole}`);
    await heard("desired 1 a,b,c");
    const marker = JSON.stringify(join(tmpdir(), `steelyard-half-${process.pid}`));
    const half = bench(`
      const { mkdirSync, rmdirSync } = process.getBuiltinModule("node:fs");
      ${HELLO}
      try {
        mkdirSync(${marker});
        ${pieces}
        setTimeout(() => process.exit(1), 50);
      } catch {
        rmdirSync(${marker});
        ${whole}
      }`);
    await half.heard("exit");
    await half.heard("desired 1 ");
  });

  it("is killed and started again when it says what is no message", async () => {
    const { heard, exits } = bench(`socket.write("nonsense\\n"); process.on("SIGTERM", () => {});`, "leave");
    await heard("exit");
    assert.equal(exits[0]?.pid === 0, false);
  });

  it("of another version is not listened to, and ended: the program was replaced while this one runs", async () => {
    const { heard, exits } = bench(`${HELLO.replace("test", "next")} ${SAY_PID}`, "leave");
    assert.deepEqual(await heard("exit"), []);
    const [exit] = exits;
    assert.deepEqual(
      [exit?.signal, exit?.stranger],
      ["SIGKILL", "it is version next, and what runs is test"],
    );
  });

  it("that does not exist is an exit like any other", async () => {
    const exit = await new Promise<ChildExit>((resolve) => {
      startAgent({
        command: ["/nonexistent/agent"],
        journal: createJournal<Event, View>({
          ...{ capacity: 10, view: emptyView(), project },
          onObservation: () => {},
        }),
        facts: { pid: 1, startedAt: wallTime(0), version: "test" },
        desired: () => undefined,
        bgp: () => [],
        onMessage: () => {},
        onExit(how) {
          resolve(how);
          return "leave";
        },
      });
    });
    assert.deepEqual(exit, { code: null, signal: null, pid: 0 });
  });

  it("may stall: it is sent a bounded amount, and a fresh snapshot when it goes on", async () => {
    const { heard, record, agent } = bench(`${SAY_PID} ${HELLO}`);
    const [pid = ""] = await heard("snapshot 0 0 ");
    const child = Number(pid.split(" ")[1]);
    process.kill(child, "SIGSTOP");
    // It is stopped when it is next scheduled.
    while (!/\) T /.test(readFileSync(`/proc/${child}/stat`, "latin1"))) await setImmediate();
    for (let count = 0; count < 20_000; count += 1) {
      record();
      agent.tellCounts({ "vrrp-dropped front checksum": count });
    }
    process.kill(child, "SIGCONT");
    const lines = await heard(/^snapshot 20000 /);
    if (!lines.includes(LAST_COUNTS)) await heard(LAST_COUNTS);
    assert.ok(lines.length < 15_000, `${lines.length} messages for 40,000 events`);
  });

  it("ends when it is asked to, which surprises nobody", async () => {
    const polite = bench(HELLO);
    await polite.heard("snapshot 0 0 ");
    await polite.agent.stop();
    assert.deepEqual(polite.exits, []);
    await polite.agent.stop();
  });
});
