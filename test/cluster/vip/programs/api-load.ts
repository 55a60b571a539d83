/**
 * Users of an API server: a new connection for each request, whose certificate is verified, and one watch that is to last.
 *
 * Every `--interval` milliseconds a request begins, whatever became of those before: a GET of a ConfigMap, and every fifth time a PATCH that
 * counts up in one of several. The watch begins where the ConfigMaps were made, and again where it ended: it may miss nothing. Says that it is
 * ready when a first request was answered, and the watch has begun. Ends with its input and prints an `ApiRecord`.
 */
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { type RequestOptions, request } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import { parseArgs } from "node:util";
import { after, between, millis } from "#base/time";
import { monotonicNow } from "#lab/probe/clock";
import { finish, lifeSignal, sayReady } from "#lab/probe/life";
import { type ApiRequest, LOAD_LABEL, type WatchEnd, type Watched } from "../records.ts";

const { values } = parseArgs({
  options: {
    url: { type: "string", default: "" },
    /** Without an extension: `FILE.crt` and `FILE.key`. */
    identity: { type: "string", default: "" },
    ca: { type: "string", default: "" },
    /** The ConfigMaps of this load are `NAME-0` to `NAME-9` in the namespace `default`, and there already. */
    name: { type: "string", default: "load" },
    /** The version of the last of them when it was made. */
    from: { type: "string", default: "0" },
    interval: { type: "string", default: "20" },
    /** Milliseconds after which a request has failed. */
    timeout: { type: "string", default: "2000" },
    /** Whether there are PATCHes and a watch. */
    reading: { type: "boolean", default: false },
  },
});

/** Requests under way at once; more begin only when one has ended. */
const MOST_UNDER_WAY = 500;
const PATCH_EVERY = 5;
const MAPS = 10;
const MAPS_PATH = "/api/v1/namespaces/default/configmaps";

const life = lifeSignal(undefined);
const credentials: RequestOptions = {
  ca: readFileSync(values.ca),
  cert: readFileSync(`${values.identity}.crt`),
  key: readFileSync(`${values.identity}.key`),
  agent: false,
};

const requests: ApiRequest[] = [];
const watched: Watched[] = [];
const ends: WatchEnd[] = [];
let begun = 0;
let underWay = 0;

const errorName = (error: Error): string => ("code" in error ? String(error.code) : error.message);

/** Who answers, as its certificate says. */
const serverOf = (response: IncomingMessage): string | undefined => {
  const { socket } = response;
  const names = socket instanceof TLSSocket ? socket.getPeerCertificate().subject.CN : undefined;
  return typeof names === "string" ? names : names?.[0];
};

type Answer = Pick<ApiRequest, "by" | "error">;

const ask = (path: string, patch: string | undefined): Promise<Answer> =>
  new Promise((resolve) => {
    const limit = setTimeout(() => asked.destroy(new Error("timeout")), Number(values.timeout));
    const end = (answer: Answer): void => {
      clearTimeout(limit);
      resolve(answer);
    };
    const headers = patch === undefined ? {} : { "content-type": "application/merge-patch+json" };
    const method = patch === undefined ? "GET" : "PATCH";
    const asked = request(new URL(path, values.url), { ...credentials, method, headers }, (response) => {
      const by = serverOf(response);
      response.resume();
      response.once("error", (error) => end({ error: errorName(error) }));
      response.once("end", () =>
        end(response.statusCode === 200 ? { by } : { error: `HTTP ${response.statusCode}` }),
      );
    });
    asked.once("error", (error) => end({ error: errorName(error) }));
    asked.end(patch);
  });

const make = async (): Promise<void> => {
  const count = begun;
  begun += 1;
  underWay += 1;
  const map = Math.floor(count / PATCH_EVERY) % MAPS;
  const isPatch = !values.reading && count % PATCH_EVERY === 0;
  const at = monotonicNow();
  const patch = isPatch ? JSON.stringify({ data: { count: String(count) } }) : undefined;
  const answer = await ask(`${MAPS_PATH}/${values.name}-${map}`, patch);
  underWay -= 1;
  requests.push({ at, took: between(at, monotonicNow()), ...(isPatch ? { count } : {}), ...answer });
};

/** Follows one watch to its end; gives the version from which the next one goes on. */
const follow = (from: string): Promise<string> =>
  new Promise((resolve) => {
    let [version, rest] = [from, ""];
    const query = `watch=true&labelSelector=${LOAD_LABEL}%3D${values.name}&resourceVersion=${from}`;
    const end = (reason: string): void => {
      asked.destroy();
      ends.push({ at: monotonicNow(), reason });
      resolve(version);
    };
    const asked = request(new URL(`${MAPS_PATH}?${query}`, values.url), credentials, (response) => {
      if (response.statusCode !== 200) return end(`HTTP ${response.statusCode}`);
      const by = serverOf(response);
      watched.push({ at: monotonicNow(), by });
      response.setEncoding("utf8").on("data", (text: string) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          const { type, object } = JSON.parse(line);
          if (type === "ERROR") return end(`${object.reason}`);
          version = object.metadata.resourceVersion;
          watched.push({ at: monotonicNow(), by, count: Number(object.data?.count) });
        }
      });
      response.once("error", (error) => end(errorName(error)));
      response.once("end", () => end("it ended"));
    });
    // As kubectl asks its connection now and then whether it is still one.
    asked.once("socket", (socket) => socket.setKeepAlive(true, 1_000));
    // The handshake is with whoever has the address: it may stand still.
    const patience = setTimeout(() => asked.destroy(new Error("timeout")), Number(values.timeout));
    asked.once("response", () => clearTimeout(patience));
    asked.once("error", (error) => end(errorName(error)));
    asked.end();
  });

const watch = async (): Promise<void> => {
  let version = values.from;
  while (!life.aborted) {
    version = await follow(version);
    await pause(50);
  }
};

const load = async (): Promise<void> => {
  const interval = millis(Number(values.interval));
  let next = monotonicNow();
  while (!life.aborted) {
    if (underWay < MOST_UNDER_WAY) void make();
    // Who was kept from it does not catch up: a burst would be no user.
    next = after(next, interval);
    const now = monotonicNow();
    if (next < now) next = now;
    await pause(between(now, next) / 1_000);
  }
  const patience = AbortSignal.timeout(Number(values.timeout) + 500);
  while (underWay > 0 && !patience.aborted) await pause(10);
};

/** What comes before the first answer is no user's yet: a machine may take its time to start all this. */
const untilServed = async (): Promise<void> => {
  const isServed = (): boolean =>
    requests.some(({ error }) => error === undefined) && (values.reading || watched.length > 0);
  while (!isServed() && !life.aborted) await pause(5);
  requests.splice(
    0,
    requests.findIndex(({ error }) => error === undefined),
  );
  sayReady();
};

if (!values.reading) void watch();
void untilServed();
await load();
finish({ requests: requests.sort((left, right) => left.at - right.at), watched, ends });
