/** The pages of a program in a cluster: health, readiness, metrics, status, events, and why a Service has what it has. */
import type { ServerResponse } from "node:http";
import { CONTENT_TYPE } from "#core/metrics/exposition";
import type { Sentence } from "#core/observation/sentence";
import type { Route } from "#drivers/http/routes";
import type { Numbered, Recent } from "../recent.ts";

/** One thing that happened. */
type Observation<Event> = Numbered & { readonly at: number; readonly event: Event };

/** What the pages are made of. */
export type PageSources<Event, Seen extends Observation<Event> = Observation<Event>> = {
  readonly recent: Recent<Seen>;
  readonly sentence: (event: Event) => Sentence;
  /** Whether it can do its work. */
  readonly isReady: () => boolean;
  readonly metrics: () => string;
  readonly status: () => object;
  /** Why a Service has what it has, or nothing; `undefined` for a Service that does not concern us. */
  readonly explain: (key: string) => unknown;
  /** The same of an address, where that can be asked for; `undefined` for one that no Service of ours has. */
  readonly explainAddress?: (address: string) => unknown;
  /** Why nothing can be said of any Service now, half a sentence; `undefined` when all are known. */
  readonly ignorance: () => string | undefined;
};

/** Bytes that may wait for a follower of events before it is let go. */
const FOLLOWER_LIMIT = 1024 * 1024;

const json = (response: ServerResponse, value: unknown): void => {
  response.setHeader("content-type", "application/json");
  response.end(`${JSON.stringify(value)}\n`);
};

const eventsPage =
  <Event, Seen extends Observation<Event>>({ recent, sentence }: PageSources<Event, Seen>): Route =>
  (url, response) => {
    const line = ({ sequence, at, event }: Seen): string =>
      `${JSON.stringify({ sequence, at, ...sentence(event), event })}\n`;
    response.setHeader("content-type", "application/x-ndjson");
    for (const observation of recent.all()) response.write(line(observation));
    if (url.searchParams.get("follow") !== "1") {
      response.end();
      return;
    }
    response.flushHeaders();
    // Nothing may happen for hours.
    response.socket?.setTimeout(0);
    const stop = recent.follow((observation) => {
      response.write(line(observation));
      if (response.writableLength > FOLLOWER_LIMIT) response.destroy();
    });
    response.on("close", stop);
  };

/** Milliseconds for which a text of metrics serves: whoever asks without a pause costs us no more than one text. */
const METRICS_KEPT = 500;

/** The text of `make`, not made more often than every so often. */
const keptFor = (make: () => string): (() => string) => {
  let text: string | undefined;
  return () => {
    if (text === undefined) {
      text = make();
      setTimeout(() => {
        text = undefined;
      }, METRICS_KEPT).unref();
    }
    return text;
  };
};

/** What anybody may read who can reach us: nothing that names a Service's owner or a secret. */
export const publicRoutes = ({
  isReady,
  metrics: make,
}: Pick<PageSources<never>, "isReady" | "metrics">): Record<string, Route> => {
  const metrics = keptFor(make);
  return {
    "/healthz": (_url, response) => void response.end("ok\n"),
    "/readyz": (_url, response) => {
      const ready = isReady();
      response.writeHead(ready ? 200 : 503).end(ready ? "ok\n" : "the cluster has not been read yet\n");
    },
    "/metrics": (_url, response) => {
      response.setHeader("content-type", CONTENT_TYPE);
      response.end(metrics());
    },
  };
};

/** The pages of the admin socket. */
export const adminRoutes = <Event, Seen extends Observation<Event>>(
  sources: PageSources<Event, Seen>,
): Record<string, Route> => ({
  ...publicRoutes(sources),
  "/v1/status": (_url, response) => json(response, sources.status()),
  "/v1/events": eventsPage(sources),
  "/v1/explain": (url, response) => {
    const key = url.searchParams.get("service") ?? "";
    const address = sources.explainAddress && url.searchParams.get("address");
    const answer = typeof address === "string" ? sources.explainAddress?.(address) : sources.explain(key);
    if (answer !== undefined) {
      json(response, answer);
      return;
    }
    const why = sources.ignorance();
    const unknown =
      typeof address === "string"
        ? `no Service that concerns us has the address ${address}`
        : `there is no Service ${key} that concerns us`;
    if (why === undefined) response.writeHead(404).end(`${unknown}\n`);
    else response.writeHead(503).end(`nothing can be said of Services now: ${why}\n`);
  },
});
