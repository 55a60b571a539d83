/** etcd, as the store of one test. */
import { request } from "node:http";
import { join } from "node:path";
import { type OpenServer, openServer, type ServerProgram } from "./server-program.ts";

export type Etcd = ServerProgram & {
  readonly port: number;
  /** Forgets all history before now: who reads on from there is told that it is gone. */
  compact(): Promise<void>;
};

/** Where a test finds it: a port of 127.0.0.1, or a socket that leads there. */
type Way = { readonly port: number } | { readonly socketPath: string };

type Question = { readonly path: string; readonly body?: unknown; readonly timeoutMs: number };

/** The text of its answer; anything but status 200 is an error. */
const ask = (way: Way, { path, body, timeoutMs }: Question): Promise<string> =>
  new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const signal = AbortSignal.timeout(timeoutMs);
    const asked = request({ host: "127.0.0.1", ...way, path, method, signal }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
      });
      response.once("error", reject);
      response.once("end", () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`etcd: ${response.statusCode} ${text}`));
      });
    });
    asked.once("error", reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });

const isHealthy = async (way: Way): Promise<boolean> => {
  try {
    return (await ask(way, { path: "/health", timeoutMs: 1_000 })).includes("true");
  } catch {
    return false;
  }
};

/** Describes an etcd on these two ports whose data lies in `folder`; it does not run yet. */
export const openEtcd = (options: {
  readonly program: string;
  readonly folder: string;
  readonly ports: { readonly client: number; readonly peer: number };
  /** How it is started; default: as a child of this process. */
  readonly open?: OpenServer;
  /** The socket that leads to its port; default: none is needed. */
  readonly socketPath?: string;
}): Etcd => {
  const { program, folder, ports, open = openServer, socketPath } = options;
  const way: Way = socketPath === undefined ? { port: ports.client } : { socketPath };
  const url = `http://127.0.0.1:${ports.client}`;
  const peer = `http://127.0.0.1:${ports.peer}`;
  const server = open({
    name: "etcd",
    command: [
      program,
      ...["--name=test", `--data-dir=${join(folder, "etcd")}`],
      ...[`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`],
      ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`],
      `--initial-cluster=test=${peer}`,
      ...["--logger=zap", "--log-level=warn", "--log-outputs=stderr"],
      // Nothing that a test writes has to survive a power cut.
      "--unsafe-no-fsync",
    ],
    log: join(folder, "etcd.log"),
    isReady: () => isHealthy(way),
    readyWithinMs: 30_000,
  });
  const compact = async (): Promise<void> => {
    const timeoutMs = 10_000;
    const range = await ask(way, { path: "/v3/kv/range", body: { key: "AA==" }, timeoutMs });
    const { header }: { readonly header: { readonly revision: string } } = JSON.parse(range);
    const body = { revision: header.revision, physical: true };
    await ask(way, { path: "/v3/kv/compaction", body, timeoutMs });
  };
  return { ...server, port: ports.client, compact };
};
