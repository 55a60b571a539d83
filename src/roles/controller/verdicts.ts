/** Writes whether the configuration can be used, as the leader's ConfigurationState says it. */
import { type Duration, seconds } from "#base/time";
import { reportsState, stateObject, stateStatusOf, type Verdict } from "#core/metallb/status";
import type { ClusterPort, Target } from "#drivers/kubernetes/port";
import type { Time } from "#drivers/kubernetes/time";
import { CONFIGURATION_STATES } from "#runtime/cluster/resources";
import { rfc3339 } from "./patch.ts";

export type VerdictReports = {
  verdictChanged(verdict: Verdict): void;
  close(): void;
};

/** Between two reports. */
const PAUSE = seconds(1);
/** Until a report is tried again that could not be read or written. */
const AGAIN = seconds(10);

const CONTROLLER = { type: "controller" } as const;

type Options = {
  readonly cluster: Pick<ClusterPort, "read" | "write">;
  readonly clock: Time;
  readonly namespace: string;
  /** Asked before each write. */
  readonly mayWrite: () => boolean;
};

/** Writes one verdict, unless it is there already; gives whether it needs no other try. */
const writeState = async (
  verdict: Verdict,
  { cluster, clock, namespace, mayWrite }: Options,
): Promise<boolean> => {
  const wanted = stateObject(CONTROLLER, namespace);
  const target: Target = { resource: CONFIGURATION_STATES, namespace, name: wanted.metadata.name };
  const read = await cluster.read(target);
  if (!read.ok && read.failure.reason !== "not-found") return false;
  const observed = read.ok ? read.body : undefined;
  const status = stateStatusOf(CONTROLLER, { verdict, observed, now: rfc3339(clock.wall()) });
  if (observed !== undefined && reportsState(observed, status)) return true;
  if (observed === undefined) {
    const { name: _, ...collection } = target;
    if (!mayWrite()) return false;
    const created = await cluster.write(collection, { verb: "create", body: wanted });
    // MetalLB before 0.15.3 has no such kind.
    if (!created.ok) return created.failure.reason === "not-found";
  }
  if (!mayWrite()) return false;
  const body = { status };
  const written = await cluster.write(
    { ...target, subresource: "status" },
    { verb: "patch", type: "merge", body },
  );
  return written.ok;
};

/** One report at a time: of two at once the older could have the last word. */
export const createVerdictReports = (options: Options): VerdictReports => {
  const { clock } = options;
  let cancel: (() => void) | undefined;
  let next: Verdict | undefined;
  let isWriting = false;
  let isClosed = false;
  const mayWrite = (): boolean => !isClosed && options.mayWrite();

  const writeNext = async (): Promise<void> => {
    const verdict = next;
    next = undefined;
    if (verdict === undefined) return;
    isWriting = true;
    const isDone = await writeState(verdict, { ...options, mayWrite });
    isWriting = false;
    if (next !== undefined) later(PAUSE);
    else if (!isDone) {
      next = verdict;
      later(AGAIN);
    }
  };
  const later = (delay: Duration): void => {
    if (isClosed || isWriting) return;
    cancel?.();
    cancel = clock.later(delay, () => void writeNext());
  };

  return {
    verdictChanged(verdict) {
      next = verdict;
      later(seconds(0));
    },
    close() {
      isClosed = true;
      cancel?.();
    },
  };
};
