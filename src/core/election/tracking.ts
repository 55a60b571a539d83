/**
 * Tracking: what fails near a router counts against it.
 *
 * Differences from keepalived: a weight only lowers (its positive weights raise while healthy: configure the priority
 * higher and track with a weight instead); a subject whose health is not known yet counts as failed, for a router must
 * not take over on hope.
 */
import type { Tracked, VirtualRouterConfig } from "#core/vrrp/config";
import { PRIORITY_LOWEST, PRIORITY_OWNER } from "#core/vrrp/constants";
import type { Standing } from "#core/vrrp/state";

/** What is known of a tracked subject. */
export type SubjectHealth = "healthy" | "failed" | "unknown";

/** A tracked subject that counts against the router at present. */
export type Penalty = Tracked & { readonly health: Exclude<SubjectHealth, "healthy"> };

/** The verdict and its reasons, in the order of the configuration. */
export type Judgement = { readonly standing: Standing; readonly penalties: readonly Penalty[] };

/** Everything that counts: what is configured, and the router's own interface, without which it can do nothing. */
export const subjectsOf = (config: Pick<VirtualRouterConfig, "interface" | "track">): readonly Tracked[] => {
  const own: Tracked = {
    subject: { kind: "interface", name: config.interface },
    effect: { type: "fault" },
  };
  const named = config.track.some(
    ({ subject }) => subject.kind === "interface" && subject.name === config.interface,
  );
  return named ? config.track : [own, ...config.track];
};

/**
 * The router's standing. A fault takes it out; otherwise the weights of all failed subjects are taken from its
 * priority, down to 1. The owner of the addresses keeps its 255, as RFC 9568 §5.2.4 wants, but obeys faults.
 */
export const judge = (
  config: Pick<VirtualRouterConfig, "interface" | "priority" | "track">,
  healthOf: (subject: Tracked["subject"]) => SubjectHealth,
): Judgement => {
  const penalties: Penalty[] = [];
  let priority = config.priority;
  let fault = false;
  for (const tracked of subjectsOf(config)) {
    const health = healthOf(tracked.subject);
    if (health === "healthy") continue;
    penalties.push({ ...tracked, health });
    if (tracked.effect.type === "fault") fault = true;
    else priority -= tracked.effect.weight;
  }
  if (fault) return { standing: { type: "fault" }, penalties };
  const effective = config.priority === PRIORITY_OWNER ? PRIORITY_OWNER : Math.max(PRIORITY_LOWEST, priority);
  return { standing: { type: "able", priority: effective }, penalties };
};
