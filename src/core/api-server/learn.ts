/** Which API servers a cluster has, from its own objects. */
import { fieldsOf, listOf, metaOf, textOf } from "#core/kubernetes/read";
import { distinctEndpoints, type Endpoint, parseName } from "./name.ts";

/** More than a control plane has. */
const MOST_SERVERS = 64;
const USUAL_PORT = 6443;

const CONTROL_PLANE_LABELS = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/** The port of an EndpointSlice that API servers are behind. */
const portIn = (slice: unknown): number | undefined => {
  const [port] = listOf(fieldsOf(slice).ports)
    .map((each) => fieldsOf(each))
    .filter(({ protocol }) => protocol === undefined || protocol === "TCP");
  return typeof port?.port === "number" ? port.port : undefined;
};

const endpointsIn = (slice: unknown): readonly Endpoint[] => {
  const port = portIn(slice);
  if (port === undefined) return [];
  return listOf(fieldsOf(slice).endpoints)
    .flatMap((each) => listOf(fieldsOf(each).addresses))
    .flatMap((address) => parseName(textOf(address)) ?? [])
    .map((host) => ({ host, port }));
};

const internalAddresses = (node: unknown): readonly string[] =>
  listOf(fieldsOf(fieldsOf(node).status).addresses)
    .map((each) => fieldsOf(each))
    .filter(({ type }) => type === "InternalIP")
    .map(({ address }) => textOf(address));

/**
 * Every API server once: first those that say so themselves (the EndpointSlices of the Service `default/kubernetes`), then
 * the first address of each node of the control plane, so that one whose API server does not run is not forgotten.
 */
export const serversIn = ({
  slices,
  nodes,
}: {
  readonly slices: readonly unknown[];
  readonly nodes: readonly unknown[];
}): readonly Endpoint[] => {
  const announced = slices
    .filter((slice) => metaOf(slice)?.labels["kubernetes.io/service-name"] === "kubernetes")
    .flatMap(endpointsIn);
  const port = announced[0]?.port ?? USUAL_PORT;
  const known = new Set(announced.map(({ host }) => (host.type === "address" ? host.address : host.name)));
  const ofNodes = nodes
    .filter((node) => CONTROL_PLANE_LABELS.some((label) => label in (metaOf(node)?.labels ?? {})))
    .map(internalAddresses)
    .filter((addresses) => !addresses.some((address) => known.has(address)))
    .flatMap(([first = ""]) => parseName(first) ?? [])
    .map((host) => ({ host, port }));
  return distinctEndpoints([...announced, ...ofNodes]).slice(0, MOST_SERVERS);
};
