/** A host of a control plane for tests of `tls fix`: its files in a folder, a real TLS server, and programs that do what theirs do. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import type { Ran, RunProgram } from "#drivers/host/program";
import {
  adminKubeconfig,
  openAuthority,
  startApiServer,
  type TestApiServerOptions,
  TOKEN,
} from "./test-api-servers.ts";
import { type TlsFixOptions, tlsFix } from "./tls-fix.ts";

/** What a program says and ends with. */
export const ended = (status: number, stdout = "", stderr = ""): Ran => ({
  type: "ended",
  status,
  stdout,
  stderr,
});

/** A program that was called, with its arguments. */
export type Call = readonly string[];

/** Opens the host. `programs` says what each program does; what it does not name is not installed. */
export const openHost = async (
  test: TestContext,
  programs: Readonly<Record<string, (args: readonly string[]) => Ran | Promise<Ran>>>,
  server: Partial<TestApiServerOptions> = {},
) => {
  const root = mkdtempSync(join(tmpdir(), "steelyard-host-"));
  test.after(() => rmSync(root, { recursive: true }));
  const authority = openAuthority();
  const names = ["kubernetes", "n1", "127.0.0.1"];
  const apiServer = await startApiServer(test, { authority, names, ...server });
  const calls: Call[] = [];
  const lines: string[] = [];
  const run: RunProgram = async (command, args, { onLine }) => {
    calls.push([command, ...args]);
    const ran = (await programs[command]?.(args)) ?? {
      type: "failed",
      problem: `${command} is not installed`,
    };
    if (ran.type === "ended") for (const line of ran.stdout.split("\n")) if (line !== "") onLine?.(line);
    return ran;
  };
  const path = (name: string): string => join(root, name);
  const write = (name: string, text: string, mode = 0o600): void => {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), text, { mode });
  };
  const fix = async (changes: Partial<TlsFixOptions> = {}) => {
    lines.length = 0;
    calls.length = 0;
    const status = await tlsFix({
      ...{ address: ["192.0.2.253"], distribution: undefined, ssh: [], remoteCommand: "sudo -n steelyard" },
      ...{ kubeadmConfig: undefined, apiServer: apiServer.at, dryRun: false, wait: "20", root, run },
      print: (line) => lines.push(line),
      complain: (line) => lines.push(line),
      now: () => new Date("2027-01-01T00:00:00Z"),
      ...changes,
    });
    const text = lines.join("\n");
    return { status, text, calls: [...calls] };
  };
  const kubeconfig = adminKubeconfig({ server: `https://${apiServer.at}`, authority });
  const read = (name: string): string => readFileSync(path(name), "utf8");
  return { root, authority, apiServer, kubeconfig, path, write, read, fix, token: TOKEN };
};
