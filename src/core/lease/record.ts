/** The Lease object: what we read of it, and how we write it without losing what others wrote. */
import { type Duration, seconds, type WallTime } from "#base/time";

/** A Lease as read. */
export type LeaseRecord = {
  readonly resourceVersion: string;
  /** `""` when nobody holds it. */
  readonly holder: string;
  /** What the holder promised; `undefined` when it says nothing sensible. */
  readonly duration: Duration | undefined;
  /** How often it has changed hands. */
  readonly transitions: number;
  /** When the holder took it, as written; for people. */
  readonly acquireTime: string | undefined;
};

/** What we say in the Lease. */
export type LeaseClaim = {
  /** `""` releases it. */
  readonly holder: string;
  readonly duration: Duration;
  readonly transitions: number;
  /** As read before; `undefined` means the moment of writing. */
  readonly acquireTime: string | undefined;
};

const MOST_SECONDS = 3_600;
const MOST_TRANSITIONS = 2 ** 31 - 1;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** Reads a Lease; `undefined` if the value is not an object with a version. Odd fields count as absent. */
export const parseLease = (object: unknown): LeaseRecord | undefined => {
  const metadata = isRecord(object) ? object.metadata : undefined;
  const resourceVersion = isRecord(metadata) ? textOf(metadata.resourceVersion) : "";
  if (!isRecord(object) || resourceVersion === "") return undefined;
  const spec = isRecord(object.spec) ? object.spec : {};
  const { leaseDurationSeconds: length, leaseTransitions: transitions } = spec;
  const hasLength = typeof length === "number" && Number.isInteger(length) && length >= 1;
  const counts = typeof transitions === "number" && Number.isInteger(transitions) && transitions >= 0;
  const acquireTime = textOf(spec.acquireTime);
  return {
    resourceVersion,
    holder: textOf(spec.holderIdentity),
    duration: hasLength ? seconds(Math.min(length, MOST_SECONDS)) : undefined,
    transitions: counts ? Math.min(transitions, MOST_TRANSITIONS) : 0,
    acquireTime: acquireTime === "" ? undefined : acquireTime,
  };
};

/** The object to send. `before` is the object as it was read, whose other fields are kept; `undefined` makes a new one. */
export const renderLease = ({
  before,
  namespace,
  name,
  claim,
  microTime,
}: {
  readonly before: unknown;
  readonly namespace: string;
  readonly name: string;
  readonly claim: LeaseClaim;
  /** The moment of writing, as `formatMicroTime` gives it. */
  readonly microTime: string;
}): unknown => {
  const kept = isRecord(before) ? before : {};
  const metadata = isRecord(kept.metadata) ? kept.metadata : {};
  const spec = isRecord(kept.spec) ? kept.spec : {};
  return {
    ...kept,
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { ...metadata, namespace, name },
    spec: {
      ...spec,
      holderIdentity: claim.holder,
      leaseDurationSeconds: Math.max(1, Math.round(claim.duration / seconds(1))),
      acquireTime: claim.acquireTime ?? microTime,
      renewTime: microTime,
      leaseTransitions: Math.min(claim.transitions, MOST_TRANSITIONS),
    },
  };
};

/** A moment as Kubernetes' MicroTime: RFC 3339 with six decimals, in UTC. */
export const formatMicroTime = (moment: WallTime): string =>
  new Date(moment).toISOString().replace("Z", "000Z");
