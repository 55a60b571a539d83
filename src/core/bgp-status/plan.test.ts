import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { objectKey } from "#core/kubernetes/meta";
import {
  type BgpAnnounced,
  bgpStatusBody,
  bgpStatusName,
  bgpStatusObject,
  readBgpStatus,
  type SeenBgpStatus,
} from "./object.ts";
import { planBgpStatus } from "./plan.ts";

const WEB = objectKey({ namespace: "shop", name: "web" });
const announced = (...peers: readonly string[]): BgpAnnounced => ({ service: WEB, peers });

/** An API server that does as it is told, as far as these objects go. */
const server = () => {
  const objects = new Map<string, Record<string, unknown>>();
  let uids = 0;
  const seen = (): readonly SeenBgpStatus[] =>
    [...objects.values()].flatMap((object) => readBgpStatus(object) ?? []);
  /** Plans and writes until there is nothing to write; gives how many writes it took. */
  const settle = (node: string, what: BgpAnnounced | undefined): number => {
    for (let writes = 0; writes < 50; writes += 1) {
      const [write] = planBgpStatus(node, what, seen());
      if (write === undefined) return writes;
      if (write.type === "delete") {
        assert.equal(readBgpStatus(objects.get(write.name))?.uid, write.uid);
        objects.delete(write.name);
      } else if (write.type === "create") {
        const object = bgpStatusObject({ node, service: WEB, namespace: "lb", owner: undefined });
        uids += 1;
        objects.set(write.name, { ...object, metadata: { ...(object.metadata as object), uid: `u${uids}` } });
      } else
        objects.set(write.name, { ...objects.get(write.name), status: bgpStatusBody(node, write.announced) });
    }
    return assert.fail("it goes on and on");
  };
  return { objects, seen, settle };
};

describe("a node that tells peers of a Service", () => {
  it("makes one object with MetalLB's labels and reports in it: two writes, and none after", () => {
    const { objects, settle } = server();
    assert.equal(settle("node-a", announced("tor-2", "tor-1")), 2);
    assert.equal(settle("node-a", announced("tor-1", "tor-2")), 0);
    const object = objects.get(bgpStatusName("node-a", WEB)) ?? assert.fail("no object");
    assert.equal(object.kind, "ServiceBGPStatus");
    assert.deepEqual((object.metadata as Record<string, unknown>).labels, {
      "metallb.io/node": "node-a",
      "metallb.io/service-name": "web",
      "metallb.io/service-namespace": "shop",
    });
    assert.deepEqual(object.status, {
      node: "node-a",
      serviceName: "web",
      serviceNamespace: "shop",
      peers: ["tor-1", "tor-2"],
    });
  });

  it("says so in place when its peers change, beside the objects of other nodes", () => {
    const { settle, seen } = server();
    settle("node-a", announced("tor-1"));
    settle("node-b", announced("tor-1"));
    assert.equal(settle("node-a", announced("tor-2")), 1);
    assert.deepEqual(
      seen().map(({ node, peers }) => [node, ...peers]),
      [
        ["node-a", "tor-2"],
        ["node-b", "tor-1"],
      ],
    );
  });

  it("removes its own, and nobody else's, when it tells nobody any more", () => {
    const { settle, seen } = server();
    settle("node-a", announced("tor-1"));
    settle("node-b", announced("tor-1"));
    assert.equal(settle("node-a", undefined), 1);
    assert.deepEqual(
      seen().map(({ node }) => node),
      ["node-b"],
    );
  });

  it("removes a second one of its own, such as MetalLB has left, and one of its name that is another's", () => {
    const left = { name: "bgp-x1", uid: "u", node: "node-a", service: WEB, peers: [], labelled: "node-a" };
    const taken = { ...left, name: bgpStatusName("node-a", WEB), node: "node-b" };
    assert.deepEqual(
      planBgpStatus("node-a", announced("t"), [left, taken]).map(({ type, name }) => [type, name]),
      [
        ["delete", "bgp-x1"],
        ["delete", taken.name],
      ],
    );
  });
});

describe("reading", () => {
  it("takes the node and the Service from the labels until there is a status, and nothing without a Service", () => {
    const object = bgpStatusObject({ node: "node-a", service: WEB, namespace: "lb", owner: undefined });
    const read = readBgpStatus(object);
    assert.deepEqual([read?.labelled, read?.node, read?.service, read?.peers], ["node-a", "", WEB, []]);
    assert.equal(readBgpStatus({ metadata: { name: "x" } }), undefined);
  });

  it("never throws", () => {
    fc.assert(
      fc.property(fc.anything(), (status) => void readBgpStatus({ metadata: { name: "x" }, status })),
    );
  });
});
