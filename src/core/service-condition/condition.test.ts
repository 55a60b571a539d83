import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { macFromBytes } from "#base/mac";
import { millis, wallTime } from "#base/time";
import { LEFT_OUT_REASONS, type LeftOut, SILENT_REASONS } from "#core/layer2/reason";
import type { Verdict } from "#core/reachability/machine";
import { address } from "#testing/values";
import { type AddressStanding, announcedCondition, takeoverIn } from "./announced.ts";
import { type ProbedAddress, reachableCondition } from "./reachable.ts";

const V4 = address("192.0.2.10");
const V6 = address("2001:db8::10");
const MAC = macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 7));
/** What the API server takes as a reason (metav1.Condition). */
const REASON = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;

const held = (over: Partial<AddressStanding> = {}): AddressStanding => ({
  ...{ address: V4, holder: { node: "node-a", interfaces: ["eth0"] }, stranger: undefined, leftOut: [] },
  ...over,
});
const cordoned: LeftOut = { node: "node-b", reason: "cordoned", text: "is cordoned" };

describe("the condition Announced", () => {
  it("is true when somebody answers for every address, and says who, where, and who may not", () => {
    const addresses = [
      held({ leftOut: [cordoned] }),
      held({ address: V6, holder: { node: "node-c", interfaces: [] }, leftOut: [cordoned] }),
    ];
    assert.deepEqual(announcedCondition({ addresses, silent: undefined }), {
      type: "steelyard.dev/Announced",
      status: "True",
      reason: "Announced",
      message:
        "Node node-a answers for 192.0.2.10 on eth0; node node-c answers for 2001:db8::10. Node node-b is cordoned: uncordon the node.",
    });
  });

  it("says how long nobody had been heard where the holder took addresses from a node that fell silent", () => {
    const takeover = {
      from: "node-b",
      at: wallTime(Date.UTC(2026, 10, 30, 21, 4, 5, 678)),
      outage: millis(361.6),
    };
    const addresses = [
      held({ takeover: { ...takeover, outage: millis(300) }, leftOut: [cordoned] }),
      held({ address: V6, takeover }),
    ];
    const { status, message } = announcedCondition({ addresses, silent: undefined });
    const said =
      "Taken over from node node-b, which fell silent, at 2026-11-30T21:04:05Z, 362 ms after it was heard last.";
    assert.equal(status, "True");
    assert.equal(
      message,
      `Node node-a answers for 192.0.2.10 on eth0; node node-a answers for 2001:db8::10 on eth0. ${said} Node node-b is cordoned: uncordon the node.`,
    );
    assert.equal(takeoverIn(message), said);
    assert.equal(takeoverIn("Node node-a answers for 192.0.2.10."), undefined);
  });

  it("is false while nobody answers for one of them", () => {
    const { status, reason, message } = announcedCondition({
      addresses: [held(), held({ address: V6, holder: undefined })],
      silent: undefined,
    });
    assert.deepEqual([status, reason], ["False", "NotHeld"]);
    assert.match(message, /nobody answers for 2001:db8::10\.$/);
  });

  it("names the machine that answers as well, or had the address before us", () => {
    const both = announcedCondition({ addresses: [held({ stranger: MAC })], silent: undefined });
    assert.deepEqual([both.status, both.reason], ["True", "DuplicateAddress"]);
    assert.equal(
      both.message,
      "Node node-a answers for 192.0.2.10 on eth0, and so does 02:00:00:00:00:07: find that machine, which is no node of this cluster.",
    );
    const taken = announcedCondition({
      addresses: [held({ holder: undefined, stranger: MAC })],
      silent: undefined,
    });
    assert.deepEqual([taken.status, taken.reason], ["False", "DuplicateAddress"]);
    assert.match(
      taken.message,
      /^No node answers for 192\.0\.2\.10, since 02:00:00:00:00:07 has it already: /,
    );
  });

  it("names the nodes that may not where nobody may", () => {
    const { message } = announcedCondition({ addresses: [], silent: "no-candidates", leftOut: [cordoned] });
    assert.match(message, /^Every node is left out: .*\. Node node-b is cordoned: uncordon the node\.$/);
  });

  it("says why nobody may, in a word that the API server takes", () => {
    for (const silent of SILENT_REASONS) {
      const { status, reason, message } = announcedCondition({ addresses: [], silent });
      assert.equal(status, "False");
      assert.match(reason, REASON);
      assert.match(message, /^[A-Z].*\.$/);
    }
    const reasons = SILENT_REASONS.map((silent) => announcedCondition({ addresses: [], silent }).reason);
    assert.equal(new Set(reasons).size, SILENT_REASONS.length);
    assert.equal(announcedCondition({ addresses: [], silent: "no-endpoints" }).reason, "NoEndpoints");
  });

  it("names a few nodes and counts the rest, whatever their names are", () => {
    const leftOut = Array.from(
      { length: 1_000 },
      (_, index): LeftOut => ({
        node: `${"n".repeat(240)}-${index}`,
        reason: LEFT_OUT_REASONS[index % LEFT_OUT_REASONS.length] ?? "cordoned",
        text: "is left out",
      }),
    );
    const { message } = announcedCondition({
      addresses: [held({ holder: undefined, leftOut })],
      silent: "no-candidates",
    });
    assert.ok(message.length <= 2_048, `${message.length}`);
    const short = announcedCondition({
      addresses: [held({ leftOut: leftOut.map((each, index) => ({ ...each, node: `n${index}` })) })],
      silent: undefined,
    });
    assert.match(short.message, /992 more nodes are left out\.$/);
  });
});

const reachable: Verdict = { type: "reachable", mac: MAC, resolved: millis(1), connected: millis(2) };
const probed = (verdict: Verdict, over: Partial<ProbedAddress> = {}): ProbedAddress => ({
  ...{ address: V4, prober: "node-b", verdict },
  ...over,
});

describe("the condition Reachable", () => {
  it("is true when every address answers, and does not change with how fast", () => {
    const slow: Verdict = { ...reachable, resolved: millis(400) };
    const condition = reachableCondition([probed(reachable), probed(reachable, { address: V6 })]);
    assert.deepEqual(condition, {
      type: "steelyard.dev/Reachable",
      status: "True",
      reason: "Answered",
      message: "Node node-b got an answer from 192.0.2.10; node node-b got an answer from 2001:db8::10.",
    });
    assert.deepEqual(reachableCondition([probed(slow), probed(slow, { address: V6 })]), condition);
  });

  it("is unknown while nobody has asked, or nobody can", () => {
    const unknown = reachableCondition([probed({ type: "unknown" })]);
    assert.deepEqual([unknown.status, unknown.reason], ["Unknown", "NotProbedYet"]);
    const alone = reachableCondition([probed({ type: "unknown" }, { prober: undefined })]);
    assert.deepEqual([alone.status, alone.reason], ["Unknown", "NoProber"]);
  });

  it("is false for the worst that was found, with what to look at", () => {
    const obstacles = [
      [{ type: "refused", mac: MAC }, "Refused"],
      [{ type: "silent", mac: MAC }, "Silent"],
      [{ type: "not-resolved" }, "NotResolved"],
      [{ type: "other-machine", mac: MAC }, "OtherMachine"],
      [{ type: "answered-twice", macs: [MAC, MAC] }, "AnsweredTwice"],
    ] as const;
    for (const [index, [obstacle, reason]] of obstacles.entries()) {
      const verdict: Verdict = { type: "unreachable", obstacle };
      const milder: Verdict =
        index === 0 ? reachable : { type: "unreachable", obstacle: obstacles[index - 1]?.[0] ?? obstacle };
      const condition = reachableCondition([
        probed(milder),
        probed(verdict, { address: V6 }),
        probed(milder),
      ]);
      assert.deepEqual([condition.status, condition.reason], ["False", reason]);
      assert.match(condition.reason, REASON);
    }
  });
});
