/** Says one event in one line for people: `edge-vip: backup -> active (active-down-timer)`. */
import { formatDuration } from "#base/time";
import type { Limit } from "#core/balance/limits";
import { bgpSentence } from "#core/speaker/bgp";
import type { Event, ForwardingChange, ResourceName } from "./event.ts";

/** How much attention an event asks for, as syslog counts: the logs' level. */
export type Severity = "info" | "notice" | "warning" | "error";

/** What a line is about, and what it says. */
export type Sentence = { readonly severity: Severity; readonly subject: string; readonly text: string };

const say = (severity: Severity, subject: string, text: string): Sentence => ({ severity, subject, text });

const because = (reason: string | undefined, detail: string | undefined): string => {
  const parts = [reason, detail].filter((part) => part !== undefined && part !== "");
  return parts.length === 0 ? "" : ` (${parts.join(": ")})`;
};

const names = (verb: string, resources: readonly ResourceName[]): string[] =>
  resources.length === 0
    ? []
    : [`${verb} ${resources.map(({ kind, name }) => `${kind}/${name}`).join(", ")}`];

const configApplied = (event: Event & { type: "config-applied" }): Sentence => {
  const parts = [
    ...names("added", event.added),
    ...names("changed", event.changed),
    ...names("removed", event.removed),
  ];
  return parts.length === 0
    ? say("info", "config", "read again, nothing changed")
    : say("notice", "config", parts.join("; "));
};

const ADDRESS_SEVERITY: Readonly<Record<Extract<Event, { type: "address" }>["change"], Severity>> = {
  added: "info",
  adopted: "info",
  removed: "info",
  kept: "notice",
  restored: "warning",
  failed: "error",
};

const SYSCTL_SEVERITY: Readonly<Record<Extract<Event, { type: "sysctl" }>["change"], Severity>> = {
  set: "info",
  restored: "info",
  repaired: "warning",
  failed: "error",
};

const PROCESS_SEVERITY: Readonly<Record<Extract<Event, { type: "process" }>["change"], Severity>> = {
  started: "info",
  ready: "info",
  stopping: "info",
  exited: "warning",
  stalled: "warning",
  degraded: "warning",
};

type RouterEvent = Extract<Event, { readonly router: string }>;

const routerSentence = (event: RouterEvent): Sentence => {
  const subject = `router ${event.router}`;
  switch (event.type) {
    case "router-state": {
      const from = event.peer === undefined ? "" : `, peer ${event.peer}`;
      return say("notice", subject, `${event.from} -> ${event.to} (${event.reason}${from})`);
    }
    case "router-priority": {
      const failed = event.failed.length === 0 ? "" : `, because of ${event.failed.join(", ")}`;
      return say("notice", subject, `priority is now ${event.priority}${failed}`);
    }
    case "router-conflict": {
      const severity = event.state === "begun" ? "warning" : "notice";
      const lasted = event.lasted === undefined ? "" : `, seen for ${formatDuration(event.lasted)}`;
      return say(
        severity,
        subject,
        `${event.conflict} with ${event.peer} ${event.state}${lasted}${because(undefined, event.detail)}`,
      );
    }
    case "router-waiting":
      return event.state === "begun"
        ? say("warning", subject, `waiting: ${event.detail}`)
        : say("notice", subject, `waits no longer: ${event.detail}`);
    case "address":
      return say(
        ADDRESS_SEVERITY[event.change],
        subject,
        `address ${event.address} on ${event.device} ${event.change}${because(undefined, event.detail)}`,
      );
    case "virtual-link":
      return say(
        event.change === "failed" ? "error" : "info",
        subject,
        `interface ${event.device} with its virtual MAC address ${event.change}${because(undefined, event.detail)}`,
      );
    case "duplicate-address":
      return say(
        "error",
        subject,
        `${event.address} is also claimed by ${event.mac}: two machines hold one address`,
      );
  }
};

const healthSentence = (event: Event & { type: "backend-health" | "check-health" }): Sentence => {
  const subject = event.type === "check-health" ? `check ${event.check}` : `server ${event.server}`;
  const what = event.type === "check-health" ? "" : `backend ${event.backend} `;
  if (event.type === "backend-health" && event.from === event.to && event.to === "failed")
    return say("warning", subject, `${what}is silent now${because(event.reason, event.detail)}`);
  if (event.from === event.to)
    return say(
      "notice",
      subject,
      `${what}${event.to}${because(undefined, event.detail ?? "it tells how it is now")}`,
    );
  const severity = event.to === "failed" ? "warning" : "notice";
  return say(severity, subject, `${what}${event.from} -> ${event.to}${because(event.reason, event.detail)}`);
};

const FORWARDING_WORDS: Readonly<Record<ForwardingChange, string>> = {
  ruleset: "ruleset loaded",
  elements: "elements changed",
  unchanged: "nothing to change",
  removed: "removed",
};

const forwardingSentence = ({
  how,
  took,
  repaired,
  by = "somebody else",
  anew,
}: Event & { type: "forwarding-applied" }): Sentence => {
  const words = FORWARDING_WORDS[how];
  if (anew !== undefined) {
    const lost = "what packets had recorded is lost, for the tables had to be made anew";
    return say("warning", "forwarding", `${words} in ${formatDuration(took)}: ${lost} (${anew})`);
  }
  if (repaired === true) return say("warning", "forwarding", `${words}: ${by} had changed our tables`);
  return say("info", "forwarding", how === "removed" ? words : `${words} in ${formatDuration(took)}`);
};

const drainSentence = ({ server, backend, state, until }: Event & { type: "backend-drain" }): Sentence => {
  const words = {
    draining: "is draining: no new flows, and those it has may finish",
    drained: "is drained: its time is up, and what it had left has ended",
    over: "is no longer draining",
  }[state];
  const limit = until === undefined ? "" : ` until ${new Date(until).toISOString()}`;
  return say("notice", `server ${server}`, `backend ${backend} ${words}${limit}`);
};

const LIMIT_WORDS: Readonly<Record<Limit, string>> = {
  connections: "their sources have connectionsPerSource connections open",
  "new-connections": "their sources open connections faster than newConnectionsPerSource",
};

const SYNC_SEVERITY: Readonly<Record<Extract<Event, { type: "connection-sync" }>["state"], Severity>> = {
  idle: "info",
  starting: "info",
  "in-sync": "notice",
  behind: "warning",
  "peer-silent": "warning",
  down: "error",
  unavailable: "error",
};

const PIN_SYNC_SEVERITY: Readonly<Record<Extract<Event, { type: "pin-sync" }>["state"], Severity>> = {
  "in-sync": "notice",
  "peer-silent": "warning",
  "other-version": "warning",
  "other-secret": "warning",
  refused: "warning",
  unavailable: "error",
};

type TableChange = Extract<Event, { type: "conntrack" }>["change"];

const CONNTRACK_SEVERITY: Readonly<Record<TableChange, Severity>> = {
  ample: "notice",
  filling: "warning",
  full: "error",
  failed: "error",
};

const CONNTRACK_WORDS: Readonly<Record<TableChange, (detail: string) => string>> = {
  ample: (detail) => `the table has room again: ${detail}`,
  filling: (detail) => `the table is filling up: ${detail}; raise net.netfilter.nf_conntrack_max`,
  full: (detail) =>
    `the table is full and new connections are lost: ${detail}; raise net.netfilter.nf_conntrack_max`,
  failed: (detail) => detail,
};

type RouteState = Extract<Event, { type: "bgp-route" }>["state"];

const ROUTE_WORDS: Readonly<Record<RouteState, (servers: string) => string>> = {
  announced: (servers) => `announced again: ${servers} can serve`,
  "last-resort": (servers) =>
    `announced as the last resort: every backend of ${servers} has failed its check here`,
  withheld: (servers) => `not announced: nobody behind ${servers} takes connections`,
  removed: (servers) => `not wanted any more, for ${servers}`,
};

const refusedSentence = ({ problems }: Extract<Event, { type: "config-refused" }>): Sentence =>
  say("error", "config", `refused, the running configuration stays: ${problems.join(" | ")}`);

const processSentence = ({ part, change, detail }: Extract<Event, { type: "process" }>): Sentence =>
  say(PROCESS_SEVERITY[change], part, `${change}${because(undefined, detail)}`);

const routeSentence = ({ route, state, servers }: Extract<Event, { type: "bgp-route" }>): Sentence => {
  const severity = state === "announced" || state === "removed" ? "notice" : "warning";
  return say(severity, `route ${route}`, ROUTE_WORDS[state](servers.join(", ")));
};

/** The sentence for an event. */
export const sentence = (event: Event): Sentence => {
  switch (event.type) {
    case "backend-health":
    case "check-health":
      return healthSentence(event);
    case "link":
      return say(event.state === "up" ? "notice" : "warning", `link ${event.link}`, event.state);
    case "forwarding-applied":
      return forwardingSentence(event);
    case "forwarding-failed":
      return say("error", "forwarding", event.detail);
    case "server-engine":
      return say(
        event.detail === undefined ? "info" : "warning",
        `server ${event.server}`,
        `forwarded by ${event.engine}${because(undefined, event.detail)}`,
      );
    case "backend-drain":
      return drainSentence(event);
    case "kept-out":
      return say(
        "warning",
        `server ${event.server}`,
        `${event.count} packets kept out: ${LIMIT_WORDS[event.limit]}`,
      );
    case "flows-ended":
      return say(
        "notice",
        `server ${event.server}`,
        `${event.count} flows to ${event.backends.join(", ")} ended: their next packets go elsewhere`,
      );
    case "connection-sync":
      return say(
        SYNC_SEVERITY[event.state],
        "connection sync",
        `${event.state}${because(undefined, event.detail)}`,
      );
    case "pin-sync":
      return say(
        PIN_SYNC_SEVERITY[event.state],
        "pin sync",
        `${event.state}${because(undefined, event.detail)}`,
      );
    case "conntrack":
      return say(CONNTRACK_SEVERITY[event.change], "conntrack", CONNTRACK_WORDS[event.change](event.detail));
    case "sysctl":
      return say(
        SYSCTL_SEVERITY[event.change],
        `sysctl ${event.setting}`,
        `${event.change}: ${event.detail}`,
      );
    case "bgp-route":
      return routeSentence(event);
    case "bgp-session":
    case "bgp-attempt":
    case "bgp-trouble":
    case "bgp-bfd":
    case "bgp-damped":
    case "bgp-limit":
      return bgpSentence(event);
    case "config-applied":
      return configApplied(event);
    case "config-refused":
      return refusedSentence(event);
    case "process":
      return processSentence(event);
    default:
      return routerSentence(event);
  }
};
