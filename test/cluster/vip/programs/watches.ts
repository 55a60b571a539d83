/**
 * Watches that are never begun again, each on a connection of its own: what becomes of long connections when something moves.
 *
 * Each watches one ConfigMap. Says that it is ready when all have begun; ends with its input, and prints a list of `LongWatch`.
 */
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { parseArgs } from "node:util";
import { finish, lifeSignal, sayReady } from "#lab/probe/life";
import type { LongWatch } from "../records.ts";

const { values } = parseArgs({
  options: {
    url: { type: "string", default: "" },
    /** Without an extension: `FILE.crt` and `FILE.key`. */
    identity: { type: "string", default: "" },
    ca: { type: "string", default: "" },
    /** The ConfigMap in the namespace `default`. */
    name: { type: "string", default: "" },
    count: { type: "string", default: "24" },
  },
});

const life = lifeSignal(undefined);
const credentials = {
  ca: readFileSync(values.ca),
  cert: readFileSync(`${values.identity}.crt`),
  key: readFileSync(`${values.identity}.key`),
  agent: false,
} as const;
const PATH = `/api/v1/namespaces/default/configmaps?watch=true&fieldSelector=metadata.name%3D${values.name}`;

/** A reset is `read ECONNRESET`; where the server closed the connection in the middle of its answer it is `aborted`. */
const nameOf = (error: Error): string =>
  "code" in error && "syscall" in error ? `${error.syscall} ${error.code}` : error.message;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Begins one, and comes back when it was answered. */
const begin = (): Promise<LongWatch> =>
  new Promise((resolve, reject) => {
    let watch: Mutable<LongWatch> | undefined;
    let rest = "";
    const end = (reason: string): void => {
      if (watch === undefined) reject(new Error(reason));
      else watch.ended ??= reason;
    };
    const asked = request(new URL(PATH, values.url), credentials, (response) => {
      const name = (response.socket as TLSSocket).getPeerCertificate().subject.CN;
      const current: Mutable<LongWatch> = { by: String(name), told: [] };
      watch = current;
      response.setEncoding("utf8").on("data", (text: string) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines)
          current.told = [...current.told, String(JSON.parse(line).object.data?.count)];
      });
      response.once("error", (error) => end(nameOf(error)));
      response.once("end", () => end("it ended"));
      resolve(current);
    });
    // Kubernetes' clients ask a silent connection whether it is still one, every 30 s; a test has less time.
    asked.once("socket", (socket) => socket.setKeepAlive(true, 1_000));
    asked.once("error", (error) => end(nameOf(error)));
    asked.end();
  });

const watches = await Promise.all(Array.from({ length: Number(values.count) }, begin));
sayReady();
while (!life.aborted) await pause(20);
finish(watches);
