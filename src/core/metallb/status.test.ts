import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { error, warning } from "#core/config/problem";
import { problemIn } from "./problem.ts";
import {
  hasStateLabels,
  poolStatusOf,
  reportsPoolStatus,
  reportsState,
  stateObject,
  stateStatusOf,
} from "./status.ts";

const CONTROLLER = { type: "controller" } as const;
const NOW = "2026-01-02T03:04:05Z";
const LATER = "2026-01-02T04:00:00Z";

describe("poolStatusOf", () => {
  it("counts by family", () => {
    const counts = { assigned: { IPv4: 3n, IPv6: 1n }, available: { IPv4: 251n, IPv6: 15n } };
    assert.deepEqual(poolStatusOf(counts), {
      assignedIPv4: 3,
      assignedIPv6: 1,
      availableIPv4: 251,
      availableIPv6: 15,
    });
  });

  it("stays within 64 bits with sign when written as JSON", () => {
    for (const bits of [62n, 63n, 64n, 128n]) {
      const status = poolStatusOf({
        assigned: { IPv4: 0n, IPv6: 0n },
        available: { IPv4: 0n, IPv6: 1n << bits },
      });
      const digits = /"availableIPv6":(\d+)/.exec(JSON.stringify(status))?.[1] ?? "";
      assert.ok(BigInt(digits) < 1n << 63n, digits);
      assert.ok(BigInt(digits) >= (1n << (bits < 63n ? bits : 62n)) - 1_024n, digits);
    }
  });

  it("is not written again when it is there, even as other programs saturate", () => {
    const status = poolStatusOf({
      assigned: { IPv4: 1n, IPv6: 0n },
      available: { IPv4: 2n, IPv6: 1n << 64n },
    });
    assert.equal(reportsPoolStatus({ status: JSON.parse(JSON.stringify(status)) }, status), true);
    assert.equal(
      reportsPoolStatus(
        {
          status: JSON.parse(
            '{"assignedIPv4":1,"assignedIPv6":0,"availableIPv4":2,"availableIPv6":9223372036854775807}',
          ),
        },
        status,
      ),
      true,
    );
    assert.equal(reportsPoolStatus({ status: { ...status, assignedIPv4: 2 } }, status), false);
    assert.equal(reportsPoolStatus({ status: { ...status, later: 1 } }, status), true);
    for (const nothing of [undefined, {}, { status: {} }, { status: [] }, 7]) {
      assert.equal(reportsPoolStatus(nothing, status), false);
    }
  });
});

describe("the ConfigurationState of a component", () => {
  it("has MetalLB's names and labels", () => {
    assert.deepEqual(stateObject(CONTROLLER, "metallb-system"), {
      apiVersion: "metallb.io/v1beta1",
      kind: "ConfigurationState",
      metadata: {
        name: "controller",
        namespace: "metallb-system",
        labels: { "metallb.io/component-type": "controller" },
      },
    });
    assert.deepEqual(stateObject({ type: "speaker", node: "node-a" }, "x").metadata, {
      name: "speaker-node-a",
      namespace: "x",
      labels: { "metallb.io/component-type": "speaker", "metallb.io/node-name": "node-a" },
    });
  });

  const problem = (finding: ReturnType<typeof error>) =>
    problemIn({ kind: "IPAddressPool", object: "x/a" }, finding);

  const VERDICTS = [
    { verdict: { type: "valid" }, result: "Valid", status: "True", reason: "Reconciled", message: "" },
    {
      verdict: {
        type: "invalid",
        problems: [
          problem(warning(["spec"], "is odd")),
          problem(error(["spec", "addresses"], "is empty", "Give one.")),
        ],
      },
      result: "Invalid",
      status: "False",
      reason: "ConfigurationError",
      message: "configuration error: IPAddressPool x/a, spec.addresses: is empty. Give one.",
    },
    {
      verdict: { type: "unreachable", message: "list of pools: 403" },
      result: "Unknown",
      status: "Unknown",
      reason: "InfraError",
      message: "list of pools: 403",
    },
  ] as const;
  for (const { verdict, result, message, ...condition } of VERDICTS) {
    it(`says ${result} with reason ${condition.reason}`, () => {
      assert.deepEqual(stateStatusOf(CONTROLLER, { verdict, observed: undefined, now: NOW }), {
        result,
        errorSummary: message,
        conditions: [{ type: "poolReconcilerValid", ...condition, message, lastTransitionTime: NOW }],
      });
    });
  }

  it("says Unknown without conditions before anything was read", () => {
    assert.deepEqual(
      stateStatusOf(CONTROLLER, { verdict: { type: "unknown" }, observed: undefined, now: NOW }),
      {
        result: "Unknown",
        errorSummary: "",
        conditions: [],
      },
    );
  });

  it("uses the other condition for speakers", () => {
    const speaker = { type: "speaker", node: "a" } as const;
    const { conditions } = stateStatusOf(speaker, {
      verdict: { type: "valid" },
      observed: undefined,
      now: NOW,
    });
    assert.equal(conditions[0]?.type, "configReconcilerValid");
  });

  const valid = stateStatusOf(CONTROLLER, { verdict: { type: "valid" }, observed: undefined, now: NOW });

  it("keeps the time of a status that stays, so that nothing is written", () => {
    const again = stateStatusOf(CONTROLLER, {
      verdict: { type: "valid" },
      observed: { status: valid },
      now: LATER,
    });
    assert.deepEqual(again, valid);
    assert.equal(reportsState({ status: valid }, again), true);
  });

  it("takes the time of a status that changes", () => {
    const verdict = { type: "invalid", problems: [problem(error([], "x"))] } as const;
    const changed = stateStatusOf(CONTROLLER, { verdict, observed: { status: valid }, now: LATER });
    assert.equal(changed.conditions[0]?.lastTransitionTime, LATER);
    assert.equal(reportsState({ status: valid }, changed), false);
  });

  it("is not written again for the sake of other programs' conditions or of absent empty text", () => {
    const others = { type: "other", status: "True", reason: "X", message: "", lastTransitionTime: NOW };
    const { result, conditions } = valid;
    assert.equal(reportsState({ status: { result, conditions: [others, ...conditions] } }, valid), true);
    assert.equal(reportsState({ status: { result, conditions: [others] } }, valid), false);
    for (const nothing of [undefined, {}, { status: 7 }, { status: { conditions: {} } }]) {
      assert.equal(reportsState(nothing, valid), false);
    }
  });

  it("knows whether its labels are there", () => {
    const wanted = stateObject(CONTROLLER, "x");
    assert.equal(hasStateLabels(wanted, wanted), true);
    assert.equal(
      hasStateLabels({ metadata: { labels: { "metallb.io/component-type": "speaker" } } }, wanted),
      false,
    );
    assert.equal(hasStateLabels(undefined, wanted), false);
  });

  it("keeps its text short, however much is wrong", () => {
    const problems = Array.from({ length: 5_000 }, (_, index) => problem(error([index], "x".repeat(100))));
    const { errorSummary } = stateStatusOf(CONTROLLER, {
      verdict: { type: "invalid", problems },
      observed: undefined,
      now: NOW,
    });
    assert.ok(errorSummary.length < 9_000);
    assert.match(errorSummary, /and \d+ more$/);
  });
});
