/** Why an address of a Service is answered by whom, as `/v1/explain` gives it. */
import type { AddressExplanation, SpeakerAddressExplanation, SpeakerExplanation } from "#api/speaker";
import type { IpAddress } from "#base/address";
import { parseServiceAddress } from "#core/ipam/block";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import type { Placements } from "#core/layer2/placements";
import { silentSentence } from "#core/layer2/reason";
import { type BgpExplainSources, explainBgp } from "./bgp/explain.ts";
import type { Heard } from "./heard.ts";
import type { ClusterMirror } from "./mirror.ts";
import { addressStatus } from "./status.ts";

export type ExplainSources = {
  readonly node: string;
  readonly heard: Heard;
  readonly placements: Placements;
  readonly mirror: Pick<ClusterMirror, "services" | "statuses">;
  readonly bgp: Pick<BgpExplainSources, "routes" | "plan">;
};

const addressExplanation = (
  address: IpAddress,
  { heard, placements, mirror, bgp: { routes, plan } }: ExplainSources,
): AddressExplanation | undefined => {
  const explanation = placements.explain(address);
  if (explanation === undefined) return undefined;
  const { services, silent, candidates } = explanation;
  const listing: readonly ObjectKey[] = [...services, ...silent.map(({ service }) => service)];
  const recorded = listing.flatMap((service) => mirror.statuses.of(service).map(({ node }) => node));
  const here = addressStatus(heard, address);
  const bgp = explainBgp(address, { routes, plan, facts: heard.bgp, view: heard.view });
  return {
    ...explanation,
    recorded: [...new Set(recorded)].filter((node) => node !== "").sort(),
    dead: candidates
      .map(({ node }) => node)
      .filter((node) => heard.view.members.get(node)?.standing === "dead"),
    ...(here === undefined ? {} : { here }),
    ...(bgp === undefined ? {} : { bgp }),
  };
};

/** `undefined` for what is no address, or none of a Service that concerns us. */
export const explainAddress = (
  text: string,
  sources: ExplainSources,
): SpeakerAddressExplanation | undefined => {
  const parsed = parseServiceAddress(text);
  const address = parsed === undefined ? undefined : addressExplanation(parsed, sources);
  return address === undefined ? undefined : { role: "speaker", node: sources.node, address };
};

/** `undefined` for a Service that is not known, or is another program's. */
export const explainService = (key: string, sources: ExplainSources): SpeakerExplanation | undefined => {
  const { node, placements, mirror } = sources;
  const service = mirror.services.get(key);
  if (service?.type !== "LoadBalancer") return undefined;
  const addresses = service.ingress.flatMap(({ ip }) => parseServiceAddress(ip ?? "") ?? []);
  const reason = placements.silence(objectKey(service.meta));
  return {
    ...{ role: "speaker", node, service: key },
    ...(reason === undefined ? {} : { silence: { reason, text: silentSentence(reason) } }),
    addresses: [...new Set(addresses)].flatMap((address) => addressExplanation(address, sources) ?? []),
  };
};
