import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { reply } from "./answer.ts";
import type { ReviewAnswer } from "./port.ts";

const UID = "705ab4f5-6393-11e8-b7cc-42010a800002";
const admission = (request: unknown = { uid: UID }) => ({
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  request,
});
const conversion = (objects: unknown = [{}, {}]) => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "ConversionReview",
  request: { uid: UID, desiredAPIVersion: "metallb.io/v1beta2", objects },
});

const judged = (response: object) => ({
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  response: { uid: UID, ...response },
});
const converted = (response: object) => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "ConversionReview",
  response: { uid: UID, ...response },
});

const replied = (answer: ReviewAnswer, body: unknown) => {
  const got = reply(answer, "/validate", new TextEncoder().encode(JSON.stringify(body)));
  return { ...got, json: got.status === 200 ? JSON.parse(got.text) : undefined };
};

describe("a review", () => {
  it("is answered with what the function gives", () => {
    const allowed = judged({ allowed: true, warnings: ["w"] });
    assert.deepEqual(replied(() => allowed, admission()).json, allowed);
    const done = converted({ result: { status: "Success" }, convertedObjects: [1, 2] });
    assert.deepEqual(replied(() => done, conversion()).json, done);
  });

  it("is handed over whole, with its path", () => {
    let seen: unknown;
    replied((path, review) => {
      seen = [path, review];
      return judged({ allowed: true });
    }, admission());
    assert.deepEqual(seen, ["/validate", admission()]);
  });

  it("of another kind or version, or without a request or uid, is refused as such", () => {
    const cases: readonly (readonly [unknown, RegExp])[] = [
      [null, /neither/],
      [[], /neither/],
      [{ kind: "constructor" }, /neither/],
      [{ ...admission(), kind: "TokenReview" }, /neither/],
      [{ ...admission(), apiVersion: "admission.k8s.io/v1beta1" }, /admission.k8s.io\/v1/],
      [{ ...conversion(), apiVersion: "admission.k8s.io/v1" }, /apiextensions/],
      [admission(null), /no request/],
      [admission({}), /no uid/],
      [admission({ uid: "" }), /no uid/],
      [admission({ uid: 7 }), /no uid/],
      [admission({ uid: "x".repeat(257) }), /no uid/],
    ];
    for (const [body, text] of cases) {
      const { status, text: said, trouble } = replied(() => judged({ allowed: true }), body);
      assert.equal(status, 400);
      assert.match(said, text);
      assert.equal(trouble?.reason, "malformed");
    }
  });

  it("is not JSON when it is cut off, not UTF-8, or empty", () => {
    for (const bytes of [[], [0x7b], [0xff, 0xfe], [0x22, 0xc3, 0x22]]) {
      assert.equal(reply(() => judged({ allowed: true }), "/", Uint8Array.from(bytes)).status, 400);
    }
  });

  it("at a path that there is not is answered 404", () => {
    const { status, trouble } = replied(() => undefined, admission());
    assert.deepEqual([status, trouble], [404, { reason: "unknown-path", detail: "/validate" }]);
  });
});

describe("an answer that fails", () => {
  const circular: Record<string, unknown> = { allowed: true };
  circular.self = circular;
  const failures: readonly ReviewAnswer[] = [
    () => {
      throw new Error("secret detail");
    },
    () => {
      throw undefined;
    },
    () => null,
    () => "allowed",
    () => ({}),
    () => ({ allowed: true }),
    () => judged({}),
    () => judged({ allowed: "true" }),
    () => judged({ allowed: true, uid: "another" }),
    () => ({ ...judged({ allowed: true }), apiVersion: "admission.k8s.io/v1beta1" }),
    () => ({ ...judged({ allowed: true }), kind: "TokenReview" }),
    () => judged(circular),
    () => judged({ allowed: true, status: { code: 1n } }),
    () => Promise.resolve(judged({ allowed: true })),
  ];

  it("never becomes an admission, and says nothing of its cause to the client", () => {
    for (const failure of failures) {
      const { json, text, trouble } = replied(failure, admission());
      assert.equal(json?.response.allowed, false);
      assert.equal(json?.response.uid, UID);
      assert.equal(json?.response.status.code, 500);
      assert.equal(trouble?.reason, "answer-failed");
      assert.ok(!text.includes("secret detail"));
    }
    assert.match(
      replied(failures[0] ?? (() => undefined), admission()).trouble?.detail ?? "",
      /secret detail/,
    );
  });

  it("never becomes a conversion, not even of too few or too many objects", () => {
    const result = { status: "Success" };
    const wrong: readonly ReviewAnswer[] = [
      ...failures,
      () => converted({ result, convertedObjects: [1] }),
      () => converted({ result, convertedObjects: [1, 2, 3] }),
      () => converted({ result }),
      () => converted({ result: { status: "success" }, convertedObjects: [1, 2] }),
      () => converted({ result, convertedObjects: [1, 2], uid: "" }),
      () => judged({ allowed: true, result, convertedObjects: [1, 2] }),
    ];
    for (const failure of wrong) {
      const { json, trouble } = replied(failure, conversion());
      assert.equal(json?.response.result.status, "Failed");
      assert.equal(json?.response.convertedObjects, undefined);
      assert.equal(trouble?.reason, "answer-failed");
    }
  });

  it("is refused as well when what was sent is nested beyond what can be walked", () => {
    const depth = 300_000;
    const nested = `${"[".repeat(depth)}${"]".repeat(depth)}`;
    const body = JSON.stringify(admission({ uid: UID, object: "nested" })).replace('"nested"', nested);
    const walks: ReviewAnswer = (_, review) => judged({ allowed: JSON.stringify(review) !== "" });
    const { status, text, trouble } = reply(walks, "/validate", new TextEncoder().encode(body));
    assert.equal(status, 200);
    assert.equal(JSON.parse(text).response.allowed, false);
    assert.equal(trouble?.reason, "answer-failed");
  });

  it("may say that it failed", () => {
    const result = { status: "Failed", message: "because" };
    const { json, trouble } = replied(() => converted({ result }), conversion());
    assert.deepEqual([json?.response.result, trouble], [result, undefined]);
  });

  it("is not made to allow anything by whatever is sent", () => {
    const answer: ReviewAnswer = () => judged({ allowed: false });
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (request, extra) => {
        const body = { ...admission(request), ...(typeof extra === "object" ? extra : {}) };
        const { json, status } = replied(answer, body);
        assert.ok(status === 400 || json?.response.allowed === false || json?.kind === "ConversionReview");
      }),
    );
  });

  it("never throws on arbitrary bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        assert.ok([200, 400, 404].includes(reply(() => judged({ allowed: true }), "/", bytes).status));
      }),
    );
  });
});
