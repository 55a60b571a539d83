/** All rules over all facts. */
import { boundFindings, poolFindings } from "./addresses.ts";
import { bgpFindings, bgpPortFindings, bgpTroubleFindings, routingFindings } from "./bgp.ts";
import type { Facts } from "./facts.ts";
import { type Finding, sorted } from "./finding.ts";
import { kubeProxyFindings } from "./kube-proxy.ts";
import { linkFindings } from "./links.ts";
import { balancerFindings, bfdFindings } from "./neighbours.ts";
import { spreadFindings } from "./spread.ts";

const RULES: readonly ((facts: Facts) => readonly Finding[])[] = [
  kubeProxyFindings,
  boundFindings,
  linkFindings,
  poolFindings,
  balancerFindings,
  bfdFindings,
  bgpFindings,
  bgpPortFindings,
  bgpTroubleFindings,
  spreadFindings,
  routingFindings,
];

/** What is the matter, errors first; empty when nothing is. */
export const examine = (facts: Facts): readonly Finding[] => sorted(RULES.flatMap((rule) => rule(facts)));
