/** What a speaker keeps of an EndpointSlice. There are ten thousand of them in every speaker, and most have one endpoint on one of a few nodes. */
import type { EndpointSlice, EndpointsOnNode } from "#core/endpoint-slice/endpoint-slice";
import { readEndpointSlice } from "#core/endpoint-slice/read";

/** Lists of nodes that are remembered, so that others like them become the same. */
const MOST = 1_024;

const textOf = (nodes: readonly EndpointsOnNode[]): string =>
  nodes.map(({ node, ready, leaving, silent }) => `${node} ${ready} ${leaving} ${silent}`).join("\n");

/** Gives a function that reads slices, of which those with equal endpoints on the same nodes have one list of them. */
export const createSliceReader = (): ((object: unknown) => EndpointSlice | undefined) => {
  const listByText = new Map<string, readonly EndpointsOnNode[]>();
  const shared = (nodes: readonly EndpointsOnNode[]): readonly EndpointsOnNode[] => {
    const text = textOf(nodes);
    const known = listByText.get(text);
    if (known !== undefined) return known;
    if (listByText.size === MOST) listByText.clear();
    // Without room for more, which a list that has grown has.
    const kept = nodes.slice();
    listByText.set(text, kept);
    return kept;
  };
  return (object) => {
    const slice = readEndpointSlice(object);
    if (slice === undefined) return undefined;
    const { key, service, addressType, nodes } = slice;
    return { key, service, addressType, nodes: shared(nodes) };
  };
};
