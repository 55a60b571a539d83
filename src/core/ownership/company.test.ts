import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Duration, type Instant, instant, micros, millis, seconds } from "#base/time";
import {
  type CompanyInput,
  type CompanyState,
  companyDeadline,
  initialCompany,
  stepCompany,
  type Verdict,
} from "./company.ts";
import { DEFAULT_OWNERSHIP, type OwnershipConfig } from "./config.ts";

const T0 = instant(7_000_000);
const at = (duration: Duration): Instant => after(T0, duration);
const sessions = (up: number, missing: number, leaving = 0): CompanyInput => ({
  type: "sessions",
  counts: { up, missing, leaving },
});
const HEARD: CompanyInput = { type: "peer-heard" };
const GATEWAY: CompanyInput = { type: "gateway", isKnown: true };
const ANSWER: CompanyInput = { type: "gateway-heard" };
const TIMER: CompanyInput = { type: "timer" };

/** A node whose time a test moves. */
class Node {
  readonly config: OwnershipConfig;
  state: CompanyState = initialCompany(T0);
  asked = 0;

  constructor(changes: Partial<OwnershipConfig> = {}) {
    this.config = { ...DEFAULT_OWNERSHIP, ...changes };
  }

  /** Gives an input; before it, everything that was due. */
  give(input: CompanyInput, now: Instant): Verdict {
    for (let due = companyDeadline(this.config, this.state); due !== undefined && due < now; ) {
      this.#step(TIMER, due);
      const next = companyDeadline(this.config, this.state);
      assert.ok(next === undefined || next > due, "a deadline that has passed does not stay");
      due = next;
    }
    return this.#step(input, now);
  }

  #step(input: CompanyInput, now: Instant): Verdict {
    const { state, asksGateway } = stepCompany(this.config, this.state, input, now);
    this.state = state;
    if (asksGateway) this.asked += 1;
    return state.verdict;
  }
}

/** A node with two sessions that are up, and a gateway, that has just heard a peer at T0. */
const accompanied = (changes: Partial<OwnershipConfig> = {}): Node => {
  const node = new Node(changes);
  node.give(GATEWAY, T0);
  assert.equal(node.give(sessions(2, 0), T0), "accompanied");
  node.give(HEARD, T0);
  return node;
};

describe("the company of a node", () => {
  it("is doubtful until the members are known, and until it is known whether there is a gateway", () => {
    const node = new Node();
    assert.equal(node.give(TIMER, T0), "doubtful");
    assert.equal(node.give(sessions(0, 2), T0), "doubtful");
    assert.equal(node.give(TIMER, at(seconds(60))), "doubtful");
  });

  it("is enough where there is nobody to expect, or only such as said that they leave", () => {
    assert.equal(new Node().give(sessions(0, 0), T0), "accompanied");
    assert.equal(new Node().give(sessions(0, 0, 3), T0), "accompanied");
  });

  it("does not trouble the gateway while packets come", () => {
    const node = accompanied();
    for (let time = 0; time < 100; time += 1) node.give(HEARD, at(millis(50 * time)));
    assert.equal(node.asked, 0);
  });

  it("asks the gateway when it has heard nobody for a while, and is isolated a detection time after the last packet", () => {
    const node = accompanied();
    node.give(TIMER, at(micros(149_999)));
    assert.equal(node.asked, 0);
    node.give(TIMER, at(millis(150)));
    assert.equal(node.asked, 1);
    assert.equal(node.give(TIMER, at(micros(249_999))), "accompanied");
    assert.equal(node.asked, 5);
    assert.equal(node.give(TIMER, at(millis(250))), "isolated");
  });

  it("forgets that it was quiet when a packet comes", () => {
    const node = accompanied();
    node.give(TIMER, at(millis(200)));
    assert.equal(node.give(HEARD, at(millis(220))), "accompanied");
    assert.equal(companyDeadline(node.config, node.state), at(millis(370)));
  });

  it("is alone and goes on while the gateway answers, and isolated when it does not any more", () => {
    const node = accompanied();
    node.give(TIMER, at(millis(150)));
    node.give(ANSWER, at(millis(152)));
    assert.equal(node.give(sessions(0, 2), at(millis(250))), "alone");
    node.give(ANSWER, at(millis(300)));
    assert.equal(node.give(TIMER, at(micros(649_999))), "alone");
    assert.equal(node.give(TIMER, at(millis(650))), "isolated");
  });

  it("gives the gateway its time when the sessions go down though packets still come", () => {
    const node = accompanied();
    assert.equal(node.give(sessions(0, 2), at(millis(10))), "doubtful");
    assert.equal(node.asked, 1);
    assert.equal(node.give(TIMER, at(micros(69_999))), "doubtful");
    assert.equal(node.give(TIMER, at(millis(70))), "isolated");
  });

  it("believes no answer from before it asked", () => {
    const node = accompanied();
    node.give(ANSWER, at(millis(5)));
    node.give(sessions(0, 2), at(millis(10)));
    assert.equal(node.give(TIMER, at(millis(70))), "isolated");
  });

  it("is not isolated any more when a session comes up, or the gateway answers again", () => {
    for (const [input, verdict] of [
      [sessions(1, 1), "accompanied"],
      [ANSWER, "alone"],
    ] as const) {
      const node = accompanied();
      assert.equal(node.give(sessions(0, 2), at(seconds(1))), "isolated");
      node.give(HEARD, at(seconds(2)));
      assert.equal(node.give(input, at(seconds(2))), verdict);
    }
  });

  it("is what the operator says where there is no gateway", () => {
    for (const [withoutGateway, verdict] of [
      ["go-on", "alone"],
      ["withdraw", "isolated"],
    ] as const) {
      const node = new Node({ withoutGateway });
      node.give({ type: "gateway", isKnown: false }, T0);
      node.give(sessions(2, 0), T0);
      assert.equal(node.give(sessions(0, 2), at(seconds(1))), verdict);
      assert.equal(node.asked, 0);
    }
  });

  it("is not isolated by what comes first after a standstill: the gateway's answer may wait behind it", () => {
    const { config, state } = accompanied();
    const asked = stepCompany(config, state, TIMER, at(millis(150)));
    assert.ok(asked.asksGateway);
    const woken = at(millis(390));
    const first = stepCompany(config, asked.state, sessions(0, 2), woken);
    assert.equal(first.state.verdict, "doubtful");
    const due = companyDeadline(config, first.state);
    assert.ok(due !== undefined && due <= woken, "it is decided as soon as all is read");
    const answered = stepCompany(config, first.state, ANSWER, woken);
    assert.equal(stepCompany(config, answered.state, TIMER, woken).state.verdict, "alone");
    assert.equal(stepCompany(config, first.state, TIMER, woken).state.verdict, "isolated");
  });

  it("is decided at once where there is no gateway to wait for", () => {
    const node = new Node({ withoutGateway: "withdraw" });
    node.give({ type: "gateway", isKnown: false }, T0);
    node.give(sessions(2, 0), T0);
    node.give(HEARD, at(seconds(1)));
    assert.equal(node.give(sessions(0, 2), at(seconds(1))), "doubtful");
    assert.equal(companyDeadline(node.config, node.state), at(seconds(1)));
    assert.equal(node.give(TIMER, at(seconds(1))), "isolated");
  });

  it("is doubtful at first after a long sleep, and not isolated before the gateway was asked", () => {
    const { config, state } = accompanied();
    const woken = at(seconds(60));
    const first = stepCompany(config, state, TIMER, woken);
    assert.deepEqual([first.state.verdict, first.asksGateway], ["doubtful", true]);
    const heard = stepCompany(config, first.state, HEARD, woken);
    assert.equal(heard.state.verdict, "accompanied");
  });
});
