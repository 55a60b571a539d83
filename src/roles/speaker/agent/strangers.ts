/**
 * Which machines that answer for addresses are none of ours, as far as this can be known.
 *
 * The wire knows speakers by the MAC addresses that it was told, and may hear one before that. Beside speakers of MetalLB every node that has
 * not told of its interfaces yet may be the one that answers, rightly.
 */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { SpeakerReport } from "#core/speaker-report/report";
import type { SpeakerOptions } from "../options.ts";

export type StrangerSources = {
  /** What the wire takes for strangers. */
  readonly heard: ReadonlyMap<IpAddress, MacAddress>;
  readonly rules: SpeakerOptions["rules"];
  /** Every node that there is. */
  readonly nodes: Iterable<string>;
  readonly reportOf: (node: string) => SpeakerReport | undefined;
};

const NOBODY: ReadonlyMap<IpAddress, MacAddress> = new Map();

/** Machines that are none of ours, by the address that they answer for. */
export const strangersOf = ({
  heard,
  rules,
  nodes,
  reportOf,
}: StrangerSources): ReadonlyMap<IpAddress, MacAddress> => {
  if (heard.size === 0) return NOBODY;
  const reports = [...nodes].map(reportOf);
  if (rules === "metallb" && (reports.length === 0 || reports.includes(undefined))) return NOBODY;
  const own = new Set(reports.flatMap((report) => report?.links.map(({ mac }) => mac) ?? []));
  return new Map([...heard].filter(([, mac]) => !own.has(mac)));
};
