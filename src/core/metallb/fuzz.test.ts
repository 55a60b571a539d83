import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { overlap } from "#core/ipam/block";
import { answerAdmission } from "./admission.ts";
import { formatObjectProblem } from "./problem.ts";
import { readConfiguration } from "./read.ts";
import { NAMESPACE } from "./test-objects.ts";

/** A value that is often right, sometimes nearly, and sometimes anything. */
const mostly = (...values: readonly unknown[]): fc.Arbitrary<unknown> =>
  fc.oneof(
    { arbitrary: fc.constantFrom(...values), weight: 30 },
    { arbitrary: fc.jsonValue({ maxDepth: 2 }), weight: 1 },
  );

const optional = { requiredKeys: [] as [] };

const selectors = fc.array(
  fc.record(
    {
      matchLabels: mostly({}, { a: "b" }, { a: "c" }, { "": "" }),
      matchExpressions: mostly(
        [],
        [{ key: "a", operator: "In", values: ["b"] }],
        [{ key: "a", operator: "Exists" }],
        [{ key: "a", operator: "DoesNotExist", values: ["x"] }],
      ),
    },
    optional,
  ),
  { maxLength: 2 },
);

const entry = mostly(
  "192.0.2.0/28",
  "192.0.2.16-192.0.2.20",
  "192.0.2.18/32",
  "2001:db8::/64",
  "2001:db8:0:1::1-2001:db8:0:1::9",
  "10.0.0.0/8",
  "10.0.0.9-10.0.0.1",
);

const SPECS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  "metallb.io/v1beta1 IPAddressPool": fc.record(
    {
      addresses: fc.array(entry, { minLength: 1, maxLength: 2 }),
      autoAssign: mostly(true, false),
      avoidBuggyIPs: mostly(true, false),
      serviceAllocation: fc.record(
        {
          priority: mostly(0, 1, -5, 1e15),
          namespaces: mostly([], ["x"], ["x", "x"]),
          namespaceSelectors: selectors,
          serviceSelectors: selectors,
        },
        optional,
      ),
    },
    { requiredKeys: ["addresses"] },
  ),
  "metallb.io/v1beta1 L2Advertisement": fc.record(
    { ipAddressPools: mostly(["a"], ["a", "b"]), nodeSelectors: selectors, interfaces: mostly(["eth0"]) },
    optional,
  ),
  "metallb.io/v1beta1 BGPAdvertisement": fc.record(
    {
      aggregationLength: mostly(32, 28, 24, 0),
      aggregationLengthV6: mostly(128, 64, 0),
      localPref: mostly(0, 100),
      communities: mostly(["1:2"], ["name"], ["1:70000"]),
      peers: mostly([], ["a"], ["b"]),
      nodeSelectors: selectors,
      serviceSelectors: selectors,
    },
    optional,
  ),
  "metallb.io/v1beta2 BGPPeer": fc.record(
    {
      myASN: mostly(1, 2, 0),
      peerASN: mostly(1, 2, 0),
      dynamicASN: mostly("internal", "external"),
      peerAddress: mostly("192.0.2.1", "::1", ""),
      interface: mostly("eth0", ""),
      peerPort: mostly(179, 0),
      holdTime: mostly("90s", "0s", "2s"),
      keepaliveTime: mostly("30s", "100s"),
      bfdProfile: mostly("a", "b"),
      nodeSelectors: selectors,
    },
    optional,
  ),
  "metallb.io/v1beta1 BFDProfile": fc.record(
    { echoMode: mostly(true), receiveInterval: mostly(10, 9) },
    optional,
  ),
  "metallb.io/v1beta1 Community": fc.record(
    { communities: mostly([{ name: "name", value: "1:2" }], [{ name: "name", value: "x" }], [{}]) },
    optional,
  ),
  "steelyard.dev/v1alpha1 AddressReservation": fc.record(
    { addresses: fc.array(mostly("192.0.2.1", "2001:db8::1", "x"), { maxLength: 2 }) },
    optional,
  ),
  "steelyard.dev/v1alpha1 AddressConflict": fc.record(
    { address: mostly("192.0.2.1", "x"), reportedBy: mostly("node-a"), mac: mostly("02:00:00:00:00:01") },
    optional,
  ),
};

const resource = fc.oneof(
  ...Object.entries(SPECS).map(([what, spec]) => {
    const [apiVersion, kind] = what.split(" ");
    return fc.record({
      apiVersion: mostly(apiVersion),
      kind: mostly(kind),
      metadata: fc.record({
        namespace: mostly(NAMESPACE),
        name: mostly("a", "b", "c"),
        labels: mostly({ a: "b" }),
      }),
      spec: fc.oneof(
        { arbitrary: spec, weight: 30 },
        { arbitrary: fc.jsonValue({ maxDepth: 2 }), weight: 1 },
      ),
    });
  }),
);

const namespaces = new Map([
  ["x", { a: "b" }],
  ["y", {}],
]);

const LONGEST = 2_000;

describe("readConfiguration on hostile input", () => {
  it("never throws, and says at least one error, each bounded, when it refuses", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(resource, fc.jsonValue({ maxDepth: 4 }), fc.anything()), { maxLength: 5 }),
        (objects) => {
          const read = readConfiguration({ objects, namespaces });
          const problems = read.ok ? read.warnings : read.problems;
          for (const problem of problems) assert.ok(formatObjectProblem(problem).length < LONGEST);
          assert.equal(
            problems.some(({ severity }) => severity === "error"),
            !read.ok,
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("accepts only pools that do not overlap and peers that can be spoken to", () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(resource, { minLength: 1, maxLength: 3 }), (objects) => {
        const read = readConfiguration({ objects, namespaces });
        if (!read.ok) return;
        accepted += 1;
        const blocks = read.configuration.pools.flatMap((pool) => pool.blocks);
        for (const [index, block] of blocks.entries()) {
          assert.ok(block.first <= block.last);
          assert.ok(blocks.slice(0, index).every((other) => !overlap(other, block)));
        }
        for (const { myAsn, peerAsn, port, timers } of read.configuration.peers) {
          assert.ok(myAsn > 0 && port > 0);
          assert.ok(peerAsn.type !== "given" || peerAsn.asn > 0);
          assert.ok(timers === undefined || timers.keepalive <= timers.hold);
        }
      }),
      { numRuns: 3_000 },
    );
    assert.ok(accepted >= 300, `only ${accepted} were accepted: the property shows little`);
  });

  it("bounds what it says of names, keys and values of any length", () => {
    const long = "x".repeat(1_000_000);
    const objects = [
      { apiVersion: long, kind: long, metadata: { name: long } },
      {
        apiVersion: "metallb.io/v1beta1",
        kind: "IPAddressPool",
        metadata: { name: long, namespace: long },
        spec: { [long]: long, addresses: [long] },
      },
      {
        apiVersion: "metallb.io/v1beta1",
        kind: "Community",
        metadata: { name: "c" },
        spec: { communities: [{ name: long, value: long }] },
      },
    ];
    const read = readConfiguration({ objects, namespaces });
    assert.ok(!read.ok);
    for (const problem of read.problems) {
      assert.ok(formatObjectProblem(problem).length < LONGEST);
      assert.ok(JSON.stringify(problem).length < LONGEST);
    }
  });

  it("survives nesting of any depth", () => {
    const deep: unknown = JSON.parse(`${"[".repeat(50_000)}${"]".repeat(50_000)}`);
    const nested: unknown = JSON.parse(`${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`);
    const object = { apiVersion: "metallb.io/v1beta1", kind: "IPAddressPool", metadata: { name: "a" } };
    const objects = [deep, nested, { ...object, spec: nested }, { ...object, spec: { addresses: deep } }];
    assert.equal(readConfiguration({ objects, namespaces }).ok, false);
  });
});

describe("answerAdmission on hostile input", () => {
  it("answers any JSON, with bounded text", () => {
    const request = fc.record(
      {
        uid: mostly("u"),
        operation: mostly("CREATE", "UPDATE", "DELETE", "CONNECT"),
        kind: mostly(
          { group: "metallb.io", version: "v1beta1", kind: "IPAddressPool" },
          { group: "metallb.io", version: "v1beta2", kind: "BGPPeer" },
          { group: "metallb.io", version: "v1beta1", kind: "BFDProfile" },
        ),
        namespace: mostly(NAMESPACE),
        name: mostly("a", "b"),
        object: fc.oneof(resource, fc.jsonValue({ maxDepth: 3 })),
        oldObject: fc.oneof(resource, fc.jsonValue({ maxDepth: 3 })),
      },
      optional,
    );
    const review = fc.oneof(fc.record({ request }), fc.jsonValue({ maxDepth: 3 }));
    fc.assert(
      fc.property(
        review,
        fc.array(fc.oneof(resource, fc.jsonValue()), { maxLength: 3 }),
        (value, objects) => {
          const { response } = answerAdmission(value, { namespace: NAMESPACE, objects, namespaces });
          assert.equal(response.allowed, response.status === undefined);
          assert.ok((response.status?.message ?? "").length <= 8_192);
          assert.ok((response.warnings ?? []).every((warning) => warning.length <= 256));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("leaves a configuration that was right right, whatever it allows (property)", () => {
    fc.assert(
      fc.property(fc.array(resource, { maxLength: 3 }), resource, (objects, object) => {
        const { metadata } = object;
        if (typeof metadata.name !== "string" || metadata.name === "") return;
        const current = { namespace: NAMESPACE, objects, namespaces };
        const before = readConfiguration(current);
        const [group = "", version = ""] = String(object.apiVersion).split("/");
        const { response } = answerAdmission(
          {
            request: {
              uid: "u",
              operation: "CREATE",
              kind: { group, version, kind: object.kind },
              namespace: NAMESPACE,
              name: metadata.name,
              object,
            },
          },
          current,
        );
        const isOwn = (raw: typeof object) => raw.kind === object.kind && raw.metadata.name === metadata.name;
        if (!before.ok || !response.allowed || metadata.namespace !== NAMESPACE) return;
        const after = readConfiguration({
          ...current,
          objects: [...objects.filter((raw) => !isOwn(raw)), object],
        });
        assert.ok(
          after.ok ||
            after.problems.every(({ severity, isTransient }) => severity !== "error" || isTransient),
        );
      }),
      { numRuns: 1_000 },
    );
  });
});
