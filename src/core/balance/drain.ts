/**
 * Draining: a backend with weight 0, one whose check is answered with no, or one that has left the configuration, gets no new flows,
 * keeps those it has, and loses what is left of them at a deadline.
 *
 * A backend that has left the configuration stays in the plan until then. It has no place in the table of slots, which
 * follows from the configuration alone and so is the same on an edge that has never known it.
 */
import { after, type Duration, type Instant, seconds } from "#base/time";
import type { VirtualServer } from "./model.ts";
import type { ForwardingPlan, PlannedBackend, ServerPlan } from "./plan-model.ts";
import { samePorts } from "./ports.ts";

/** How long one that has left `dsr` without a deadline is remembered: else its flows would be another's with the next packet. */
const LONGEST_LEAVE: Duration = seconds(86_400);
/** How long one that has left stays in the plan as unavailable, so that ending its flows survives a restart. */
const LINGER: Duration = seconds(5);
/** Most backends of one server that have left and are still remembered; the first to be forgotten goes first. */
const MOST_LEAVING = 256;

type Drained = Pick<PlannedBackend, "availability" | "drainUntil" | "drained">;

const wasDrained = (before: PlannedBackend | undefined): before is PlannedBackend =>
  before !== undefined &&
  (before.weight === 0 || before.availability === "draining" || before.drained === true);

/** What its drain makes of a configured backend. `before` is itself in the plan that runs. */
export const drainMember = (
  backend: PlannedBackend,
  before: PlannedBackend | undefined,
  { drainTimeout, now }: { readonly drainTimeout: Duration | undefined; readonly now: Instant },
): PlannedBackend => {
  if (drainTimeout === undefined || (backend.weight > 0 && backend.availability !== "draining"))
    return backend;
  const known = before?.role === undefined && wasDrained(before) ? before : undefined;
  const drainUntil = known?.drainUntil ?? after(now, drainTimeout);
  const over: Drained = { availability: "unavailable", drained: true };
  if (known?.drained === true || drainUntil <= now) return { ...backend, ...over };
  return { ...backend, drainUntil };
};

/** How long a backend that leaves keeps its flows; `undefined`: as long as they last, without our help. */
const leaveTime = ({ mode, drainTimeout }: VirtualServer): Duration | undefined =>
  drainTimeout ?? (mode === "dsr" ? LONGEST_LEAVE : undefined);

const leave = (before: PlannedBackend, time: Duration, now: Instant): PlannedBackend | undefined => {
  const drainUntil = before.drainUntil ?? after(now, time);
  const leaving = { ...before, weight: 0, role: "leaving" as const };
  if (drainUntil > now) return { ...leaving, availability: "draining", drainUntil };
  if (before.drained === true) return undefined;
  return { ...leaving, availability: "unavailable", drained: true, drainUntil: after(now, LINGER) };
};

/** Whether flows of `previous` are flows of `server` still. */
export const isSameService = (server: VirtualServer, previous: ServerPlan): boolean =>
  previous.mode === server.mode &&
  previous.address === server.address &&
  previous.protocol === server.protocol &&
  samePorts(previous.ports, server.ports);

/** The backends that `server` no longer lists and that still have flows to keep, or to lose now. */
export const leavingBackends = (
  server: VirtualServer,
  previous: ServerPlan | undefined,
  now: Instant,
): readonly PlannedBackend[] => {
  const time = leaveTime(server);
  if (previous === undefined || time === undefined || !isSameService(server, previous)) return [];
  const names = new Set(server.backends.map(({ name }) => name));
  // One that was only renamed is not gone.
  const endpoints = new Set(server.backends.map(({ address, port }) => `${address} ${port}`));
  return previous.backends
    .filter(({ name, role, availability, drained }) => {
      const mayHaveFlows = availability !== "unavailable" || (role === "leaving" && drained === true);
      return role !== "sorry" && !names.has(name) && mayHaveFlows;
    })
    .filter(({ address, port }) => !endpoints.has(`${address} ${port}`))
    .flatMap((backend) => leave(backend, time, now) ?? [])
    .sort((left, right) => (right.drainUntil ?? 0) - (left.drainUntil ?? 0))
    .slice(0, MOST_LEAVING);
};

/** What has become of one backend that is, or was, being drained. */
export type DrainChange = {
  readonly server: string;
  readonly backend: string;
  /** `draining`: it takes no new flows; `drained`: what was left of them has ended; `over`: it takes flows again, or is gone. */
  readonly state: "draining" | "drained" | "over";
  /** When it will be drained; `undefined` without a deadline. */
  readonly until?: Instant;
};

type DrainState = Omit<DrainChange, "server" | "backend">;

const stateOf = ({ availability, drained, drainUntil }: PlannedBackend): DrainState | undefined => {
  if (drained === true) return { state: "drained" };
  if (availability !== "draining") return undefined;
  return { state: "draining", ...(drainUntil === undefined ? {} : { until: drainUntil }) };
};

const drainsOf = (server: ServerPlan | undefined): ReadonlyMap<string, DrainState> =>
  new Map(
    server?.backends.flatMap((backend) => {
      const state = stateOf(backend);
      return state === undefined ? [] : [[backend.name, state] as const];
    }),
  );

/** What is to be said of drains once `now` runs where `before` ran. */
export const drainChanges = (
  before: ForwardingPlan | undefined,
  now: ForwardingPlan,
): readonly DrainChange[] => {
  const oldByName = new Map(before?.servers.map((server) => [server.name, server]));
  return now.servers.flatMap((server) => {
    const old = oldByName.get(server.name);
    if (old === server) return [];
    const [was, is] = [drainsOf(old), drainsOf(server)];
    const news = [...is]
      .filter(([name, { state, until }]) => was.get(name)?.state !== state || was.get(name)?.until !== until)
      .map(([backend, state]) => ({ server: server.name, backend, ...state }));
    const over = [...was.keys()]
      .filter((name) => !is.has(name))
      .map((backend) => ({ server: server.name, backend, state: "over" as const }));
    return [...news, ...over];
  });
};
