/** What must hold within one `ControlPlaneEndpoint` beyond what its schema says, whichever machine reads it. */
import { familyOf, type IpFamily } from "#base/address";
import { duplicateFindings, hostAddressFindings, networkAddressFindings } from "#core/config/address-rules";
import { error, type Finding, type Path, warning } from "#core/config/problem";
import { routerFindings } from "#core/config/router-rules";
import type { EndpointSpec } from "#core/config/schema-endpoint";
import { ELSEWHERE } from "./host.ts";
import { routerSpecs } from "./translate.ts";

const addressFindings = ({ addresses }: EndpointSpec): readonly Finding[] => [
  ...addresses.flatMap((network, index) => {
    const path: Path = ["spec", "addresses", index];
    return [...hostAddressFindings(network.address, path), ...networkAddressFindings(network, path)];
  }),
  ...duplicateFindings(
    addresses.map(({ address }) => address),
    (index) => ["spec", "addresses", index],
  ),
];

const familiesOf = ({ addresses }: EndpointSpec): ReadonlySet<IpFamily> =>
  new Set(addresses.map(({ address }) => familyOf(address)));

const peerFindings = (spec: EndpointSpec): readonly Finding[] => {
  const { addresses, peers } = spec;
  const families = familiesOf(spec);
  const pathOf = (index: number): Path => ["spec", "peers", index];
  return [
    ...duplicateFindings(peers, pathOf),
    ...peers.flatMap((peer, index): readonly Finding[] => {
      if (addresses.some(({ address }) => address === peer)) {
        const hint = "List the addresses that the hosts have for good.";
        return [error(pathOf(index), `${peer} is the address that moves`, hint)];
      }
      if (families.has(familyOf(peer))) return hostAddressFindings(peer, pathOf(index));
      const message = `${peer} means nothing: there is no ${familyOf(peer)} address to hold`;
      return [warning(pathOf(index), message, "Remove it.")];
    }),
    ...[...families].flatMap((family): readonly Finding[] => {
      if (peers.length === 0 || peers.some((peer) => familyOf(peer) === family)) return [];
      const message = `lists no host's ${family} address, and there is an ${family} address to hold`;
      return [error(["spec", "peers"], message, `Add the ${family} address of every host.`)];
    }),
  ];
};

const apiServerFindings = ({ addresses, apiServer, balance, peers }: EndpointSpec): readonly Finding[] => {
  const findings: Finding[] = [...hostAddressFindings(apiServer.address, ["spec", "apiServer", "address"])];
  if (addresses.some(({ address }) => address === apiServer.address)) {
    const message = `${apiServer.address} is the address that moves, so it may be another host's server that answers`;
    findings.push(error(["spec", "apiServer", "address"], message, "Use 127.0.0.1, or this host's own."));
  }
  if (apiServer.check === "tcp" && apiServer.caFile !== undefined) {
    const message = "is given although check: tcp sees no certificate";
    findings.push(error(["spec", "apiServer", "caFile"], message, "Remove it, or use check: https."));
  }
  if (apiServer.check === "https" && apiServer.caFile === undefined) {
    const message = "has no caFile, so whatever answers on the port counts as an API server";
    const hint =
      "Name the cluster's: /etc/kubernetes/pki/ca.crt, or /var/lib/rancher/k3s/server/tls/server-ca.crt.";
    findings.push(warning(["spec", "apiServer"], message, hint));
  }
  if (balance && peers.length === 0) {
    const message = "is true, but peers lists nobody to spread over";
    findings.push(error(["spec", "balance"], message, "Add the addresses of all control-plane hosts."));
  }
  return findings;
};

/** Mistakes that a virtual router of it would have, under the keys that are written here. */
const routerErrors = (spec: EndpointSpec): readonly Finding[] => {
  const known = new Set(["advertisementInterval", "interface", "vrid", "priority", "preempt"]);
  const all = routerSpecs({ name: "any", spec }, ELSEWHERE).flatMap((router) => routerFindings(router.spec));
  const own = all.filter(({ severity, path }) => severity === "error" && known.has(String(path[1])));
  return own.filter(({ path }, index) => own.findIndex((other) => other.path[1] === path[1]) === index);
};

/** Everything that is wrong with one endpoint by itself. */
export const endpointFindings = (spec: EndpointSpec): readonly Finding[] => [
  ...addressFindings(spec),
  ...peerFindings(spec),
  ...routerErrors(spec),
  ...apiServerFindings(spec),
];
