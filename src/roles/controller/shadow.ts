/** Says in words what a controller that writes would do to a Service, for a shadow that does not. */
import type { Outcome } from "#core/allocation/outcome";
import type { Service } from "#core/service/service";

const listed = (addresses: readonly string[]): string =>
  addresses.length === 0 ? "none" : addresses.join(", ");

/**
 * How a Service would be served otherwise; `undefined` when it would not. Conditions, annotations and events of ours, which
 * cannot be there yet, do not count as a difference.
 */
export const differenceText = (
  { write, decision }: Outcome,
  service: Service | undefined,
): string | undefined => {
  if (write === undefined || service === undefined) return undefined;
  const there = service.ingress.flatMap(({ ip }) => ip ?? []);
  if (decision?.outcome === "refused") {
    const { message } = decision.refusal;
    return write.isIngressChanged
      ? `has ${listed(there)}, would lose it: ${message}`
      : `has none, would get none: ${message}`;
  }
  if (!write.isIngressChanged) return undefined;
  const wanted = write.ingress.flatMap(({ ip }) => ip ?? []);
  if (decision === undefined)
    return `has ${listed(there)}, would have it cleared: it is not a Service of ours any more`;
  return `has ${listed(there)}, would get ${listed(wanted)} from pool ${decision.pool} (${decision.how})`;
};
