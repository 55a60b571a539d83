/** `steelyard status`: what a running edge, controller or speaker holds and how it is, as tables or as JSON. */
import { setTimeout as sleep } from "node:timers/promises";
import { styleText } from "node:util";
import type { ControllerStatus } from "#api/controller";
import type { SpeakerStatus } from "#api/speaker";
import type { DrainStatus, RouterStatus, ServerStatus, Status } from "#api/status";
import { formatDuration, micros } from "#base/time";
import { get } from "#drivers/http/client";
import { controllerStatusLines } from "./controller-status.ts";
import { edgeBgpLines, edgeBgpPage } from "./edge-bgp-status.ts";
import { bgpStatusLines } from "./speaker-bgp-status.ts";
import { speakerStatusLines } from "./speaker-status.ts";
import { ago, printable, table } from "./table.ts";

export type StatusOptions = {
  readonly admin: string;
  readonly json: boolean;
  readonly watch: boolean;
  /** Only this part of it, in full. */
  readonly part?: "bgp";
};

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

/** How long something has been so; `-` when it never was anything else. */
const since = (at: number, now: number): string => (at === 0 ? "-" : ago(now - at));

const routerRow = (router: RouterStatus, now: number): string[] => [
  router.name,
  painted(router.state),
  router.effectivePriority === router.priority
    ? `${router.priority}`
    : `${router.effectivePriority} (of ${router.priority})`,
  `${router.interface} vrid ${router.vrid} v${router.version}`,
  since(router.since, now),
  router.peer === undefined ? router.reason : `${router.reason} ${router.peer}`,
  router.addresses.map(({ address, held }) => (held ? `*${address}` : address)).join(" "),
];

const remarks = (routers: readonly RouterStatus[]): string[] =>
  routers.flatMap((router) =>
    [
      ...(router.waiting === undefined ? [] : [`waiting: ${router.waiting}`]),
      ...router.failed.map((subject) => `${subject} counts against it`),
      ...router.conflicts.map((conflict) => `conflict: ${conflict}`),
    ].map((text) => printable(`! ${router.name}: ${text}`)),
  );

const drainText = ({ backend, state, until, openFlows }: DrainStatus, now: number): string => {
  const left = openFlows === undefined ? "" : `, ${openFlows} open flows`;
  if (state === "drained") return `! ${backend}: drained`;
  return until === undefined
    ? `! ${backend}: draining until its flows end${left}`
    : `! ${backend}: draining, ${ago(Math.max(until - now, 0))} left${left}`;
};

const placeOf = ({ address, port }: { readonly address: string; readonly port?: number }): string =>
  port === undefined ? address : address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;

/** What becomes of clients while no backend can take them. */
const emptyRemark = ({ whenNone, sorryServer }: ServerStatus): string[] => {
  if (whenNone === "failed-backends")
    return ["! every backend has failed: new connections go to all of them as if they were healthy"];
  if (whenNone === "refused") return ["! no backend takes connections: new ones are refused"];
  if (whenNone === undefined || sorryServer === undefined) return [];
  return [`! no backend takes connections: new ones go to the sorry server, ${placeOf(sorryServer)}`];
};

const serverLines = (server: ServerStatus, now: number): string[] => {
  const removal =
    server.worstCaseRemoval === undefined
      ? "no health check"
      : `a dead backend is out after ${formatDuration(micros(server.worstCaseRemoval))} at worst`;
  const rows = server.backends.map((backend) => [
    `  ${backend.name}`,
    placeOf(backend),
    `${backend.weight}`,
    painted(backend.health),
    since(backend.since, now),
    printable(backend.reason ?? ""),
  ]);
  const title = `${server.name}  ${server.protocol}://${server.address}:${server.ports}  ${server.mode}, ${server.scheduler}, ${server.engine}; ${removal}`;
  const remark =
    server.engineReason === undefined ? [] : [printable(`! ${server.name}: ${server.engineReason}`)];
  return [
    title,
    ...remark,
    ...emptyRemark(server),
    ...server.drains.map((drain) => drainText(drain, now)),
    ...table(["  BACKEND", "ADDRESS", "WEIGHT", "HEALTH", "SINCE", "REASON"], rows),
    "",
  ];
};

const syncLines = ({ connectionSync, now }: Status): string[] =>
  connectionSync === undefined
    ? []
    : [
        printable(
          `connection sync ${connectionSync.state} for ${since(connectionSync.since, now)}: ${connectionSync.detail}`,
        ),
        "",
      ];

/** The tables of a status, line by line. `*` marks an address held here. */
export const statusLines = (status: Status): string[] => {
  const { now } = status;
  const routers = status.routers.map((router) => routerRow(router, now));
  const forwarding = status.forwarding.detail === undefined ? "" : printable(`: ${status.forwarding.detail}`);
  return [
    `steelyard ${status.version} ${status.program ?? "edge"}, running for ${ago(now - status.wire.startedAt)}, configuration ${status.config.generation}, forwarding ${painted(status.forwarding.state)}${forwarding}`,
    ...(status.config.refused ?? []).map((problem) => printable(`! refused: ${problem}`)),
    "",
    ...table(["ROUTER", "STATE", "PRIORITY", "WHERE", "SINCE", "BECAUSE", "ADDRESSES (* held)"], routers),
    ...remarks(status.routers),
    "",
    ...status.servers.flatMap((server) => serverLines(server, now)),
    ...edgeBgpLines(status),
    ...syncLines(status),
    ...(status.checks.length === 0
      ? []
      : table(
          ["CHECK", "HEALTH", "SINCE", "ASKS", "NOTICED WITHIN", "REASON"],
          status.checks.map((check) => [
            check.name,
            painted(check.health),
            since(check.since, now),
            printable(check.asks),
            formatDuration(micros(check.worstCase)),
            printable(check.reason ?? ""),
          ]),
        )),
  ];
};

const linesOf = (status: Status | ControllerStatus | SpeakerStatus): string[] => {
  switch (status.role) {
    case "controller":
      return controllerStatusLines(status);
    case "speaker":
      return speakerStatusLines(status);
    default:
      return statusLines(status);
  }
};

const bgpLinesOf = (status: Status | ControllerStatus | SpeakerStatus): string[] => {
  switch (status.role) {
    case "controller":
      return [
        "A controller has no BGP sessions: name the admin socket of a speaker or an edge with --admin.",
      ];
    case "speaker":
      return bgpStatusLines(status.bgp, status.now);
    default:
      return edgeBgpPage(status);
  }
};

const textOf = (body: string, { json, part }: StatusOptions): string => {
  const status: Status | ControllerStatus | SpeakerStatus = JSON.parse(body);
  if (json)
    return part === "bgp" && status.role !== "controller" ? JSON.stringify(status.bgp) : body.trimEnd();
  return (part === "bgp" ? bgpLinesOf(status) : linesOf(status)).join("\n").trimEnd();
};

/** Prints the status once, or again every second with `watch`, which outlasts restarts; gives the exit status. */
export const status = async (options: StatusOptions): Promise<number> => {
  for (;;) {
    const answer = await get(options.admin, "/v1/status");
    if (!answer.ok && !options.watch) {
      process.stderr.write(`${answer.message}\n`);
      return 1;
    }
    const clear = options.watch && process.stdout.isTTY ? "\u001b[H\u001b[2J" : "";
    if (answer.ok) process.stdout.write(`${clear}${textOf(answer.body, options)}\n`);
    else process.stderr.write(`${clear}${answer.message}\n`);
    if (!options.watch) return 0;
    await sleep(1_000);
  }
};
