/** Whether what was promised was kept: pure, from what was done and what was seen. */
import type { Download, HttpRequest } from "#lab/probe/records";
import { boundOf, REPAIRED, UNTOUCHED } from "./bounds.ts";
import { belongsTo, homeOf, SERVICES, type Service } from "./config.ts";
import { describeFault, type NodeName, type Step, separates } from "./plan.ts";
import { length, meets, overlapsIn, type Stretch, type Tenure, vacanciesIn, without } from "./stretch.ts";
import { growth, type Weight } from "./weigh.ts";

/** A step as it happened; times are milliseconds since 1970. */
export type Played = Step &
  Stretch & {
    /** When one edge alone held each address again; `undefined` if that took longer than `SETTLED_WITHIN`. */
    readonly settled: number | undefined;
    /** Kernel settings that were not again what the edges need within `SETTINGS_WITHIN`. */
    readonly wrong: readonly string[];
  };

type Flow = Stretch & {
  readonly service: Service;
  readonly error?: string;
  readonly backend?: string;
  readonly port?: number;
};

export type Seen = {
  readonly played: readonly Played[];
  /** Which edge had an address from when to when, by address. */
  readonly tenures: Readonly<Record<string, readonly Tenure[]>>;
  /** Stretches of time in which no datagram through the address was answered. */
  readonly gaps: readonly Stretch[];
  /** The same between two hosts that no fault meets: then the machine was too busy for anybody. */
  readonly hiccups: readonly Stretch[];
  /** In the order in which they began; times are converted to milliseconds since 1970. */
  readonly requests: readonly (Flow & Pick<HttpRequest, "error">)[];
  readonly downloads: readonly (Flow & Pick<Download, "whole">)[];
  /** What each edge took of its machine after each step. */
  readonly weights: Readonly<Record<string, readonly Weight[]>>;
  /** What was found after both edges were told to end. */
  readonly leftovers: readonly string[];
  /** When the record ended. */
  readonly until: number;
};

/** How long after a separation both may hold the address: until they have heard each other and said so. */
const HEARD_WITHIN = 1_500;
/** How long two edges that hear each other may both hold it: the moment of a hand-over. */
const HANDOVER = 1_000;
/** How long after a fault one edge alone must hold the address. */
export const SETTLED_WITHIN = 8_000;
/** How long after a fault a kernel setting may be wrong: the kernel tells of some at once, the others are looked at every five seconds. */
export const SETTINGS_WITHIN = 6_500;
/** How long after a backend went or came its connections may still be cut: until its check has failed. */
const NOTICED_WITHIN = 4_000;
/** How long after a fault its consequences may still come: the other edge takes over, and the former one gives up. */
const AFTERMATH = 1_000;
/** How long an edge keeps apart which flows of a slot are older than the slot's last change (docs/forwarding.md). */
const TRANSITION = 15 * 60_000;

const tenuresOf = ({ tenures }: Seen, service: Service): readonly Tenure[] =>
  tenures[SERVICES[service].address] ?? [];

const heldBy = (tenures: readonly Tenure[], edge: string, when: Stretch): boolean =>
  tenures.some((tenure) => tenure.host === edge && meets(tenure, when));

/** The flow may have gone over two edges: one took over from another while it lasted, or both held the address. */
const changedEdges = (flow: Flow, seen: Seen): boolean => {
  const tenures = tenuresOf(seen, flow.service);
  return (
    tenures.some(({ from, to }) => [from, to].some((at) => at >= flow.from && at <= flow.to)) ||
    overlapsIn(tenures, seen.until).some((overlap) => meets(overlap, flow))
  );
};

/** Whoever flushed the rules of an edge that had the flow's address has cut it, until they are back. */
const isFlushed = (flow: Flow, seen: Seen): boolean =>
  seen.played.some(({ fault, from }) => {
    const flush = { from, to: from + REPAIRED };
    return (
      fault.type === "flush" && meets(flush, flow) && heldBy(tenuresOf(seen, flow.service), fault.edge, flush)
    );
  });

/** The flow is of a slot that has another backend while that node is away. */
const moves = ({ service, port }: Flow, node: NodeName): boolean =>
  port !== undefined && belongsTo(node, service, port);

/** Where persistence had sent the client last before this flow. */
const pinnedBefore = (flow: Flow, { requests }: Seen): string | undefined =>
  flow.service !== "kept"
    ? undefined
    : requests.findLast(
        ({ service, to, backend }) => service === "kept" && to <= flow.from && backend !== undefined,
      )?.backend;

/**
 * A flow may break when its own backend went, or the one to which a new flow of its slot or its client goes; and, when its
 * slot moved because a backend went or came, if another edge gets it: which of a slot's flows are older than the move only
 * the former edge knows (docs/forwarding.md). A flow of any other slot never moves.
 */
const isOfBackendThatWent = (flow: Flow, seen: Seen): boolean =>
  seen.played.some(({ fault, from, to }) => {
    if (fault.type !== "flap") return false;
    const away = { from, to: to + NOTICED_WITHIN };
    const serves = flow.backend ?? pinnedBefore(flow, seen);
    const isOwn = serves === fault.node || (flow.backend === undefined && moves(flow, fault.node));
    const transition = { from, to: to + TRANSITION };
    return (
      (isOwn && meets(away, flow)) ||
      (moves(flow, fault.node) && meets(transition, flow) && changedEdges(flow, seen))
    );
  });

/**
 * In `masquerade` an answer under way at a takeover is lost, since no connections are told to the other edge here; while
 * both edges hold the address either may get it; and what the edge sends to backends and clients alike passes its own port,
 * so that lost frames of the edge are lost packets of the connection, in both directions.
 */
const isOfTranslatingEdge = (flow: Flow, seen: Seen): boolean =>
  flow.service !== "direct" &&
  (changedEdges(flow, seen) ||
    seen.played.some(
      (step) =>
        step.fault.type === "loss" &&
        step.fault.to === undefined &&
        meets(step, flow) &&
        heldBy(tenuresOf(seen, flow.service), step.fault.from, step),
    ));

const isExcused = (flow: Flow, seen: Seen): boolean =>
  isFlushed(flow, seen) || isOfBackendThatWent(flow, seen) || isOfTranslatingEdge(flow, seen);

/** The part of a stretch that no separation explains, in milliseconds. */
const unexplained = (stretch: Stretch, played: readonly Played[]): number => {
  const separated = played
    .filter(({ fault }) => separates(fault))
    .map(({ from, to }) => ({ from, to: to + HEARD_WITHIN }));
  return Math.max(0, ...without(stretch, separated).map(({ from, to }) => to - from));
};

/** The longest time that nobody may have an address there: that of the faults in force which met its holder. */
const boundAt = (gap: Stretch, { played, tenures }: Seen): number => {
  const bounds = played.map(({ fault, from, to, settled = to }) => {
    const aftermath = { from, to: Math.max(to, settled) + AFTERMATH };
    if (!meets(gap, aftermath)) return UNTOUCHED;
    const victim = fault.type === "loss" ? fault.from : "edge" in fault ? fault.edge : undefined;
    const met =
      victim === undefined || Object.values(tenures).some((each) => heldBy(each, victim, aftermath));
    return met ? boundOf(fault) : UNTOUCHED;
  });
  return Math.max(UNTOUCHED, ...bounds);
};

/** Every gap of which the machine's own pauses leave more than its bound, with the bound. */
const tooLong = (gaps: readonly Stretch[], seen: Seen) =>
  gaps.flatMap((gap) => {
    const lasted = Math.round(length(without(gap, seen.hiccups)));
    const bound = boundAt(gap, seen);
    return lasted > bound ? [{ ...gap, lasted, bound }] : [];
  });

const counted = (findings: readonly string[]): readonly string[] =>
  [...new Set(findings)].map((finding) => {
    const times = findings.filter((each) => each === finding).length;
    return times === 1 ? finding : `${finding}, ${times} times`;
  });

const words = (seen: Seen) => {
  const start = seen.played[0]?.from ?? 0;
  return (at: number): string => {
    const index = seen.played.findLastIndex(({ from }) => from <= at);
    const step = seen.played[index];
    const during =
      step === undefined ? "before the first step" : `step ${index + 1}: ${describeFault(step.fault)}`;
    return `at ${((at - start) / 1_000).toFixed(1)} s (${during})`;
  };
};

/** What was broken of who holds the addresses, and for how long nobody did. */
const ofHolders = (seen: Seen): readonly string[] => {
  const { played, tenures, gaps, until } = seen;
  const when = words(seen);
  return [
    ...played.flatMap(({ settled, to }) =>
      settled === undefined ? [`no edge alone held the address ${SETTLED_WITHIN} ms later, ${when(to)}`] : [],
    ),
    ...Object.entries(tenures).flatMap(([address, each]) => [
      ...overlapsIn(each, until)
        .filter((overlap) => unexplained(overlap, played) > HANDOVER)
        .map(
          ({ from, to }) =>
            `two edges that hear each other held ${address} for ${to - from} ms ${when(from)}`,
        ),
      ...tooLong(vacanciesIn(each, until), seen).map(
        ({ from, lasted, bound }) =>
          `nobody held ${address} for ${lasted} ms, more than ${bound}, ${when(from)}`,
      ),
    ]),
    ...tooLong(gaps, seen).map(
      ({ from, lasted, bound }) => `nobody answered for ${lasted} ms, more than ${bound}, ${when(from)}`,
    ),
  ];
};

/** Of new flows while no backend is away, how many go where their slot says: else this judges by the wrong table. */
const AT_HOME = 0.95;

const ofSlots = ({ requests, played }: Seen): readonly string[] => {
  const flaps = played.flatMap(({ fault, from, to }) =>
    fault.type === "flap" ? [{ from, to: to + NOTICED_WITHIN }] : [],
  );
  const answered = requests.flatMap((request) => {
    const { service, backend, port } = request;
    // Where persistence has pinned the client is another question.
    if (service === "kept" || backend === undefined || port === undefined) return [];
    return flaps.some((flap) => meets(flap, request)) ? [] : [backend === homeOf(service, port)];
  });
  const home = answered.filter((isHome) => isHome).length;
  return home < AT_HOME * answered.length
    ? [`only ${home} of ${answered.length} requests went to their slot's backend while none was away`]
    : [];
};

/** Every promise that was broken, in words with the step it belongs to; empty when all were kept. */
export const brokenPromises = (seen: Seen): readonly string[] => {
  const { played, requests, downloads, weights, leftovers } = seen;
  const when = words(seen);
  return counted([
    ...ofHolders(seen),
    ...ofSlots(seen),
    ...played.flatMap(({ wrong, to }) =>
      wrong.map((setting) => `not repaired within ${SETTINGS_WITHIN} ms: ${setting}, ${when(to)}`),
    ),
    ...requests
      .filter((request) => request.error !== undefined && !isExcused(request, seen))
      .map(({ service, error, from }) => `a request to ${service} failed (${error}) ${when(from)}`),
    ...downloads
      .filter((download) => !download.whole && !isExcused(download, seen))
      .map(({ backend = "nobody", error, to }) => `a download from ${backend} broke (${error}) ${when(to)}`),
    ...Object.entries(weights).flatMap(([name, each]) => growth(name, each)),
    ...leftovers.map((left) => `left behind: ${left}`),
  ]);
};
