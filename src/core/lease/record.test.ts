import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { seconds, wallTime } from "#base/time";
import { formatMicroTime, type LeaseRecord, parseLease, renderLease } from "./record.ts";

const LEASE = {
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  metadata: { name: "controller", namespace: "lb", resourceVersion: "7", labels: { of: "others" } },
  spec: {
    holderIdentity: "a",
    leaseDurationSeconds: 15,
    acquireTime: "2026-11-30T04:00:00.000000Z",
    renewTime: "2026-11-30T04:00:10.000000Z",
    leaseTransitions: 3,
    strategy: "OldestEmulationVersion",
  },
};
const READ: LeaseRecord = {
  resourceVersion: "7",
  holder: "a",
  duration: seconds(15),
  transitions: 3,
  acquireTime: "2026-11-30T04:00:00.000000Z",
};
const MICRO_TIME = "2026-11-30T05:00:00.250000Z";

describe("parseLease", () => {
  it("reads what counts", () => assert.deepEqual(parseLease(LEASE), READ));

  it("takes a Lease without holder for free, and odd numbers for absent", () => {
    const spec = { holderIdentity: null, leaseDurationSeconds: -1, leaseTransitions: 1.5, acquireTime: 3 };
    const expected = { holder: "", duration: undefined, transitions: 0, acquireTime: undefined };
    assert.deepEqual(parseLease({ ...LEASE, spec }), { ...expected, resourceVersion: "7" });
    assert.deepEqual(parseLease({ metadata: LEASE.metadata }), { ...expected, resourceVersion: "7" });
  });

  it("does not let a holder keep the Lease for longer than an hour", () => {
    const spec = { ...LEASE.spec, leaseDurationSeconds: 2 ** 31 - 1 };
    assert.equal(parseLease({ ...LEASE, spec })?.duration, seconds(3_600));
  });

  it("never throws, and gives nothing without a version", () => {
    fc.assert(fc.property(fc.anything(), (value) => void parseLease(value)));
    for (const value of [null, [], "x", {}, { metadata: {} }, { metadata: { resourceVersion: 7 } }])
      assert.equal(parseLease(value), undefined);
  });
});

describe("renderLease", () => {
  const claim = { holder: "b", duration: seconds(15), transitions: 4, acquireTime: undefined };

  it("keeps what others wrote, and the version", () => {
    const rendered = renderLease({
      before: LEASE,
      namespace: "lb",
      name: "controller",
      claim,
      microTime: MICRO_TIME,
    });
    assert.deepEqual(rendered, {
      ...LEASE,
      spec: {
        ...LEASE.spec,
        holderIdentity: "b",
        acquireTime: MICRO_TIME,
        renewTime: MICRO_TIME,
        leaseTransitions: 4,
      },
    });
  });

  it("makes a new object that is read as it was meant", () => {
    const made = renderLease({
      before: undefined,
      namespace: "lb",
      name: "controller",
      claim: { ...claim, acquireTime: "2026-11-30T04:00:00.000000Z" },
      microTime: MICRO_TIME,
    });
    assert.equal(parseLease(made), undefined);
    assert.ok(typeof made === "object" && made !== null && "metadata" in made);
    const stored = { ...made, metadata: { ...Object(made.metadata), resourceVersion: "1" } };
    const expected = { ...READ, resourceVersion: "1", holder: "b", transitions: 4 };
    assert.deepEqual(parseLease(stored), expected);
  });
});

describe("formatMicroTime", () => {
  it("writes six decimals in UTC", () =>
    assert.equal(formatMicroTime(wallTime(Date.UTC(2026, 10, 30, 5, 0, 0, 250))), MICRO_TIME));
});
