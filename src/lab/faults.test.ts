import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  addFault,
  FAULT_USAGE,
  type Fault,
  faultProblems,
  NO_FAULTS,
  parseFault,
  planFaults,
  renderFaults,
} from "./faults.ts";
import { standardTopology } from "./topology.ts";

const topology = standardTopology();
const words = (text: string): Fault => parseFault(text.split(" ")) ?? assert.fail(`no fault: ${text}`);
const after = (...texts: readonly string[]) => texts.map(words).reduce(addFault, NO_FAULTS);

describe("reading a fault", () => {
  for (const [text, fault] of [
    ["silence e1", { type: "silence", host: "e1" }],
    ["link-down e1", { type: "link-down", host: "e1" }],
    ["loss 2.5", { type: "loss", percent: 2.5 }],
    ["loss 10% e1", { type: "loss", percent: 10, from: "e1" }],
    ["loss 10 any e1", { type: "loss", percent: 10, to: "e1" }],
    ["partition e1,n1 e2", { type: "partition", sides: [["e1", "n1"], ["e2"]] }],
    ["duplicate-address n1 fd02:0::100", { type: "duplicate-address", host: "n1", address: "fd02::100" }],
    ["kill e1", { type: "signal", host: "e1", signal: "SIGKILL" }],
    ["continue e1", { type: "signal", host: "e1", signal: "SIGCONT" }],
    ["restore", { type: "restore" }],
    ["restore e1", { type: "restore", host: "e1" }],
  ] as const) {
    it(`understands "${text}"`, () => assert.deepEqual(words(text), fault));
  }

  for (const text of [
    "",
    "silence",
    "silence e1 e2",
    "loss",
    "loss much",
    "loss -1",
    "partition e1",
    "explode e1",
  ]) {
    it(`refuses "${text}"`, () => assert.equal(parseFault(text.split(" ")), undefined));
  }

  it("has every one of its words in the operator's guide", () => {
    const guide = readFileSync(new URL("../../docs/lab.md", import.meta.url), "utf8");
    for (const line of FAULT_USAGE) {
      const [verbs = ""] = line.split(" ");
      for (const verb of verbs.split("|")) assert(guide.includes(`\`${verb} `), verb);
    }
  });

  it("refuses hosts that are not there and says which are", () => {
    const [problem = ""] = faultProblems(topology, words("partition e1,e9 n1"));
    assert.match(problem, /no host e9; the hosts are cl, rt, e1/);
    assert.equal(faultProblems(topology, words("loss 101")).length, 1);
  });

  it("refuses to cut off whom no switch can, instead of doing nothing", () => {
    const [client] = topology.hosts;
    assert(client !== undefined);
    const interfaces = client.interfaces.map((each) => ({ ...each, switch: "n1" }));
    const pods = { ...topology, hosts: [...topology.hosts, { ...client, name: "pod", interfaces }] };
    for (const text of ["silence pod", "loss 5 pod", "partition e1 pod"])
      assert.deepEqual(faultProblems(pods, words(text)), ["pod is behind n1, not in a switch"], text);
    for (const text of ["kill pod", "link-down pod", "restore pod"])
      assert.deepEqual(faultProblems(pods, words(text)), [], text);
  });
});

describe("faults in force", () => {
  it("stop a silent host's frames before the switch learns from them, and everything on its way there", () => {
    const text = renderFaults(after("silence e1"));
    const [prerouting = "", forward = ""] = text.split("chain forward");
    assert.match(prerouting, /iifname "e1" drop/);
    assert.match(forward, /oifname "e1" drop/);
  });

  it("drop a share of the frames, one way", () => {
    const text = renderFaults(after("loss 2.5 e1 e2"));
    assert.match(text, /iifname "e1" oifname "e2" numgen random mod 10000 < 250 drop/);
    assert.doesNotMatch(text, /iifname "e2"/);
  });

  it("cut every pair of a partition both ways and no other", () => {
    const { losses } = after("partition e1,n1 e2");
    assert.deepEqual(losses.map(({ from, to }) => `${from}>${to}`).sort(), [
      "e1>e2",
      "e2>e1",
      "e2>n1",
      "n1>e2",
    ]);
  });

  it("replace a loss between the same hosts and end it at 0 percent", () => {
    assert.equal(after("loss 10 e1 e2", "loss 20 e1 e2").losses.length, 1);
    assert.deepEqual(after("loss 10 e1 e2", "loss 0 e1 e2"), NO_FAULTS);
  });

  it("are gone for a host that is restored, and stay for the others", () => {
    const state = after("silence e1", "silence e2", "link-down e1", "loss 5 e1", "loss 5 e2", "restore e1");
    assert.deepEqual(state, { silent: ["e2"], unplugged: [], losses: [{ percent: 5, from: "e2" }] });
  });

  it("never survive a restoration of everything", () => {
    const fault = fc.constantFrom("silence e1", "link-down e2", "loss 3 n1", "partition e1 e2", "link-up e2");
    fc.assert(
      fc.property(fc.array(fault), (texts) => {
        assert.deepEqual(after(...texts, "restore"), NO_FAULTS);
      }),
    );
  });
});

describe("planning faults", () => {
  const plan = (before: readonly string[], now: readonly string[]) =>
    planFaults(topology, { before: after(...before), after: after(...now) });

  it("does nothing when nothing changes", () => assert.deepEqual(plan(["silence e1"], ["silence e1"]), []));

  it("pulls every cable of a host at its switches, where the host cannot undo it", () => {
    assert.deepEqual(plan([], ["link-down rt"]), [
      { switch: "up", argv: ["ip", "link", "set", "dev", "rt", "down"] },
      { switch: "sw", argv: ["ip", "link", "set", "dev", "rt", "down"] },
    ]);
  });

  it("replaces the rules of every switch in one step each", () => {
    const commands = plan(["silence e1"], ["silence e1", "loss 5 e2"]);
    assert.deepEqual(
      commands.map((each) => [each.switch, each.argv[0]]),
      [
        ["up", "nft"],
        ["sw", "nft"],
      ],
    );
    assert.match(commands[0]?.input ?? "", /^table bridge faults\ndelete table bridge faults\n/);
  });
});
