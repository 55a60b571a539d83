/** Long downloads, all at once, every byte verified. Says `ready` when each of them has begun to arrive, or failed. */
import { Agent, get, type IncomingMessage } from "node:http";
import { parseArgs } from "node:util";
import { between } from "#base/time";
import { monotonicNow } from "./clock.ts";
import { finish, lifeSignal, sayReady } from "./life.ts";
import { onOwnPort } from "./own-port.ts";
import { followsPattern } from "./pattern.ts";
import type { Download } from "./records.ts";

const OPTIONS = {
  /** Without path, such as `http://10.2.0.100:8080`. */
  url: { type: "string", default: "http://127.0.0.1" },
  streams: { type: "string", default: "20" },
  /** How long each download takes. */
  duration: { type: "string", default: "5" },
  bytes: { type: "string", default: "500000" },
  /** Milliseconds between two pieces. */
  every: { type: "string", default: "20" },
  /** Milliseconds without a byte until a download counts as broken. */
  stall: { type: "string", default: "10000" },
} as const;

type Wish = { readonly url: string; readonly bytes: number; readonly stallMs: number };

/** `onBegin` is called once: when it has begun to arrive, or ended before that. */
const fetchOne = (wish: Wish, life: AbortSignal, onBegin: () => void): Promise<Download> =>
  new Promise((resolve) => {
    const at = monotonicNow();
    let bytes = 0;
    let intact = true;
    let backend: string | undefined;
    let own: Pick<Download, "port"> = {};
    const end = (error?: string): void => {
      if (bytes === 0) onBegin();
      const whole = error === undefined && intact && bytes === wish.bytes;
      const why = error ?? (intact ? "ended early" : "wrong content");
      const who = backend === undefined ? {} : { backend };
      resolve({
        at,
        took: between(at, monotonicNow()),
        bytes,
        whole,
        ...who,
        ...own,
        ...(whole ? {} : { error: why }),
      });
    };
    const read = (response: IncomingMessage): void => {
      backend = String(response.headers["x-backend"] ?? "");
      response.on("data", (piece: Uint8Array) => {
        if (bytes === 0) onBegin();
        intact &&= followsPattern(piece, bytes);
        bytes += piece.length;
      });
      response.once("error", (error) => end(error.message));
      response.once("end", () => end());
    };
    const request = get(wish.url, { agent: new Agent(), signal: life, timeout: wish.stallMs }, read);
    onOwnPort(request, (port) => {
      own = { port };
    });
    request.once("timeout", () => request.destroy(new Error("stalled")));
    request.once("error", (error) => end(error.message));
  });

/** Downloads, waits for all, then prints a `DownloadsRecord`. */
export const download = async (args: readonly string[]): Promise<void> => {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const { url, duration, bytes, every } = values;
  const wish: Wish = {
    url: `${url}/drip?seconds=${duration}&bytes=${bytes}&every=${every}`,
    bytes: Number(bytes),
    stallMs: Number(values.stall),
  };
  const life = lifeSignal(undefined);
  let waiting = Number(values.streams);
  const onBegin = (): void => {
    waiting -= 1;
    if (waiting === 0) sayReady();
  };
  const streams = Array.from({ length: Number(values.streams) }, () => fetchOne(wish, life, onBegin));
  finish({ downloads: await Promise.all(streams) });
};
