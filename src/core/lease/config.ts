/** How long a leader's word holds, and how often it is given. */
import { type Duration, formatDuration, millis, seconds } from "#base/time";

export type LeaseConfig = {
  /** Unique among all replicas and all starts of each, such as a host name and a random part. */
  readonly identity: string;
  /** How long the Lease must stand still before another replica takes it; whole seconds. */
  readonly leaseDuration: Duration;
  /** How long a leader goes on without a renewal that succeeded. */
  readonly renewDeadline: Duration;
  /** How often the leader renews. The others look for each renewal. */
  readonly retryPeriod: Duration;
};

/** The times that Kubernetes' own components use. */
export const DEFAULT_LEASE_TIMES: Omit<LeaseConfig, "identity"> = {
  leaseDuration: seconds(15),
  renewDeadline: seconds(10),
  retryPeriod: seconds(2),
};

const SHORTEST_RETRY = millis(100);

/** What is wrong with a configuration, for the operator; `undefined` when nothing is. */
export const leaseConfigProblem = (config: LeaseConfig): string | undefined => {
  const [duration, deadline, retry] = [config.leaseDuration, config.renewDeadline, config.retryPeriod];
  if (config.identity === "") return "the identity is empty";
  if (duration % seconds(1) !== 0)
    return `lease duration ${formatDuration(duration)} is not in whole seconds`;
  if (duration > seconds(3_600)) return `lease duration ${formatDuration(duration)} is above an hour`;
  if (deadline >= duration)
    return `renew deadline ${formatDuration(deadline)} must be below the lease duration ${formatDuration(duration)}`;
  if (retry < SHORTEST_RETRY) return `retry period ${formatDuration(retry)} is below 100ms`;
  if (retry * 2 > deadline)
    return `retry period ${formatDuration(retry)} must fit twice into the renew deadline ${formatDuration(deadline)}`;
  return undefined;
};
