/** `steelyard status`: what a running edge holds and how it is, as tables or as JSON. */
import { setTimeout as sleep } from "node:timers/promises";
import { styleText } from "node:util";
import type { RouterStatus, ServerStatus, Status } from "#api/status";
import { formatDuration, micros } from "#base/time";
import { get } from "#drivers/http/client";
import { ago, table } from "./table.ts";

export type StatusOptions = { readonly admin: string; readonly json: boolean; readonly watch: boolean };

const COLOURS = {
  active: "green",
  healthy: "green",
  applied: "green",
  backup: "cyan",
  unchecked: "gray",
  fault: "red",
  failed: "red",
  unknown: "yellow",
  initialize: "yellow",
  idle: "gray",
} as const;

const painted = (word: keyof typeof COLOURS): string =>
  styleText(COLOURS[word], word, { stream: process.stdout });

const routerRow = (router: RouterStatus, now: number): string[] => [
  router.name,
  painted(router.state),
  router.effectivePriority === router.priority
    ? `${router.priority}`
    : `${router.effectivePriority} (of ${router.priority})`,
  `${router.interface} vrid ${router.vrid} v${router.version}`,
  router.since === 0 ? "-" : ago(now - router.since),
  router.peer === undefined ? router.reason : `${router.reason} ${router.peer}`,
  router.addresses.map(({ address, held }) => (held ? `*${address}` : address)).join(" "),
];

const remarks = (routers: readonly RouterStatus[]): string[] =>
  routers.flatMap((router) => [
    ...(router.waiting === undefined ? [] : [`! ${router.name}: waiting: ${router.waiting}`]),
    ...router.failed.map((subject) => `! ${router.name}: ${subject} counts against it`),
    ...router.conflicts.map((conflict) => `! ${router.name}: conflict: ${conflict}`),
  ]);

const serverLines = (server: ServerStatus, now: number): string[] => {
  const removal =
    server.worstCaseRemoval === undefined
      ? "no health check"
      : `a dead backend is out after ${formatDuration(micros(server.worstCaseRemoval))} at worst`;
  const rows = server.backends.map((backend) => [
    `  ${backend.name}`,
    `${backend.address}:${backend.port}`,
    `${backend.weight}`,
    painted(backend.health),
    backend.since === 0 ? "-" : ago(now - backend.since),
    backend.reason ?? "",
  ]);
  const title = `${server.name}  ${server.protocol}://${server.address}:${server.port}  ${server.mode}, ${server.scheduler}; ${removal}`;
  return [title, ...table(["  BACKEND", "ADDRESS", "WEIGHT", "HEALTH", "SINCE", "REASON"], rows), ""];
};

/** The tables of a status, line by line. `*` marks an address held here. */
const statusLines = (status: Status): string[] => {
  const { now } = status;
  const routers = status.routers.map((router) => routerRow(router, now));
  const forwarding = status.forwarding.detail === undefined ? "" : `: ${status.forwarding.detail}`;
  return [
    `steelyard ${status.version} edge, running for ${ago(now - status.wire.startedAt)}, configuration ${status.config.generation}, forwarding ${painted(status.forwarding.state)}${forwarding}`,
    ...(status.config.refused ?? []).map((problem) => `! refused: ${problem}`),
    "",
    ...table(["ROUTER", "STATE", "PRIORITY", "WHERE", "SINCE", "BECAUSE", "ADDRESSES (* held)"], routers),
    ...remarks(status.routers),
    "",
    ...status.servers.flatMap((server) => serverLines(server, now)),
    ...(status.checks.length === 0
      ? []
      : table(
          ["CHECK", "HEALTH", "SINCE", "REASON"],
          status.checks.map((check) => [
            check.name,
            painted(check.health),
            ago(now - check.since),
            check.reason ?? "",
          ]),
        )),
  ];
};

/** Prints the status once, or again every second with `watch`; gives the exit status. */
export const status = async (options: StatusOptions): Promise<number> => {
  for (;;) {
    const answer = await get(options.admin, "/v1/status");
    if (!answer.ok) {
      process.stderr.write(`${answer.message}\n`);
      return 1;
    }
    const clear = options.watch && process.stdout.isTTY ? "\u001b[H\u001b[2J" : "";
    const text = options.json
      ? answer.body.trimEnd()
      : statusLines(JSON.parse(answer.body) as Status)
          .join("\n")
          .trimEnd();
    process.stdout.write(`${clear}${text}\n`);
    if (!options.watch) return 0;
    await sleep(1_000);
  }
};
