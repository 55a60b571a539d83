/** The part of the schema that says how something is asked whether it works; shared by every kind that asks. */
import * as v from "valibot";
import { millis, seconds } from "#base/time";
import { duration, flag, integer, list, section, text } from "./fields.ts";

const STATUS_HINT = "Write a status such as 204, or a range such as 200-399, within 100..599.";

const readStatus = (input: string | number): { readonly from: number; readonly to: number } | undefined => {
  const match = /^(\d{3})(?:-(\d{3}))?$/.exec(String(input));
  const from = Number(match?.[1]);
  const to = Number(match?.[2] ?? match?.[1]);
  return from >= 100 && from <= to && to <= 599 ? { from, to } : undefined;
};

const status = v.pipe(
  v.union([v.string(), v.number()], `is neither a status nor a range of statuses\n${STATUS_HINT}`),
  v.rawTransform<string | number, { readonly from: number; readonly to: number }>(
    ({ dataset, addIssue, NEVER }) => {
      const range = readStatus(dataset.value);
      if (range !== undefined) return range;
      addIssue({
        message: `${JSON.stringify(dataset.value)} is not an HTTP status or a range of them\n${STATUS_HINT}`,
      });
      return NEVER;
    },
  ),
  v.metadata({ format: "status or range" }),
  v.description("An HTTP status, or a range `FROM-TO` with both ends counted in."),
);

const hostText = (description: string) =>
  text(description, {
    pattern: /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(:\d{1,5})?$/,
    rule: "a host name such as app.example.org",
    format: "host name",
  });

const httpEntries = {
  path: v.optional(
    text("What is asked for, with its query.", {
      pattern: /^\/[!-~]{0,1023}$/,
      rule: "a path that starts with a slash and has no spaces",
      format: "path",
    }),
    "/",
  ),
  host: v.exactOptional(hostText("`Host` header. Default: the address asked.")),
  statuses: v.optional(list("Statuses that count as healthy.", status, { min: 1, max: 32 }), ["200-399"]),
};

/** How to ask; at most one of them, and TCP when there is none. */
export const probeEntries = {
  tcp: v.exactOptional(section("Healthy when a TCP connection is accepted.", {})),
  http: v.exactOptional(
    section("Healthy when a GET over HTTP answers with an accepted status.", httpEntries),
  ),
  https: v.exactOptional(
    section("The same over HTTPS.", {
      ...httpEntries,
      verify: v.optional(flag("Whether the certificate must verify."), true),
      serverName: v.exactOptional(
        hostText("Name sent in the handshake (SNI) and looked for in the certificate. Default: `host`."),
      ),
      caFile: v.exactOptional(
        text("PEM file with the accepted authorities. Default: the system's.", {
          pattern: /^\/[^\0]{1,4095}$/,
          rule: "an absolute path",
          format: "absolute path",
        }),
      ),
    }),
  ),
  script: v.exactOptional(
    section("Healthy when a program exits with status 0.", {
      command: list(
        "Program and arguments. No shell reads them, so variables and pipes mean nothing.",
        text("The program's absolute path first, then one argument each.", {
          pattern: /^[^\0]{0,4096}$/,
          rule: "text of at most 4096 characters",
        }),
        { min: 1, max: 64 },
      ),
    }),
  ),
};

/** How often to ask, and how many answers make a verdict. */
export const timingEntries = {
  port: v.exactOptional(integer("Port asked. Default: the backend's own.", { min: 1, max: 65_535 })),
  interval: v.optional(
    duration("From the start of one round to the start of the next.", {
      min: millis(50),
      max: seconds(3600),
    }),
    "1s",
  ),
  timeout: v.optional(
    duration("How long one attempt may take.", { min: millis(10), max: seconds(60) }),
    "1s",
  ),
  retries: v.optional(
    integer("Further attempts within a round after the first one failed.", { min: 0, max: 10 }),
    2,
  ),
  retryDelay: v.optional(
    duration("Pause before each further attempt.", { min: millis(0), max: seconds(60) }),
    "200ms",
  ),
  rise: v.optional(
    integer("Successful rounds in a row until a failed one is healthy again.", { min: 1, max: 100 }),
    2,
  ),
  fall: v.optional(
    integer("Failed rounds in a row until a healthy one has failed.", { min: 1, max: 100 }),
    1,
  ),
};

/** A checked probe section, before it becomes a `HealthCheckConfig`. */
export type ProbeSpec = v.InferOutput<ReturnType<typeof probeSection>>;

const probeSection = () => section("", { ...probeEntries, ...timingEntries });
