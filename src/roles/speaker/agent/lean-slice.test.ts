import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readEndpointSlice } from "#core/endpoint-slice/read";
import { createSliceReader } from "./lean-slice.ts";

const slice = (name: string, nodes: readonly string[]) => ({
  metadata: { name, namespace: "shop", labels: { "kubernetes.io/service-name": name } },
  addressType: "IPv4",
  endpoints: nodes.map((nodeName) => ({ addresses: ["10.0.0.1"], conditions: { ready: true }, nodeName })),
});

describe("what a speaker keeps of slices", () => {
  it("is what they say, with one list of nodes for all whose endpoints are alike", () => {
    const read = createSliceReader();
    const [one, other, more] = [slice("a", ["n1"]), slice("b", ["n1"]), slice("c", ["n1", "n1"])];
    for (const each of [one, other, more]) assert.deepEqual(read(each), readEndpointSlice(each));
    assert.equal(read(one)?.nodes, read(other)?.nodes);
    assert.notDeepEqual(read(one)?.nodes, read(more)?.nodes);
    assert.equal(read({}), undefined);
  });

  it("is bounded, however many different lists there are", () => {
    const read = createSliceReader();
    const first = read(slice("a", ["n0"]));
    for (let index = 1; index <= 2_000; index += 1) read(slice("a", [`n${index}`]));
    assert.deepEqual(read(slice("b", ["n0"]))?.nodes, first?.nodes);
    assert.notEqual(read(slice("b", ["n0"]))?.nodes, first?.nodes);
  });
});
