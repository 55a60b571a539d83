import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { answerConversion, KEPT_ANNOTATION } from "./conversion.ts";
import { peer } from "./test-objects.ts";

type Fields = Readonly<Record<string, unknown>>;

const OLD = "metallb.io/v1beta1";
const NEW = "metallb.io/v1beta2";

const convert = (objects: readonly unknown[], desiredAPIVersion: string) =>
  answerConversion({ request: { uid: "u-1", desiredAPIVersion, objects } }).response;

const one = (object: unknown, desired: string): Fields => {
  const { result, convertedObjects } = convert([object], desired);
  assert.deepEqual(result, { status: "Success" });
  assert.equal(convertedObjects.length, 1);
  return convertedObjects[0] as Fields;
};

/** Every field that both versions have. */
const SHARED: Fields = {
  myASN: 64500,
  peerASN: 64501,
  peerAddress: "198.51.100.1",
  sourceAddress: "198.51.100.2",
  peerPort: 1179,
  holdTime: "90s",
  keepaliveTime: "30s",
  routerID: "192.0.2.1",
  password: "secret",
  bfdProfile: "fast",
  ebgpMultiHop: true,
  nodeSelectors: [
    {
      matchLabels: { rack: "1" },
      matchExpressions: [{ key: "a", operator: "In", values: ["b"] }],
    },
  ],
};

/** Every field that only v1beta2 has. */
const NEWER: Fields = {
  localASN: 64999,
  connectTime: "5s",
  vrf: "blue",
  enableGracefulRestart: true,
  disableMP: true,
  dualStackAddressFamily: true,
};

const newer = (spec: Fields): Fields => ({ ...peer("a"), spec });
const older = (spec: Fields): Fields => ({ ...peer("a"), apiVersion: OLD, spec });

describe("answerConversion", () => {
  it("changes nothing but the version of what both versions have", () => {
    assert.deepEqual(one(older(SHARED), NEW), newer(SHARED));
    assert.deepEqual(one(newer(SHARED), OLD), older(SHARED));
  });

  it("brings back what v1beta1 does not have", () => {
    const full = newer({ ...SHARED, ...NEWER });
    const seen = one(full, OLD);
    assert.deepEqual(Object.keys(seen.spec as Fields).sort(), Object.keys(SHARED).sort());
    assert.deepEqual(one(seen, NEW), full);
  });

  it("brings back dynamicASN, interface and passwordSecret when nothing else was given", () => {
    const spec = { myASN: 64500, dynamicASN: "internal", interface: "eth0", passwordSecret: { name: "s" } };
    const seen = one(newer(spec), OLD);
    assert.deepEqual(seen.spec, { myASN: 64500, peerASN: 0, peerAddress: "" });
    assert.deepEqual(one(seen, NEW), newer(spec));
  });

  it("lets what a v1beta1 client gave count instead of what it excludes", () => {
    const spec = {
      myASN: 64500,
      dynamicASN: "internal",
      interface: "eth0",
      passwordSecret: { name: "s" },
      vrf: "x",
    };
    const seen = one(newer(spec), OLD);
    const changed = {
      ...seen,
      spec: { ...(seen.spec as Fields), peerASN: 1, peerAddress: "::1", password: "p" },
    };
    assert.deepEqual(one(changed, NEW).spec, {
      myASN: 64500,
      peerASN: 1,
      peerAddress: "::1",
      password: "p",
      vrf: "x",
    });
  });

  it("does not carry defaults in the annotation", () => {
    const seen = one(newer({ ...SHARED, disableMP: false, dualStackAddressFamily: false }), OLD);
    assert.deepEqual(seen, older(SHARED));
  });

  it("gives conditions without values the empty list that v1beta1 requires, and takes it away again", () => {
    const selectors = (values: Fields) => [
      { matchExpressions: [{ key: "a", operator: "Exists", ...values }] },
    ];
    const spec = { ...SHARED, nodeSelectors: selectors({}) };
    const seen = one(newer(spec), OLD);
    assert.deepEqual((seen.spec as Fields).nodeSelectors, selectors({ values: [] }));
    assert.deepEqual(one(seen, NEW), newer(spec));
  });

  it("leaves port 0 of v1beta1 to the default", () => {
    assert.equal((one(older({ ...SHARED, peerPort: 0 }), NEW).spec as Fields).peerPort, undefined);
  });

  it("leaves all other metadata as it is", () => {
    const metadata = { name: "a", annotations: { "example.org/x": "y" }, finalizers: ["z"], uid: "u" };
    const full = { ...newer({ ...SHARED, vrf: "blue" }), metadata };
    const seen = one(full, OLD);
    assert.deepEqual(seen.metadata, {
      ...metadata,
      annotations: { "example.org/x": "y", [KEPT_ANNOTATION]: '{"vrf":"blue"}' },
    });
    assert.deepEqual(one(seen, NEW), full);
  });

  it("ignores an annotation that holds something else", () => {
    for (const text of ["{", "7", "[]", '{"peerASN":7,"evil":1,"__proto__":{"vrf":"x"}}']) {
      const object = { ...older(SHARED), metadata: { name: "a", annotations: { [KEPT_ANNOTATION]: text } } };
      assert.deepEqual(one(object, NEW), { ...newer(SHARED), metadata: { name: "a" } });
    }
  });

  it("converts all objects or none", () => {
    const { convertedObjects, result } = convert([newer(SHARED), { kind: "IPAddressPool" }], OLD);
    assert.deepEqual(convertedObjects, []);
    assert.equal(result.status, "Failed");
    assert.match("message" in result ? result.message : "", /"IPAddressPool" has one version only/);
  });

  it("refuses versions that do not exist", () => {
    assert.equal(convert([newer(SHARED)], "metallb.io/v1").result.status, "Failed");
    assert.equal(convert([{ ...newer(SHARED), apiVersion: "x/v1" }], OLD).result.status, "Failed");
  });

  it("brings back any v1beta2 spec of any values (property)", () => {
    const text = fc.string({ minLength: 1, maxLength: 8 });
    const spec = fc.record(
      {
        myASN: fc.integer({ min: 1 }),
        peerASN: fc.integer({ min: 1 }),
        peerAddress: text,
        peerPort: fc.integer({ min: 1, max: 16_384 }),
        password: text,
        vrf: text,
        localASN: fc.integer({ min: 1 }),
        connectTime: text,
        enableGracefulRestart: fc.boolean(),
        disableMP: fc.constant(true),
        nodeSelectors: fc.array(fc.record({ matchLabels: fc.dictionary(text, text) })),
      },
      { requiredKeys: ["myASN", "peerASN", "peerAddress"], noNullPrototype: true },
    );
    fc.assert(
      fc.property(spec, (fields) => {
        const object = newer(fields);
        assert.deepEqual(one(one(object, OLD), NEW), object);
      }),
    );
  });

  it("answers anything (property)", () => {
    const object = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.record({
        apiVersion: fc.constantFrom(OLD, NEW),
        kind: fc.constant("BGPPeer"),
        metadata: fc.jsonValue({ maxDepth: 2 }),
        spec: fc.oneof(
          fc.jsonValue({ maxDepth: 4 }),
          fc.record({ nodeSelectors: fc.jsonValue({ maxDepth: 4 }) }),
        ),
      }),
    );
    const review = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.record({
        request: fc.record({
          uid: fc.jsonValue({ maxDepth: 1 }),
          desiredAPIVersion: fc.constantFrom<unknown>(OLD, NEW, "x", 7),
          objects: fc.oneof(fc.array(object), fc.jsonValue({ maxDepth: 1 })),
        }),
      }),
    );
    fc.assert(
      fc.property(review, (value) => {
        const { response } = answerConversion(value);
        assert.equal(typeof response.uid, "string");
        if (response.result.status === "Failed") assert.ok(response.result.message.length < 300);
      }),
    );
  });
});
