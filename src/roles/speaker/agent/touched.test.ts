import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { objectKey } from "#core/kubernetes/meta";
import { address } from "#testing/values";
import { Touched } from "./touched.ts";

const WEB = objectKey({ namespace: "shop", name: "web" });
const MAIL = objectKey({ namespace: "shop", name: "mail" });
const HERE = address("192.0.2.10");
const THERE = address("192.0.2.11");

const started = (): Touched => {
  const touched = new Touched();
  touched.take();
  return touched;
};

describe("what has changed since the writers were told", () => {
  it("may be anything at first, and after a change that may have to do with anything", () => {
    const touched = new Touched();
    touched.services([WEB]);
    assert.equal(touched.take(), undefined);
    touched.services([WEB]);
    touched.services(undefined);
    assert.equal(touched.take(), undefined);
    touched.all();
    assert.equal(touched.take(), undefined);
  });

  it("is otherwise what was said of Services and addresses, once", () => {
    const touched = started();
    touched.services([WEB, MAIL]);
    touched.services([WEB]);
    touched.addresses({
      placed: [
        { address: HERE, candidates: [], services: [WEB], interfaces: [], lead: HERE, unlisted: "none" },
      ],
      withdrawn: [THERE],
    });
    const some = touched.take() ?? assert.fail("anything");
    assert.deepEqual([...some.services], [WEB, MAIL]);
    assert.deepEqual([...some.addresses], [HERE, THERE]);
    const none = touched.take() ?? assert.fail("anything");
    assert.deepEqual([[...none.services], [...none.addresses]], [[], []]);
  });
});
