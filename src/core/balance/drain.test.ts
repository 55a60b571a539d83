import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Instant, instant, micros, seconds } from "#base/time";
import { flowsToEnd } from "#core/conntrack/endings";
import { address } from "#testing/values";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
import { drainChanges } from "./drain.ts";
import type { Backend, VirtualServer } from "./model.ts";
import { planDeadline, planForwarding } from "./plan.ts";
import type { ForwardingPlan, PlannedBackend, Reported, ServerPlan } from "./plan-model.ts";
import { onePort } from "./ports.ts";
import { hasOwners, ownersOf } from "./slots.ts";

const backend = (number: number, weight = 1): Backend => ({
  name: `w${number}`,
  address: address(`192.0.2.2${number}`),
  port: 80,
  weight,
});
const WEB: VirtualServer = {
  name: "web",
  address: address("192.0.2.10"),
  protocol: "tcp",
  ports: onePort(80),
  mode: "masquerade",
  scheduler: { type: "consistent-hash", tableSize: 101 },
  backends: [backend(1), backend(2), backend(3)],
  drainTimeout: seconds(60),
};
const ZERO = { ...WEB, backends: [backend(1), backend(2, 0), backend(3)] };
const LESS = { ...WEB, backends: [backend(1), backend(3)] };
const START = instant(0);
const END = after(START, seconds(60));

const plan = (
  server: VirtualServer,
  previous?: ForwardingPlan,
  now: Instant = START,
  health: Readonly<Record<string, Reported>> = {},
): ForwardingPlan =>
  planForwarding({
    servers: [server],
    availability: (key) => health[key] ?? "available",
    links: { ingress: () => ["eth0"], egress: () => "eth0" },
    previous,
    now,
  });
const only = ({ servers: [server] }: ForwardingPlan): ServerPlan => server ?? assert.fail();
const w2 = (forwarding: ForwardingPlan): PlannedBackend | undefined =>
  only(forwarding).backends.find(({ name }) => name === "w2");
const early = after(END, micros(-1));

describe("a drain", () => {
  it("of a backend with weight 0 ends at its deadline, and not a microsecond before", () => {
    const drained = plan(ZERO, plan(WEB));
    assert.deepEqual([w2(drained)?.availability, w2(drained)?.drainUntil], ["draining", END]);
    assert.equal(planDeadline(drained), END);
    assert.equal(w2(plan(ZERO, drained, early))?.availability, "draining");
    const over = plan(ZERO, drained, END);
    assert.deepEqual([w2(over)?.availability, w2(over)?.drained], ["unavailable", true]);
    assert.equal(planDeadline(over), undefined);
    assert.deepEqual(plan(ZERO, over, after(END, seconds(1))), over);
  });

  it("keeps its deadline when other things change, and when its backend fails and returns meanwhile", () => {
    const drained = plan(ZERO, plan(WEB));
    const later = after(START, seconds(10));
    const failed = plan(ZERO, drained, later, { "web/w2": "unavailable", "web/w1": "unavailable" });
    assert.deepEqual([w2(failed)?.availability, w2(failed)?.drainUntil], ["unavailable", END]);
    assert.equal(w2(plan(ZERO, failed, after(later, seconds(1))))?.drainUntil, END);
  });

  it("is called off by a weight, and never ends without a deadline", () => {
    const drained = plan(ZERO, plan(WEB));
    assert.deepEqual(only(plan(WEB, drained)), only(plan(WEB)));
    assert.deepEqual(only(plan(WEB, plan(ZERO, drained, END), END)), only(plan(WEB)));
    const { drainTimeout: _none, ...patient } = ZERO;
    assert.equal(planDeadline(plan(patient, plan(WEB))), undefined);
  });

  it("of a backend that the configuration no longer lists ends at its deadline, and then it is forgotten", () => {
    const left = plan(LESS, plan(WEB));
    assert.deepEqual(w2(left), {
      ...w2(plan(WEB)),
      weight: 0,
      availability: "draining",
      role: "leaving",
      drainUntil: END,
    });
    assert.deepEqual(new Set(ownersOf(only(left))), new Set(ownersOf(only(plan(LESS)))));
    assert.equal(w2(plan(LESS, left, early))?.availability, "draining");
    const over = plan(LESS, left, END);
    assert.deepEqual([w2(over)?.availability, w2(over)?.drained], ["unavailable", true]);
    const due = planDeadline(over);
    assert.ok(due !== undefined && due > END);
    assert.equal(w2(plan(LESS, over, after(due, micros(-1))))?.drained, true);
    assert.deepEqual(only(plan(LESS, over, due)), only(plan(LESS)));
  });

  it("leaves the table of slots as it is on an edge that has never known the backend", () => {
    for (const mode of ["masquerade", "dsr"] as const) {
      const nameByPlace = (server: ServerPlan) =>
        Array.from(server.slots.places, (place) => server.backends[place - 1]?.name);
      const left = only(plan({ ...LESS, mode }, plan({ ...WEB, mode })));
      assert.equal(left.backends.length, 3);
      assert.deepEqual(nameByPlace(left), nameByPlace(only(plan({ ...LESS, mode }))));
    }
  });

  it("ends when the backend is listed again, with the number that it had", () => {
    const left = plan(LESS, plan(WEB));
    assert.deepEqual(only(plan(WEB, left)), only(plan(WEB)));
  });

  it("is not for one that was renamed, or dead already, or when the server is another now", () => {
    const renamed = { ...WEB, backends: [backend(1), { ...backend(2), name: "w9" }, backend(3)] };
    assert.equal(only(plan(renamed, plan(WEB))).backends.length, 3);
    const dead = plan(WEB, undefined, START, { "web/w2": "unavailable" });
    assert.equal(only(plan(LESS, dead)).backends.length, 2);
    assert.equal(only(plan({ ...LESS, ports: onePort(81) }, plan(WEB))).backends.length, 2);
  });

  it("in dsr keeps the flows of one that has left even without a deadline, for a day", () => {
    const { drainTimeout: _none, ...patient } = { ...LESS, mode: "dsr" as const };
    const left = plan(patient, plan({ ...WEB, mode: "dsr" }));
    assert.equal(w2(left)?.drainUntil, after(START, seconds(86_400)));
    assert.ok(only(left).moves.some(({ from }) => from === w2(left)?.id));
  });

  it("is remembered by a checkpoint", () => {
    const treated = {
      ...WEB,
      persistence: { timeout: seconds(600), prefixLength: 24 },
      limits: {
        prefixLength: 32,
        connections: 9,
        newConnections: { rate: 1, per: "hour", burst: 2 } as const,
      },
      synProxy: true as const,
    };
    for (const each of [
      plan(treated),
      plan(ZERO, plan(WEB)),
      plan(LESS, plan(WEB)),
      plan(ZERO, plan(ZERO), END),
    ]) {
      assert.deepEqual(decodeCheckpoint(encodeCheckpoint(each)), each);
    }
  });

  it("of a backend that says no is without a deadline, or has that of its server, and ends with its health", () => {
    const no = { "web/w2": "draining" } as const;
    const { drainTimeout: _none, ...patient } = WEB;
    const left = plan(patient, plan(patient), START, no);
    assert.deepEqual([w2(left)?.availability, w2(left)?.drainUntil], ["draining", undefined]);
    assert.ok(ownersOf(only(left)).every((id) => id !== w2(left)?.id));
    assert.deepEqual(only(plan(patient, left)), only(plan(patient)));

    const drained = plan(WEB, plan(WEB), START, no);
    assert.deepEqual([w2(drained)?.availability, w2(drained)?.drainUntil], ["draining", END]);
    assert.equal(w2(plan(WEB, drained, early, no))?.drainUntil, END);
    const over = plan(WEB, drained, END, no);
    assert.deepEqual([w2(over)?.availability, w2(over)?.drained], ["unavailable", true]);
    assert.deepEqual(plan(WEB, over, after(END, seconds(99)), no), over);
    assert.deepEqual(only(plan(WEB, over, END)), only(plan(WEB)));
    assert.equal(w2(plan(ZERO, drained, early, no))?.drainUntil, END);
  });

  it("of a backend that says no is over when it falls silent, and its flows with it", () => {
    const drained = plan(WEB, plan(WEB), START, { "web/w2": "draining" });
    const silent = plan(WEB, drained, early, { "web/w2": "unavailable" });
    assert.deepEqual([w2(silent)?.availability, w2(silent)?.drainUntil], ["unavailable", undefined]);
    assert.deepEqual(drainChanges(drained, silent), [{ server: "web", backend: "w2", state: "over" }]);
    assert.deepEqual(
      flowsToEnd(drained, silent).map(({ backends }) => backends.map(({ name }) => name)),
      [["w2"]],
    );
    assert.deepEqual(flowsToEnd(plan(WEB), drained), []);
  });

  it("of a backend that says no goes on over a restart until a round says otherwise", () => {
    const drained = plan(WEB, plan(WEB), START, { "web/w2": "draining" });
    assert.deepEqual(plan(WEB, drained, START, { "web/w2": "unknown" }), drained);
    // Weight 0 before, and none of it now: nobody has said no.
    assert.equal(
      w2(plan(WEB, plan(ZERO, plan(WEB)), START, { "web/w2": "unknown" }))?.availability,
      "available",
    );
  });

  it("of a backend that says no keeps its flows in dsr", () => {
    const direct = { ...WEB, mode: "dsr" as const };
    const drained = only(plan(direct, plan(direct), START, { "web/w2": "draining" }));
    const id = drained.backends.find(({ name }) => name === "w2")?.id;
    assert.ok(drained.moves.length > 10 && drained.moves.every(({ from }) => from === id));
  });

  it("is not for UDP whose backend says no: no flow of it would ever end", () => {
    const udp = { ...WEB, protocol: "udp" as const };
    const drained = plan(udp, plan(udp), START, { "web/w2": "draining" });
    assert.deepEqual([w2(drained)?.availability, w2(drained)?.drainUntil], ["unavailable", undefined]);
    assert.equal(w2(plan({ ...ZERO, protocol: "udp" }, plan(udp)))?.availability, "draining");
  });

  it("is said when it begins, when it ends and when it is over", () => {
    const [first, drained] = [plan(WEB), plan(ZERO, plan(WEB))];
    const over = plan(ZERO, drained, END);
    const w2IsSaid = { server: "web", backend: "w2" };
    assert.deepEqual(drainChanges(undefined, first), []);
    assert.deepEqual(drainChanges(first, drained), [{ ...w2IsSaid, state: "draining", until: END }]);
    assert.deepEqual(drainChanges(drained, plan(ZERO, drained, early)), []);
    assert.deepEqual(drainChanges(undefined, over), [{ ...w2IsSaid, state: "drained" }]);
    assert.deepEqual(drainChanges(over, plan(WEB, over)), [{ ...w2IsSaid, state: "over" }]);
  });
});

describe("a sorry server", () => {
  const SORRY = { ...WEB, sorryServer: { address: address("192.0.2.99"), port: 8080 } };
  const allDown = { "web/w1": "unavailable", "web/w2": "unavailable", "web/w3": "unavailable" } as const;
  const owners = (forwarding: ForwardingPlan): ReadonlySet<string | undefined> => {
    const { backends } = only(forwarding);
    return new Set(ownersOf(only(forwarding)).map((id) => backends.find((each) => each.id === id)?.name));
  };

  it("takes new flows only while no backend can", () => {
    assert.deepEqual(owners(plan(SORRY)), new Set(["w1", "w2", "w3"]));
    const down = plan(SORRY, plan(SORRY), START, allDown);
    assert.deepEqual(owners(down), new Set(["(sorry)"]));
    assert.deepEqual(
      owners(plan(SORRY, down, START, { ...allDown, "web/w2": "available" })),
      new Set(["w2"]),
    );
    assert.ok(!hasOwners(only(plan(WEB, undefined, START, allDown))));
  });

  it("takes them also in doubt, with all weights 0, and without any backend", () => {
    const doubt = { "web/w1": "doubtful", "web/w2": "doubtful", "web/w3": "doubtful" } as const;
    assert.deepEqual(owners(plan(SORRY, undefined, START, doubt)), new Set(["(sorry)"]));
    const idle = { ...SORRY, backends: [backend(1, 0)] };
    assert.deepEqual(owners(plan(idle)), new Set(["(sorry)"]));
    const none = { ...SORRY, backends: [], scheduler: { type: "round-robin" } as const };
    assert.deepEqual(owners(plan(none)), new Set(["(sorry)"]));
  });

  it("takes new flows when all say no, and leaves each those that it has", () => {
    for (const no of ["doubtful-draining", "draining"] as const) {
      const health = { "web/w1": no, "web/w2": no, "web/w3": no };
      const before = plan(SORRY);
      const now = plan(SORRY, before, START, health);
      assert.deepEqual(owners(now), new Set(["(sorry)"]));
      assert.deepEqual(flowsToEnd(before, now), []);
      assert.equal(hasOwners(only(plan({ ...WEB, whenAllFail: "reject" }, plan(WEB), START, health))), false);
    }
    const hoped = plan(WEB, undefined, START, { "web/w1": "doubtful-draining", "web/w2": "draining" });
    assert.deepEqual(owners(hoped), new Set(["w1", "w3"]));
  });

  it("leaves the table of slots as it is without one", () => {
    assert.deepEqual(ownersOf(only(plan(SORRY))), ownersOf(only(plan(WEB))));
  });

  it("keeps its flows in dsr when a backend returns", () => {
    const direct = { ...SORRY, mode: "dsr" as const };
    const down = plan(direct, plan(direct), START, allDown);
    const back = only(plan(direct, down, START));
    const sorry = back.backends.find(({ role }) => role === "sorry");
    assert.equal(back.moves.length, 101);
    assert.ok(back.moves.every(({ from }) => from === sorry?.id));
  });
});
