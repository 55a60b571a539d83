/**
 * Two real edges in a lab, for tests of the whole program: started, asked and stopped as an operator would.
 *
 * Who holds an address is never taken from the program: `holdings` records what the kernel says, from outside of the
 * hosts, so that neither a killed nor a frozen host stops the record.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { EventRecord } from "#api/events";
import type { RouterStatus, Status } from "#api/status";
import type { RouterState } from "#core/observation/event";
import { type Holdings, recordHoldings } from "#lab/holdings";
import { type Lab, type LabHostHandle, type LabProcess, openLab, standardTopology } from "#lab/index";

const MAIN = join(import.meta.dirname, "../../dist/main.js");
const ADMIN = "/run/steelyard/edge.sock";
const CONFIG = "/run/edge/edge.yaml";

/** The command line of the built program. */
export const steelyard = (...args: readonly string[]): readonly string[] => [process.execPath, MAIN, ...args];

/** What a busy machine of two cores may add to any deadline, in milliseconds. */
export const SLACK = 1_500;

/** Resolves with the first truthy answer; fails after `withinMs`, saying what was awaited and `seen`. */
export const until = async <Value>(
  what: string,
  look: () => Promise<Value | false | undefined>,
  { withinMs = 5_000, seen }: { readonly withinMs?: number; readonly seen?: () => unknown } = {},
): Promise<Value> => {
  const limit = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== false && found !== undefined) return found;
    if (performance.now() > limit) {
      const last = seen === undefined ? "" : `: ${JSON.stringify(seen(), undefined, 1)}`;
      assert.fail(`${what}: not within ${withinMs} ms${last}`);
    }
    await pause(15);
  }
};

/** One answer of the admin socket; status 0 when nobody answers. */
export type Answer = { readonly status: number; readonly body: string };

/** Asks a program of the lab over the socket that this process sees at this path. */
export const ask = (socketPath: string, path: string): Promise<Answer> =>
  new Promise((resolve) => {
    const asked = request({ socketPath, path, timeout: 1_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        body += piece;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer")));
    asked.on("error", () => resolve({ status: 0, body: "" }));
    asked.end();
  });

/** One edge of the bed. */
export type Edge = {
  readonly name: string;
  readonly host: LabHostHandle;
  /** Writes the configuration file as careful tools do: beside, and renamed into place. */
  readonly configure: (text: string) => Promise<void>;
  /** Writes the configuration, starts the program and resolves when every router takes part and all is applied. */
  readonly start: (text: string, options?: StartOptions) => Promise<LabProcess>;
  /** Starts the program on whatever configuration is there, and does not wait. */
  readonly launch: (options?: StartOptions) => Promise<LabProcess>;
  /** Sends a signal to the wire process alone, as `systemctl kill --kill-whom=main` does. */
  readonly signal: (signal: NodeJS.Signals) => Promise<void>;
  /** Asks the wire process to stop; resolves with how it ended. */
  readonly stop: () => Promise<{ readonly code: number | null; readonly signal: string | null }>;
  readonly get: (path: string) => Promise<Answer>;
  readonly status: () => Promise<Status | undefined>;
  readonly events: () => Promise<readonly EventRecord[]>;
  /** Resolves with the first status that satisfies `good`. */
  readonly until: (what: string, good: (status: Status) => boolean, withinMs?: number) => Promise<Status>;
  /** Resolves with the first event that satisfies `good`. */
  readonly event: (good: (record: EventRecord) => boolean, withinMs?: number) => Promise<EventRecord>;
  /** The router `front`, or of that name, as the status has it now. */
  readonly router: (name?: string) => Promise<RouterStatus>;
  /** Resolves with the router once it says that it is in this state. */
  readonly is: (state: RouterState, name?: string, withinMs?: number) => Promise<RouterStatus>;
  /** Runs `steelyard` with these arguments in the edge's host. */
  readonly command: (...args: readonly string[]) => ReturnType<LabHostHandle["run"]>;
};

export type StartOptions = {
  readonly config?: string;
  readonly admin?: string;
  readonly runtimeDirectory?: string;
  /** Put before the command, such as `setpriv` and its arguments. */
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Further arguments, such as `--engine` and its value. */
  readonly further?: readonly string[];
};

const takesPart = ({ forwarding, routers }: Status): boolean =>
  forwarding.state === "applied" && routers.every(({ state }) => state !== "initialize");

const routerOf = (status: Status | undefined, name: string): RouterStatus => {
  const found = status?.routers.find((each) => each.name === name);
  assert(found !== undefined, `there is no router ${name}`);
  return found;
};

const openEdge = (lab: Lab, name: string, remember: (program: LabProcess) => void): Edge => {
  const host = lab.host(name);
  const socket = `/proc/${lab.pid}/root/run/lab/hosts/${name}${ADMIN}`;
  let program: LabProcess | undefined;

  const status = async (): Promise<Status | undefined> => {
    const answer = await ask(socket, "/v1/status");
    return answer.status === 200 ? JSON.parse(answer.body) : undefined;
  };
  const events = async (): Promise<readonly EventRecord[]> =>
    (await ask(socket, "/v1/events")).body
      .split("\n")
      .filter((line) => line !== "")
      .map((line): EventRecord => JSON.parse(line));
  const untilStatus: Edge["until"] = async (what, good, withinMs = 8_000) => {
    let seen: Status | undefined;
    const look = async (): Promise<Status | false> => {
      seen = await status();
      return seen !== undefined && good(seen) ? seen : false;
    };
    return await until(`${name}: ${what}`, look, { withinMs, seen: () => seen?.routers ?? "no answer" });
  };
  const launch: Edge["launch"] = async (options = {}) => {
    const {
      config = CONFIG,
      admin = ADMIN,
      runtimeDirectory = "/run/steelyard",
      prefix = [],
      env,
      further = [],
    } = options;
    const paths = ["--config", config, "--admin", admin, "--runtime-dir", runtimeDirectory];
    const argv = [...prefix, ...steelyard("edge", ...paths, ...further)];
    const started = await host.spawn(argv, env === undefined ? {} : { env });
    remember(started);
    return started;
  };
  const configure: Edge["configure"] = async (text) => {
    await host.write(`${CONFIG}.new`, text);
    await host.expect(["mv", `${CONFIG}.new`, CONFIG]);
  };
  const signal: Edge["signal"] = async (which) => {
    assert(program !== undefined, `${name} was not started`);
    await host.expect(["kill", `-${which}`, String(program.pid)]);
  };

  return {
    name,
    host,
    configure,
    launch,
    start: async (text, options) => {
      await configure(text);
      program = await launch(options);
      const { pid } = program;
      // The kernel may hold what a predecessor said, so the answer must be this program's.
      await untilStatus("runs", (seen) => seen.wire.pid === pid && takesPart(seen), 30_000);
      return program;
    },
    signal,
    stop: async () => {
      await signal("SIGTERM");
      assert(program !== undefined);
      const limit = setTimeout(() => void program?.signal("SIGKILL"), 8_000);
      return await program.exited.finally(() => clearTimeout(limit));
    },
    get: (path) => ask(socket, path),
    status,
    events,
    until: untilStatus,
    event: async (good, withinMs = 5_000) => {
      let last: readonly EventRecord[] = [];
      const look = async (): Promise<EventRecord | undefined> => {
        last = await events();
        return last.find(good);
      };
      const seen = (): unknown => last.map(({ subject, text }) => `${subject}: ${text}`);
      return await until(`${name}: the event`, look, { withinMs, seen });
    },
    router: async (name = "front") => routerOf(await status(), name),
    is: async (state, name = "front", withinMs = undefined) => {
      const good = ({ routers }: Status): boolean =>
        routers.some((each) => each.name === name && each.state === state);
      return routerOf(await untilStatus(`${name} is ${state}`, good, withinMs), name);
    },
    command: (...args) => host.run(steelyard(...args)),
  };
};

/** The lab with its edges, as one test uses it. */
export type Bed = {
  readonly lab: Lab;
  readonly e1: Edge;
  readonly e2: Edge;
  readonly holdings: Holdings;
};

export type Topology = Parameters<typeof openLab>[0];

/** A network without nodes, with the client on the edges' LAN. */
export const SMALL: Topology = standardTopology({ nodes: 0, client: "lan" });
/** The same with three nodes. */
export const WITH_NODES: Topology = standardTopology({ client: "lan" });

/** Runs one test in a lab of its own, which is gone afterwards however the test ends. */
export const inBed = async (
  context: TestContext,
  topology: Topology,
  test: (bed: Bed) => Promise<void>,
): Promise<void> => {
  assert(existsSync(MAIN), 'run "npm run build" first');
  const programs: { readonly name: string; readonly program: LabProcess }[] = [];
  const lab = await openLab(topology);
  try {
    const edge = (name: string): Edge => openEdge(lab, name, (program) => programs.push({ name, program }));
    await test({ lab, e1: edge("e1"), e2: edge("e2"), holdings: await recordHoldings(lab) });
  } catch (error) {
    for (const { name, program } of programs)
      context.diagnostic(`${name}:\n${program.stdout()}${program.stderr()}`);
    throw error;
  } finally {
    await lab.close();
  }
};
