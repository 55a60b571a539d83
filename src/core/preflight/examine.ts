/** All rules over all facts. */
import type { Facts } from "./facts.ts";
import { type Finding, sorted } from "./finding.ts";
import { firewallFindings } from "./firewall.ts";
import { interfaceFindings } from "./interface.ts";
import { machineFindings } from "./machine.ts";
import { segmentFindings } from "./segment.ts";

const RULES: readonly ((facts: Facts) => readonly Finding[])[] = [
  interfaceFindings,
  segmentFindings,
  firewallFindings,
  machineFindings,
];

/** What is the matter, errors first; empty when nothing is. */
export const examine = (facts: Facts): readonly Finding[] => sorted(RULES.flatMap((rule) => rule(facts)));
