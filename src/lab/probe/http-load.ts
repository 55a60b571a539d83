/**
 * Concurrent HTTP clients that record every request.
 *
 * Each client sends its next request `1/rate` seconds after the one before, or at once if that one took longer.
 * `--keep-alive` keeps one connection per client; otherwise every request makes its own.
 */
import { Agent, get } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { between, millis } from "#base/time";
import { monotonicNow } from "./clock.ts";
import { finish, lifeSignal, sayReady } from "./life.ts";
import { onOwnPort } from "./own-port.ts";
import type { HttpRequest } from "./records.ts";

const OPTIONS = {
  url: { type: "string" },
  clients: { type: "string", default: "10" },
  /** Requests a second and client. */
  rate: { type: "string", default: "50" },
  /** Milliseconds until a request counts as failed. */
  timeout: { type: "string", default: "5000" },
  seconds: { type: "string" },
  "keep-alive": { type: "boolean", default: false },
} as const;

type Answer = Pick<HttpRequest, "backend" | "error" | "port">;

const errorName = (error: Error): string => ("code" in error ? String(error.code) : error.message);

const ask = (url: string, agent: Agent, timeoutMs: number): Promise<Answer> =>
  new Promise((resolve) => {
    let own: Pick<Answer, "port"> = {};
    const end = (answer: Answer): void => resolve({ ...answer, ...own });
    const request = get(url, { agent }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.once("error", (error) => end({ error: errorName(error) }));
      response.once("end", () => {
        clearTimeout(timer);
        end(
          response.statusCode === 200 ? { backend: body.trim() } : { error: `HTTP ${response.statusCode}` },
        );
      });
    });
    onOwnPort(request, (port) => {
      own = { port };
    });
    const timer = setTimeout(() => {
      end({ error: "timeout" });
      request.destroy();
    }, timeoutMs);
    request.once("error", (error) => {
      clearTimeout(timer);
      end({ error: errorName(error) });
    });
  });

/** Sends requests until told to end, then prints an `HttpRecord`. A request under way at the end is waited for. */
export const load = async (args: readonly string[]): Promise<void> => {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const url = values.url ?? "http://127.0.0.1/";
  const spacing = millis(1_000 / Number(values.rate));
  const life = lifeSignal(values.seconds === undefined ? undefined : Number(values.seconds));
  const requests: HttpRequest[] = [];

  const client = async (): Promise<void> => {
    const agent = new Agent({ keepAlive: values["keep-alive"], maxSockets: 1 });
    while (!life.aborted) {
      const at = monotonicNow();
      const answer = await ask(url, agent, Number(values.timeout));
      const took = between(at, monotonicNow());
      requests.push({ at, took, ...answer });
      if (took < spacing) await pause((spacing - took) / 1_000);
    }
    agent.destroy();
  };

  sayReady();
  await Promise.all(Array.from({ length: Number(values.clients) }, client));
  finish({ requests: requests.sort((left, right) => left.at - right.at) });
};
