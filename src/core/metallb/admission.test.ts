import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type AdmissionAnswer, answerAdmission, type Current } from "./admission.ts";
import { bgp, conflict, l2, NAMESPACE, peer, pool, profile, reservation } from "./test-objects.ts";

type Fields = Readonly<Record<string, unknown>>;

const current = (objects: readonly unknown[]): Current => ({
  namespace: NAMESPACE,
  objects,
  namespaces: new Map(),
});

const review = (operation: string, object: Fields, more: Fields = {}): Fields => {
  const [group = "", version = ""] = String(object.apiVersion).split("/");
  const metadata = object.metadata as Fields;
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      uid: "705ab4f5-6393-11e8-b7cc-42010a800002",
      kind: { group, version, kind: object.kind },
      operation,
      namespace: metadata.namespace,
      name: metadata.name,
      ...(operation === "DELETE" ? { object: null, oldObject: object } : { object }),
      ...more,
    },
  };
};

const ask = (operation: string, object: Fields, objects: readonly unknown[], more: Fields = {}) =>
  answerAdmission(review(operation, object, more), current(objects)).response;

const assertDenied = (response: AdmissionAnswer["response"], said: RegExp, code = 422): void => {
  assert.equal(response.allowed, false);
  assert.match(response.status?.message ?? "", said);
  assert.equal(response.status?.code, code);
};

describe("answerAdmission", () => {
  it("allows what is right, in the envelope that the API server expects", () => {
    assert.deepEqual(answerAdmission(review("CREATE", pool("a")), current([])), {
      apiVersion: "admission.k8s.io/v1",
      kind: "AdmissionReview",
      response: { uid: "705ab4f5-6393-11e8-b7cc-42010a800002", allowed: true },
    });
  });

  it("denies with all problems in one message", () => {
    const response = ask("CREATE", pool("b", { addresses: ["x", "192.0.2.9-192.0.2.1"] }), [pool("a")]);
    assertDenied(response, /addresses\[0\]: "x".*\n.*addresses\[1\]: "192.0.2.9-192.0.2.1" ends before/);
  });

  const WRONG: readonly (readonly [string, Fields, readonly unknown[], RegExp])[] = [
    ["an overlap with another pool", pool("b"), [pool("a")], /overlaps/],
    ["an overlap with a pool that comes later by name", pool("a"), [pool("b")], /overlaps/],
    [
      "a BGPAdvertisement that contradicts another",
      bgp("b", { localPref: 2 }),
      [pool("p"), bgp("a")],
      /localPref/,
    ],
    ["a peer for the same router", peer("b"), [peer("a")], /peerAddress/],
    [
      "an L2Advertisement with a selector twice",
      l2("a", { nodeSelectors: [{}, {}] }),
      [],
      /nodeSelectors\[1\]/,
    ],
    ["a peer of v1beta1", { ...peer("a", { myASN: 0 }), apiVersion: "metallb.io/v1beta1" }, [], /myASN/],
    [
      "a reservation of another's address",
      reservation("b", { addresses: ["::1"] }),
      [reservation("a", { addresses: ["::1"] })],
      /kept by reservation "a"/,
    ],
    [
      "a conflict that cannot be read",
      conflict("a", { address: "x", reportedBy: "me" }),
      [],
      /"x" is not an address/,
    ],
    ["a BFDProfile out of range", profile("a", { detectMultiplier: 1 }), [], /detectMultiplier/],
  ];
  for (const [what, object, objects, said] of WRONG) {
    for (const operation of ["CREATE", "UPDATE"]) {
      it(`denies ${what} on ${operation}`, () => {
        assertDenied(ask(operation, object, objects), said);
      });
    }
  }

  it("judges an update by the new object, not by both", () => {
    assert.equal(ask("UPDATE", pool("a", { addresses: ["192.0.2.0/25"] }), [pool("a")]).allowed, true);
  });

  it("denies a pool that gets in the way of an advertisement", () => {
    const advertisement = bgp("b", { aggregationLength: 25 });
    const response = ask("CREATE", pool("a", { addresses: ["192.0.2.0/26"] }), [advertisement]);
    assertDenied(response, /BGPAdvertisement metallb-system\/b, spec\.aggregationLength: 25 is shorter/);
  });

  it("allows what another object may still mend, and says so", () => {
    const community = ask("CREATE", bgp("a", { communities: ["later"] }), []);
    assert.equal(community.allowed, true);
    assert.match(community.warnings?.join() ?? "", /no Community resource gives the name "later"/);
    assert.equal(ask("CREATE", peer("a", { bfdProfile: "later" }), []).allowed, true);
  });

  it("allows what makes nothing worse, and tells what was wrong before", () => {
    const broken = [pool("a", { addresses: ["x"] })];
    const response = ask("CREATE", pool("b"), broken);
    assert.equal(response.allowed, true);
    assert.match(response.warnings?.join() ?? "", /IPAddressPool metallb-system\/a, spec\.addresses\[0\]/);
    assert.equal(ask("UPDATE", pool("a", { addresses: ["x", "10.0.0.0/24"] }), broken).allowed, true);
    assertDenied(ask("UPDATE", pool("a", { addresses: ["x", "y"] }), broken), /"y"/);
  });

  it("allows an object on its way out to lose its finalizers", () => {
    const object = pool("a", { addresses: ["x"] });
    const leaving = {
      ...object,
      metadata: { ...(object.metadata as Fields), deletionTimestamp: "2026-01-01T00:00:00Z" },
    };
    assert.equal(ask("UPDATE", leaving, []).allowed, true);
  });

  it("denies other namespaces, for every kind that configures", () => {
    const objects = [
      pool("a"),
      l2("a"),
      bgp("a"),
      peer("a"),
      profile("a"),
      reservation("a", { addresses: ["::1"] }),
    ];
    for (const object of objects) {
      const elsewhere = { ...object, metadata: { namespace: "default", name: "a" } };
      assertDenied(
        ask("CREATE", elsewhere, []),
        /must be in namespace metallb-system, not in "default"/,
        403,
      );
    }
  });

  it("denies the removal of a BFDProfile that a peer names, and no other removal", () => {
    const objects = [profile("fast"), peer("a", { bfdProfile: "fast" }), pool("p")];
    assertDenied(ask("DELETE", profile("fast"), objects), /BFDProfile fast is in use by BGPPeer a/, 403);
    assert.equal(ask("DELETE", profile("slow"), objects).allowed, true);
    assert.equal(ask("DELETE", pool("p"), objects).allowed, true);
    assert.equal(ask("DELETE", peer("a"), objects).allowed, true);
  });

  it("denies a change of enableGracefulRestart", () => {
    const before = peer("a", { enableGracefulRestart: false });
    const now = peer("a", { enableGracefulRestart: true });
    assertDenied(
      ask("UPDATE", now, [before], { oldObject: before }),
      /enableGracefulRestart: cannot be changed/,
    );
    assert.equal(ask("UPDATE", before, [before], { oldObject: before }).allowed, true);
  });

  it("does not judge status, other groups, or kinds that only report", () => {
    const bad = pool("a", { addresses: ["x"] });
    assert.equal(ask("UPDATE", bad, [], { subResource: "status" }).allowed, true);
    assert.equal(ask("CREATE", { ...bad, apiVersion: "example.org/v1" }, []).allowed, true);
    const report = { ...bad, kind: "ServiceL2Status" };
    assert.equal(ask("CREATE", report, []).allowed, true);
  });

  it("answers reviews that hold nothing to judge", () => {
    for (const hostile of [undefined, null, 7, [], {}, { request: {} }, { request: { uid: 7, kind: {} } }]) {
      const { response } = answerAdmission(hostile, current([]));
      assert.deepEqual([response.allowed, response.uid, response.status?.code], [false, "", 400]);
    }
  });

  it("keeps its message short, however much is wrong", () => {
    const addresses = Array.from({ length: 20_000 }, (_, index) => `${"x".repeat(100)}${index}`);
    const { status } = ask("CREATE", pool("a", { addresses }), []);
    assert.ok((status?.message.length ?? 0) <= 8_192);
    assert.match(status?.message ?? "", /and \d+ more$/);
  });
});
