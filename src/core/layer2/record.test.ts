import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readHolderRecord } from "./record.ts";

const status = (fields: Readonly<Record<string, unknown>>) => ({
  metadata: { name: "l2-x7k2p", namespace: "metallb-system" },
  status: { node: "node-a", serviceName: "web", serviceNamespace: "shop", interfaces: [], ...fields },
});

describe("reading a ServiceL2Status", () => {
  it("gives the Service and the node", () => {
    assert.deepEqual(readHolderRecord(status({})), {
      key: "metallb-system/l2-x7k2p",
      service: "shop/web",
      node: "node-a",
    });
  });

  it("is nothing while the status is not written, or names no node that can be", () => {
    for (const fields of [{ node: "" }, { node: "A#B" }, { serviceName: undefined }, { serviceNamespace: 7 }])
      assert.equal(readHolderRecord(status(fields)), undefined);
    assert.equal(readHolderRecord({ metadata: { name: "x" } }), undefined);
  });

  it("never throws on whatever JSON holds", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (any, other) => {
        readHolderRecord(any);
        readHolderRecord({ metadata: any, status: other });
        readHolderRecord(status({ node: any, serviceName: other }));
      }),
    );
  });
});
