/**
 * Starts an edge again and again and prints, as one line of JSON, how long each start took until it was ready.
 *
 * Arguments: number of starts, admin socket, then the command line. Ready is what an orchestrator would believe:
 * `/readyz` answers 200.
 */
import { spawn } from "node:child_process";
import { get } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import type { EventRecord } from "#api/events";
import type { Start } from "../start-report.ts";

/** Milliseconds between questions, and the longest that an edge may take. */
const ASK_EVERY = 2;
const PATIENCE = 10_000;

const [starts = "1", admin = "", ...command] = process.argv.slice(2);

/** The answer of a page of the admin socket; `undefined` unless it is 200. */
const ask = (path: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const request = get({ socketPath: admin, path }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
      });
      response.once("end", () => resolve(response.statusCode === 200 ? text : undefined));
    });
    request.once("error", () => resolve(undefined));
  });

/** Milliseconds from the start to each event, the first of each kind. */
const milestones = (log: string, startedAt: number): Readonly<Record<string, number>> => {
  const at: Record<string, number> = {};
  for (const line of log.split("\n")) {
    if (line === "") continue;
    const { event, at: when }: EventRecord = JSON.parse(line);
    const name = event.type === "process" ? `${event.part} ${event.change}` : event.type;
    at[name] ??= when - startedAt;
  }
  return at;
};

const startOnce = async (): Promise<Start> => {
  const [program = "", ...args] = command;
  const startedAt = Date.now();
  const began = performance.now();
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  while ((await ask("/readyz")) === undefined) {
    if (performance.now() - began > PATIENCE || child.exitCode !== null)
      throw new Error(`${command.join(" ")} is not ready after ${Math.round(performance.now() - began)} ms`);
    await pause(ASK_EVERY);
  }
  const readyMs = performance.now() - began;
  const events = milestones((await ask("/v1/events")) ?? "", startedAt);
  const status: { agent: { startedAt: number }; wire: { startedAt: number } } = JSON.parse(
    (await ask("/v1/status")) ?? "{}",
  );
  child.kill("SIGTERM");
  await exited;
  return {
    readyMs,
    milestones: {
      "wire runs": status.wire.startedAt - startedAt,
      "agent runs": status.agent.startedAt - startedAt,
      ...events,
    },
  };
};

const all: Start[] = [];
for (let count = 0; count < Number(starts); count += 1) all.push(await startOnce());
process.stdout.write(`${JSON.stringify(all)}\n`);
