/** etcd, as the store of one test. */
import { join } from "node:path";
import { openServer, type ServerProgram } from "./server-program.ts";

export type Etcd = ServerProgram & {
  readonly port: number;
  /** Forgets all history before now: who reads on from there is told that it is gone. */
  compact(): Promise<void>;
};

const post = async (url: string, body: unknown): Promise<unknown> => {
  const answer = await fetch(url, {
    method: "POST",
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok) throw new Error(`etcd: ${answer.status} ${await answer.text()}`);
  return await answer.json();
};

const isHealthy = async (url: string): Promise<boolean> => {
  try {
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(1_000) });
    return answer.ok && (await answer.text()).includes("true");
  } catch {
    return false;
  }
};

/** Describes an etcd on these two ports whose data lies in `folder`; it does not run yet. */
export const openEtcd = (options: {
  readonly program: string;
  readonly folder: string;
  readonly ports: { readonly client: number; readonly peer: number };
}): Etcd => {
  const { program, folder, ports } = options;
  const url = `http://127.0.0.1:${ports.client}`;
  const peer = `http://127.0.0.1:${ports.peer}`;
  const server = openServer({
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
    isReady: () => isHealthy(url),
    readyWithinMs: 30_000,
  });
  const compact = async (): Promise<void> => {
    const { header } = (await post(`${url}/v3/kv/range`, { key: "AA==" })) as {
      readonly header: { readonly revision: string };
    };
    await post(`${url}/v3/kv/compaction`, { revision: header.revision, physical: true });
  };
  return { ...server, port: ports.client, compact };
};
