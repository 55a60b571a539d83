/**
 * One health section for a whole server, from a checker for each real server.
 *
 * Scripts that differ only in their backend's address and port become one script that finds them in its environment.
 */
import { type Checker, type Health, healthFrom } from "./checker.ts";
import { shellQuoted } from "./command.ts";
import type { RealServer } from "./real-server.ts";
import type { Report } from "./report.ts";
import type { Timing } from "./timing.ts";

type Context = {
  readonly timing: Timing;
  readonly virtualhost: string | undefined;
  /** The port at which a backend is reached; `undefined` when there are several. */
  readonly portOf: (server: RealServer) => number | undefined;
  readonly report: Report;
};

type Asked = {
  readonly server: RealServer;
  readonly checker: Checker;
  readonly health: Health;
  /** The port asked; `undefined` for a script of a server with several. */
  readonly port: number | undefined;
};

const ask = (server: RealServer, { timing, virtualhost, portOf, report }: Context): Asked | undefined => {
  const [checker] = server.checkers;
  if (checker === undefined) return undefined;
  const port = checker.port ?? portOf(server);
  if (port === undefined && checker.kind !== "script") {
    report.lost(checker.statement, "names no port to ask, and its server has several");
    return undefined;
  }
  const health = healthFrom(checker, {
    timing: { ...timing, ...server.timing },
    virtualhost: server.virtualhost ?? virtualhost,
    report,
  });
  return { server, checker, health, port };
};

/** What makes a number or an address longer: what stands beside it would belong to it. */
const JOINED = /[0-9A-Za-z.]/;

/** The parts of `text` between the places where `part` stands by itself. */
const splitAt = (text: string, part: string): readonly string[] => {
  const parts: string[] = [];
  let start = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) {
    const end = at + part.length;
    // A dot may end a file's name; only a digit after it makes the address longer.
    if (JOINED.test(text.charAt(at - 1)) || /^[0-9A-Za-z]|^\.\d/.test(text.slice(end))) continue;
    parts.push(text.slice(start, at));
    start = end;
  }
  return [...parts, text.slice(start)];
};

const quotedParts = (text: string): string => (text === "" ? "" : shellQuoted(text));

/** An argument with the backend's address and port replaced by what the script's environment calls them. */
const generalised = (argument: string, { server, port }: Asked): string => {
  if (argument === "") return "''";
  if (port !== undefined && argument === String(port)) return '"$STEELYARD_PORT"';
  const [first = "", ...rest] = splitAt(argument, server.address);
  const after = (part: string): string => {
    const suffix = port === undefined ? undefined : new RegExp(`^(\\]?:)${port}(?!\\d)`).exec(part);
    if (suffix?.[1] === undefined) return quotedParts(part);
    return `${quotedParts(suffix[1])}"$STEELYARD_PORT"${quotedParts(part.slice(suffix[0].length))}`;
  };
  return quotedParts(first) + rest.map((part) => `"$STEELYARD_ADDRESS"${after(part)}`).join("");
};

/** The same check for every backend, when the scripts differ in address and port only. */
const withEnvironment = (asked: Asked): Asked => {
  const command = asked.health.script?.command;
  if (command === undefined) return asked;
  const line = ["exec", ...command.map((argument) => generalised(argument, asked))].join(" ");
  return { ...asked, health: { ...asked.health, script: { command: ["/bin/sh", "-c", line] } } };
};

const keyOf = ({ health }: Asked): string => JSON.stringify(health);

const allAlike = (asked: readonly Asked[]): boolean => new Set(asked.map(keyOf)).size <= 1;

/** The port to name: none when every backend is asked at its own. */
const portFor = (asked: readonly Asked[], { portOf }: Context): number | undefined =>
  asked.every(({ server, port }) => port === portOf(server)) ? undefined : asked[0]?.port;

const usesPort = ({ health }: Asked): boolean => health.script === undefined;

const samePort = (left: Asked, right: Asked, { portOf }: Context): boolean =>
  !usesPort(left) ||
  left.port === right.port ||
  (left.port === portOf(left.server) && right.port === portOf(right.server));

/** The health section of a server with these backends; `undefined` when none of them is checked. */
export const commonHealth = (servers: readonly RealServer[], context: Context): Health | undefined => {
  const { report } = context;
  const plain = servers.flatMap((server) => ask(server, context) ?? []);
  const general = plain.map(withEnvironment);
  const asked = !allAlike(plain) && allAlike(general) ? general : plain;
  const [first] = asked;
  if (first === undefined) return undefined;
  if (asked === general && plain.length > 1) {
    report.changed(
      first.checker.statement,
      "one script for all backends, which finds address and port in its environment",
    );
  }
  const alike = asked.filter((one) => keyOf(one) === keyOf(first) && samePort(one, first, context));
  for (const { checker, server } of asked.filter((one) => !alike.includes(one))) {
    report.lost(
      checker.statement,
      `${server.address} is asked in the same way as the first backend of its server`,
    );
  }
  for (const server of servers.filter((one) => one.checkers.length === 0)) {
    report.lost(
      server.statement,
      "has no check, but is asked in the same way as the other backends of its server",
    );
  }
  const port = usesPort(first) ? portFor(alike, context) : undefined;
  return port === undefined ? first.health : { ...first.health, port };
};
