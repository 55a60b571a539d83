/** Decides which Events are written: once each, counted when repeated, few for each Service. */
import { between, type Duration, type Instant, micros, seconds, type WallTime } from "#base/time";
import type { ObjectMeta } from "#core/kubernetes/meta";

/** What is to be told about a Service. */
export type ServiceEvent = {
  readonly service: Pick<ObjectMeta, "namespace" | "name" | "uid" | "resourceVersion">;
  readonly type: "Normal" | "Warning";
  /** CamelCase, short. */
  readonly reason: string;
  readonly message: string;
};

/** A write of an Event (core/v1): a new one, or the count of one that is there. */
export type EventWrite = {
  readonly verb: "create" | "patch";
  readonly namespace: string;
  readonly name: string;
  /** Made when it is sent: thousands may wait. */
  readonly body: () => unknown;
};

/** Who reports: `steelyard-controller`, and its pod or host. */
export type Reporter = { readonly component: string; readonly instance: string };

export type Recorder = {
  /** The write for one more event; `undefined` if this Service has been told of too often lately. */
  record(event: ServiceEvent, time: { readonly now: Instant; readonly at: WallTime }): EventWrite | undefined;
};

/** Events of one Service at once, and how long it takes until one more may be written, as Kubernetes' own recorder has it. */
const BURST = 25;
const REFILL: Duration = seconds(300);
/** How long the same event counts up one object rather than making another. */
const SAME_FOR: Duration = seconds(600);
/** Services and events that are remembered; the oldest are forgotten first. */
const REMEMBERED = 4_096;
/** The API server refuses longer ones. */
const LONGEST_MESSAGE = 1_024;
/** Object names have at most 253 characters; what we append takes 24 of them. */
const LONGEST_NAME = 229;

type Told = { readonly name: string; readonly first: WallTime; count: number; last: Instant };
type Allowance = { left: number; since: Instant };

const iso = (at: WallTime): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

const remember = <Value>(map: Map<string, Value>, key: string, value: Value): void => {
  map.delete(key);
  map.set(key, value);
  if (map.size <= REMEMBERED) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
};

/** Nothing told yet. */
export const createRecorder = ({ component, instance }: Reporter): Recorder => {
  const toldById = new Map<string, Told>();
  const allowanceByUid = new Map<string, Allowance>();
  let made = 0;

  const isAllowed = (uid: string, now: Instant): boolean => {
    const known = allowanceByUid.get(uid) ?? { left: BURST, since: now };
    const earned = Math.floor(between(known.since, now) / REFILL);
    const left = Math.min(BURST, known.left + earned);
    const since = left === BURST ? now : ((known.since + earned * REFILL) as Instant);
    remember(allowanceByUid, uid, { left: Math.max(0, left - 1), since });
    return left > 0;
  };

  const bodyOf = (event: ServiceEvent, name: string, at: WallTime): unknown => ({
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace: event.service.namespace },
    involvedObject: { apiVersion: "v1", kind: "Service", ...event.service },
    type: event.type,
    reason: event.reason,
    message: event.message.slice(0, LONGEST_MESSAGE),
    source: { component },
    firstTimestamp: iso(at),
    lastTimestamp: iso(at),
    count: 1,
    reportingComponent: component,
    reportingInstance: instance,
  });

  return {
    record(event, { now, at }) {
      const { namespace, name: service, uid } = event.service;
      const id = [uid, event.type, event.reason, event.message].join("\u0000");
      const told = toldById.get(id);
      const isSame = told !== undefined && between(told.last, now) < SAME_FOR;
      if (!isAllowed(uid, now)) return undefined;
      if (isSame) {
        told.count += 1;
        told.last = now;
        remember(toldById, id, told);
        const { name, count } = told;
        return { verb: "patch", namespace, name, body: () => ({ count, lastTimestamp: iso(at) }) };
      }
      made += 1;
      // Unique among ours by the count, among those of other replicas and starts by the time.
      const name = `${service.slice(0, LONGEST_NAME)}.${(micros(at * 1_000) + (made % 1_000)).toString(16)}`;
      remember(toldById, id, { name, first: at, count: 1, last: now });
      return { verb: "create", namespace, name, body: () => bodyOf(event, name, at) };
    },
  };
};
