import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import {
  type Announced,
  readStatus,
  type SeenStatus,
  statusBody,
  statusName,
  statusObject,
} from "./object.ts";
import { planStatus, SeenStatuses, type StatusWrite } from "./plan.ts";

const WEB = objectKey({ namespace: "shop", name: "web" });
const DB = objectKey({ namespace: "shop", name: "db" });
const announced = (interfaces: readonly string[] = [], service = WEB): Announced => ({ service, interfaces });

/** An API server that does as it is told, as far as these objects go. */
const server = () => {
  const objects = new Map<string, Record<string, unknown>>();
  let uids = 0;
  const seen = (service: ObjectKey): readonly SeenStatus[] =>
    [...objects.values()].flatMap((object) => {
      const status = readStatus(object);
      return status?.service === service ? [status] : [];
    });
  const apply = (node: string, write: StatusWrite): void => {
    if (write.type === "create") {
      const { service } = write.announced;
      const object = statusObject({ node, service, namespace: "metallb-system", owner: undefined });
      uids += 1;
      objects.set(write.name, { ...object, metadata: { ...(object.metadata as object), uid: `u${uids}` } });
    } else if (write.type === "report") {
      const found = objects.get(write.name) ?? assert.fail(`no ${write.name}`);
      const before = readStatus(found);
      assert.ok(before?.node === "" || before?.node === node, "the node of an object cannot be changed");
      objects.set(write.name, { ...found, status: statusBody(node, write.announced) });
    } else {
      assert.equal(readStatus(objects.get(write.name))?.uid, write.uid);
      objects.delete(write.name);
    }
  };
  /** Plans and writes until there is nothing to write; gives how many writes it took. */
  const settle = (node: string, what: Announced | undefined, service = WEB): number => {
    for (let writes = 0; writes < 50; writes += 1) {
      const [write] = planStatus(node, what, seen(service));
      if (write === undefined) return writes;
      apply(node, write);
    }
    return assert.fail("it goes on and on");
  };
  return { objects, seen, settle };
};

describe("a node that announces a Service", () => {
  it("makes one object with MetalLB's labels and reports in it: two writes, and none after", () => {
    const { objects, settle, seen } = server();
    assert.equal(settle("node-a", announced(["eth1", "eth0"])), 2);
    assert.equal(settle("node-a", announced(["eth0", "eth1"])), 0);
    const object = objects.get(statusName("node-a", WEB)) ?? assert.fail("no object");
    assert.deepEqual((object.metadata as Record<string, unknown>).labels, {
      "metallb.io/node": "node-a",
      "metallb.io/service-name": "web",
      "metallb.io/service-namespace": "shop",
    });
    assert.deepEqual(object.status, {
      node: "node-a",
      serviceName: "web",
      serviceNamespace: "shop",
      interfaces: [{ name: "eth0" }, { name: "eth1" }],
    });
    assert.equal(seen(WEB).length, 1);
  });

  it("says so in place when its interfaces change", () => {
    const { settle, seen } = server();
    settle("node-a", announced(["eth0"]));
    assert.equal(settle("node-a", announced()), 1);
    assert.deepEqual(seen(WEB)[0]?.interfaces, []);
  });

  it("removes what the node before it left, which may be dead", () => {
    const { settle, seen } = server();
    settle("node-a", announced());
    assert.equal(settle("node-b", announced()), 3);
    assert.deepEqual(
      seen(WEB).map(({ node }) => node),
      ["node-b"],
    );
  });

  it("leaves objects of other nodes that may stay, and never a second one of its own", () => {
    const seen = (name: string, node: string, labelled = node): SeenStatus => ({
      ...{ name, uid: name, node, service: WEB, interfaces: [], labelled },
    });
    const own = seen(statusName("node-a", WEB), "node-a");
    const objects = [
      own,
      seen("b", "node-b"),
      seen("c", "node-c"),
      seen("d", "", "node-d"),
      seen("a", "node-a"),
    ];
    const planned = planStatus("node-a", announced(), objects, ({ node, labelled }) =>
      ["node-a", "node-b", "node-d"].includes(node === "" ? labelled : node),
    );
    assert.deepEqual(
      planned.map((write) => [write.type, write.name]),
      [
        ["delete", "c"],
        ["delete", "a"],
      ],
    );
  });

  it("removes a random name that MetalLB's speaker gave on the same node", () => {
    const { objects, settle } = server();
    objects.set("l2-x7k2p", {
      metadata: { name: "l2-x7k2p", uid: "m1" },
      status: { node: "node-a", serviceName: "web", serviceNamespace: "shop" },
    });
    assert.equal(settle("node-a", announced()), 3);
    assert.deepEqual([...objects.keys()], [statusName("node-a", WEB)]);
  });

  it("removes and makes again an object of its own name that reports another node", () => {
    const { objects, settle, seen } = server();
    const name = statusName("node-a", WEB);
    objects.set(name, {
      metadata: { name, uid: "m1" },
      status: { node: "node-z", serviceName: "web", serviceNamespace: "shop" },
    });
    assert.equal(settle("node-a", announced()), 3);
    assert.equal(seen(WEB)[0]?.node, "node-a");
  });
});

describe("a node that does not announce a Service", () => {
  it("removes its own object only", () => {
    const { settle, seen, objects } = server();
    settle("node-a", announced());
    settle("node-a", announced([], DB), DB);
    assert.equal(settle("node-b", undefined), 0);
    assert.equal(settle("node-a", undefined), 1);
    assert.deepEqual([seen(WEB).length, seen(DB).length, objects.size], [0, 1, 1]);
  });

  it("removes an object that it made and died before it reported", () => {
    const { objects, settle } = server();
    const object = statusObject({
      node: "node-a",
      service: WEB,
      namespace: "metallb-system",
      owner: undefined,
    });
    objects.set(statusName("node-a", WEB), object);
    assert.equal(settle("node-b", undefined), 0);
    assert.equal(settle("node-a", undefined), 1);
    assert.equal(objects.size, 0);
  });
});

describe("objects of a node with a name too long for a label", () => {
  it("are known by their own name while they report nothing", () => {
    const node = `${"n".repeat(70)}.example`;
    const bare: SeenStatus = {
      ...{ name: statusName(node, WEB), uid: "u", node: "", service: WEB, interfaces: [], labelled: "" },
    };
    assert.deepEqual(
      planStatus(node, undefined, [bare]).map(({ type }) => type),
      ["delete"],
    );
    assert.deepEqual(planStatus("node-b", undefined, [bare]), []);
  });
});

describe("objects of Services", () => {
  it("end up as the last holder says, whatever there was before", () => {
    const node = fc.constantFrom("node-a", "node-b", "node-c");
    const links = fc.subarray(["eth0", "eth1", "br0"]);
    fc.assert(
      fc.property(fc.array(fc.tuple(node, fc.option(links))), node, links, (before, holder, interfaces) => {
        const { settle, seen } = server();
        for (const [who, what] of before) settle(who, what === null ? undefined : announced(what));
        settle(holder, announced(interfaces));
        assert.deepEqual(
          seen(WEB).map((each) => [each.node, each.interfaces]),
          [[holder, [...interfaces].sort()]],
        );
      }),
    );
  });

  it("have a Pod as owner, and leave out labels that the API server would refuse", () => {
    const service = objectKey({ namespace: "shop", name: "s".repeat(63) });
    const node = `${"n".repeat(60)}.example`;
    const owner = { name: "steelyard-speaker-7xk2p", uid: "4f6f" };
    const { metadata } = statusObject({ node, service, namespace: "metallb-system", owner }) as {
      metadata: Record<string, unknown>;
    };
    assert.deepEqual(Object.keys(metadata.labels as object), [
      "metallb.io/service-name",
      "metallb.io/service-namespace",
    ]);
    assert.deepEqual(metadata.ownerReferences, [{ apiVersion: "v1", kind: "Pod", ...owner }]);
  });

  it("are read without trust: what names no Service is none", () => {
    fc.assert(
      fc.property(fc.anything(), (object) => {
        const read = readStatus(object);
        assert.ok(read === undefined || read.service !== "");
      }),
    );
    assert.equal(readStatus({ metadata: { name: "l2-x" }, status: { node: "a" } }), undefined);
  });

  it("are kept by the Service that they are about", () => {
    const seen = new SeenStatuses();
    const status: SeenStatus = {
      ...{ name: "l2-1", uid: "u", node: "node-a", service: WEB, interfaces: [], labelled: "node-a" },
    };
    seen.put(status, undefined);
    seen.put({ ...status, service: DB }, status);
    assert.deepEqual([seen.of(WEB).length, seen.of(DB).length], [0, 1]);
    seen.remove({ ...status, service: DB });
    assert.deepEqual([...seen.services()], []);
  });
});
