/** The pages of the admin socket: health, readiness, status, events, metrics. */
import type { ServerResponse } from "node:http";
import type { EventRecord } from "#api/events";
import { CONTENT_TYPE } from "#core/metrics/exposition";
import type { Observation } from "#core/observation/event";
import { sentence } from "#core/observation/sentence";
import type { Route } from "#drivers/http/routes";
import type { Recent } from "#runtime/recent";
import { metricsText } from "./metrics.ts";
import { type Knowledge, statusOf } from "./status.ts";

/** Bytes that may wait for a follower of events before it is let go. */
const FOLLOWER_LIMIT = 1024 * 1024;

/** One line of `/v1/events`. */
const eventRecord = ({ sequence, at, event }: Observation): EventRecord => ({
  sequence,
  at,
  ...sentence(event),
  event,
});

const line = (observation: Observation): string => `${JSON.stringify(eventRecord(observation))}\n`;

const followEvents = (response: ServerResponse, events: Recent<Observation>): void => {
  response.flushHeaders();
  // Nothing may happen for hours.
  response.socket?.setTimeout(0);
  const stop = events.follow((observation) => {
    response.write(line(observation));
    if (response.writableLength > FOLLOWER_LIMIT) response.destroy();
  });
  response.on("close", stop);
};

/** The routes; `knowledge` gives `undefined` until the wire process has said what is true. */
export const adminRoutes = (
  knowledge: () => Knowledge | undefined,
  events: Recent<Observation>,
): Record<string, Route> => {
  const withKnowledge =
    (answer: (response: ServerResponse, known: Knowledge) => void): Route =>
    (_url, response) => {
      const known = knowledge();
      if (known === undefined) response.writeHead(503).end("starting\n");
      else answer(response, known);
    };
  return {
    "/healthz": (_url, response) => void response.end("ok\n"),
    "/readyz": withKnowledge((response, { view }) => {
      const ready = view.config.generation > 0 && view.forwarding.state === "applied";
      response.writeHead(ready ? 200 : 503).end(ready ? "ok\n" : "forwarding is not in place yet\n");
    }),
    "/metrics": withKnowledge((response, known) => {
      response.setHeader("content-type", CONTENT_TYPE);
      response.end(metricsText(known));
    }),
    "/v1/status": withKnowledge((response, known) => {
      response.setHeader("content-type", "application/json");
      response.end(`${JSON.stringify(statusOf(known, Date.now()))}\n`);
    }),
    "/v1/events": (url, response) => {
      response.setHeader("content-type", "application/x-ndjson");
      for (const observation of events.all()) response.write(line(observation));
      if (url.searchParams.get("follow") === "1") followEvents(response, events);
      else response.end();
    },
  };
};
