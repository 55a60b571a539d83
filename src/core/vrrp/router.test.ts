import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { after, between, type Instant, instant, micros, millis, seconds } from "#base/time";
import { address, virtualAddress, virtualRouter, vrid } from "#testing/values";
import type { VirtualRouterConfig } from "./config.ts";
import { CONFLICT_LIMIT } from "./conflict.ts";
import { decode } from "./packet.ts";
import {
  deadline,
  destinations,
  encodeAdvertisement,
  initialRouter,
  type PacketInput,
  type RouterEffect,
  type RouterState,
  step,
} from "./router.ts";

const NOW = instant(5_000_000);
const OURS = address("192.0.2.5");
const PEER = address("192.0.2.2");
const GROUP = address("224.0.0.18");
const CONFIG = virtualRouter();

/** A router that was started and has an address, as a backup. */
const started = (config: VirtualRouterConfig = CONFIG): RouterState => {
  const { state } = step(config, initialRouter(config), { type: "address", address: OURS }, NOW);
  return step(config, state, { type: "startup" }, NOW).state;
};

/** What `config` would send from `source`, as it arrives here. */
const packet = (
  config: VirtualRouterConfig,
  { source = PEER, destination = GROUP, priority = config.priority } = {},
): PacketInput => ({
  type: "packet",
  payload: encodeAdvertisement(config, initialRouter(config), { priority, source, destination }),
  context: { family: config.family, source, destination, hopLimit: 255 },
});

const reports = (effects: readonly RouterEffect[]): readonly string[] =>
  effects.map((effect) => {
    if (effect.type === "drop") return `drop ${effect.reason}`;
    return "conflict" in effect ? `${effect.type} ${effect.conflict.kind}` : effect.type;
  });

const V2 = virtualRouter({ version: 2 });

describe("admission (RFC 9568 §7.1)", () => {
  const unicast = virtualRouter({ transport: { type: "unicast", peers: [PEER] } });
  const stranger = address("192.0.2.9");
  const rows = [
    [
      "a virtual router that is not configured",
      CONFIG,
      packet({ ...CONFIG, vrid: vrid(52) }),
      ["conflict-began vrid-unexpected", "drop vrid-mismatch"],
    ],
    [
      "unicast where multicast is spoken",
      CONFIG,
      packet(CONFIG, { destination: OURS }),
      ["drop transport-mismatch"],
    ],
    ["multicast where unicast is spoken", unicast, packet(CONFIG), ["drop transport-mismatch"]],
    [
      "unicast from a stranger",
      unicast,
      packet(CONFIG, { source: stranger, destination: OURS }),
      ["drop not-a-peer"],
    ],
    ["unicast from a peer", unicast, packet(CONFIG, { destination: OURS }), []],
    [
      "our own address as sender",
      CONFIG,
      packet(CONFIG, { source: OURS }),
      ["conflict-began own-address-as-sender", "drop own-address"],
    ],
    [
      "version 2 at a version 3 router",
      CONFIG,
      packet(V2),
      ["conflict-began version-mismatch", "drop version-mismatch"],
    ],
    [
      "version 3 at a version 2 router",
      V2,
      packet(CONFIG),
      ["conflict-began version-mismatch", "drop version-mismatch"],
    ],
    [
      "a missing password",
      { ...V2, password: "x" },
      packet(V2),
      ["conflict-began auth-mismatch", "drop auth-mismatch"],
    ],
    [
      "an unwanted password",
      V2,
      packet({ ...V2, password: "x" }),
      ["conflict-began auth-mismatch", "drop auth-mismatch"],
    ],
    [
      "a wrong password",
      { ...V2, password: "y" },
      packet({ ...V2, password: "x" }),
      ["conflict-began auth-mismatch", "drop auth-mismatch"],
    ],
    ["the right password", { ...V2, password: "x" }, packet({ ...V2, password: "x" }), []],
    [
      "another interval in version 2 (RFC 3768 §7.1)",
      V2,
      packet({ ...V2, advertisementInterval: seconds(2) }),
      ["conflict-began interval-mismatch", "drop interval-mismatch"],
    ],
  ] as const;
  for (const [what, config, input, expected] of rows) {
    it(`of ${what}: ${expected.join(", ") || "accepted"}`, () => {
      const before = started(config);
      const { state, effects } = step(config, before, input, after(NOW, millis(1)));
      assert.deepEqual(reports(effects), expected);
      const heard = state.machine !== before.machine;
      assert.equal(heard, !expected.some((text) => text.startsWith("drop")));
    });
  }

  it("drops bytes that are no advertisement, with the codec's reason", () => {
    const input = { ...packet(CONFIG), payload: Uint8Array.of(0x31) };
    const before = started();
    assert.deepEqual(step(CONFIG, before, input, NOW), {
      state: before,
      effects: [{ type: "drop", reason: "truncated", source: PEER }],
    });
  });
});

describe("conflicts", () => {
  const activate = (config: VirtualRouterConfig): RouterState => {
    const backup = started(config);
    return step(config, backup, { type: "timer" }, deadline(backup) ?? NOW).state;
  };
  const owner = virtualRouter({ priority: 255 });
  const addresses = [virtualAddress("192.0.2.101/24")];
  const rfc = virtualRouter({ checksum: "message" });
  const slower = packet({ ...CONFIG, advertisementInterval: millis(200) });
  const rows = [
    ["an equal priority while active", activate(CONFIG), CONFIG, packet(CONFIG), "same-priority-active"],
    [
      "a worse router that is active too",
      { ...activate(CONFIG), activeSince: NOW },
      CONFIG,
      packet({ ...CONFIG, priority: CONFIG.priority - 1 }),
      "lower-priority-active",
    ],
    ["a second owner", started(owner), owner, packet(owner), "owner-conflict"],
    [
      "another interval, the second time in a row,",
      step(CONFIG, started(), slower, NOW).state,
      CONFIG,
      slower,
      "interval-mismatch",
    ],
    [
      "another list of addresses",
      started(),
      CONFIG,
      packet({ ...CONFIG, addresses }),
      "address-list-mismatch",
    ],
    [
      "another checksum coverage",
      started(rfc),
      rfc,
      packet({ ...CONFIG, checksum: "pseudo-header" }),
      "checksum-mismatch",
    ],
  ] as const;
  for (const [what, state, config, input, kind] of rows) {
    it(`reports ${what} once, and its end when it is not seen any more`, () => {
      const at = after(NOW, seconds(4));
      const first = step(config, state, input, at);
      assert.ok(reports(first.effects).includes(`conflict-began ${kind}`), reports(first.effects).join());
      assert.deepEqual(first.state.conflicts, [
        { kind, peer: PEER, vrid: 51, since: at, seenAt: at, endsAt: after(at, seconds(10)) },
      ]);
      const again = step(config, first.state, input, after(at, seconds(1)));
      assert.ok(!reports(again.effects).some((text) => text.startsWith("conflict")));
      assert.equal(again.state.conflicts[0]?.seenAt, after(at, seconds(1)));
      const endsAt = after(at, seconds(11));
      const early = step(config, again.state, { type: "timer" }, instant(endsAt - 1));
      assert.ok(!reports(early.effects).some((text) => text.startsWith("conflict")));
      const end = step(config, early.state, { type: "timer" }, endsAt);
      assert.deepEqual(reports(end.effects).at(-1), `conflict-ended ${kind}`);
      assert.deepEqual(end.state.conflicts, []);
    });
  }

  it("do not arise from another interval alone, which asks for patience: it is adopted, and no more", () => {
    const patient = packet({ ...CONFIG, advertisementInterval: seconds(2) });
    const asked = step(CONFIG, started(), patient, NOW);
    assert.deepEqual(asked.effects, []);
    assert.ok(between(NOW, deadline(asked.state) ?? NOW) > seconds(6));
    const back = step(CONFIG, asked.state, packet(CONFIG), after(NOW, seconds(3)));
    assert.deepEqual(back.effects, []);
  });

  it("do not arise from a worse router that has not heard us yet, nor from one that leaves", () => {
    const { advertisementInterval, priority } = CONFIG;
    const began = activate(CONFIG);
    const since = began.activeSince ?? NOW;
    const settled = after(since, micros(4 * advertisementInterval));
    const hear = (worse: number, at: Instant) =>
      reports(step(CONFIG, began, packet({ ...CONFIG, priority: worse }), at).effects);
    assert.deepEqual(
      hear(priority - 1, instant(settled - 1)).filter((text) => text.startsWith("conflict")),
      [],
    );
    assert.ok(hear(priority - 1, settled).includes("conflict-began lower-priority-active"));
    for (const other of [0, priority + 1]) {
      assert.ok(!hear(other, settled).some((text) => text.startsWith("conflict")), `${other}`);
    }
  });

  it("count from when it became active, anew each time", () => {
    const first = activate(CONFIG);
    assert.notEqual(first.activeSince, undefined);
    const better = packet({ ...CONFIG, priority: CONFIG.priority + 1 });
    const backup = step(CONFIG, first, better, after(NOW, seconds(60))).state;
    assert.equal(backup.machine.name, "backup");
    assert.equal(backup.activeSince, undefined);
    const at = deadline(backup) ?? NOW;
    assert.equal(step(CONFIG, backup, { type: "timer" }, at).state.activeSince, at);
  });

  it("do not arise between routers that agree", () => {
    const { effects } = step(CONFIG, started(), packet(CONFIG), NOW);
    assert.deepEqual(effects, []);
  });

  it("do not arise from the order of the addresses", () => {
    const two = [virtualAddress("192.0.2.100/24"), virtualAddress("192.0.2.101/24")];
    const config = virtualRouter({ addresses: two });
    const { effects } = step(
      config,
      started(config),
      packet({ ...config, addresses: two.toReversed() }),
      NOW,
    );
    assert.deepEqual(effects, []);
  });

  it("stay bounded when an attacker sends from many addresses", () => {
    let state = started();
    for (let host = 2; host < 250; host += 1) {
      const input = packet(V2, { source: address(`192.0.2.${host}`) });
      state = step(CONFIG, state, input, NOW).state;
    }
    assert.equal(state.conflicts.length, CONFLICT_LIMIT);
  });
});

describe("transitions say their cause", () => {
  const better = packet(CONFIG, { priority: 200 });
  const equalAndGreater = packet(CONFIG, { source: address("192.0.2.9") });
  const leaving = packet(CONFIG, { priority: 0 });
  const worse = packet(CONFIG, { priority: 1 });
  const patient = virtualRouter({ preemptDelay: seconds(1) });
  const owner = virtualRouter({ priority: 255 });
  const grouped = virtualRouter({ syncGroup: "g" });
  const fault = { type: "tracking", standing: { type: "fault" } } as const;
  const able = { type: "tracking", standing: { type: "able", priority: 100 } } as const;
  const timer = { type: "timer" } as const;
  const group = (command: "become-active" | "step-down" | "hold" | "release") =>
    ({ type: "group", command }) as const;
  const rows = [
    [CONFIG, [{ type: "shutdown" }, { type: "startup" }], "startup"],
    [owner, [{ type: "shutdown" }, { type: "startup" }], "owner"],
    [CONFIG, [{ type: "shutdown" }], "shutdown"],
    [CONFIG, [timer], "active-down-timer"],
    [CONFIG, [leaving, timer], "priority-zero-received"],
    [CONFIG, [worse, timer], "preemption"],
    [patient, [worse, timer], "preempt-delay-over"],
    [CONFIG, [timer, better], "higher-priority-advertisement"],
    [CONFIG, [timer, equalAndGreater], "greater-address-advertisement"],
    [CONFIG, [fault], "tracking-fault"],
    [CONFIG, [fault, able], "tracking-recovered"],
    [CONFIG, [{ type: "address", address: undefined }], "address-lost"],
    [
      CONFIG,
      [
        { type: "address", address: undefined },
        { type: "address", address: OURS },
      ],
      "address-gained",
    ],
    [grouped, [group("become-active")], "group-become-active"],
    [grouped, [group("become-active"), group("step-down")], "group-step-down"],
    [grouped, [group("hold")], "group-hold"],
    [grouped, [group("hold"), group("release")], "group-release"],
    [{ ...CONFIG }, [group("hold"), { type: "reconfigured" }], "reconfigured"],
  ] as const;
  for (const [config, inputs, cause] of rows) {
    it(cause, () => {
      let now = NOW;
      let state = started(config);
      let transition: ReturnType<typeof step>["transition"];
      for (const input of inputs) {
        if (input.type === "timer") now = deadline(state) ?? now;
        const next = step(config, state, input, now);
        ({ state, transition } = next);
      }
      assert.equal(transition?.cause, cause);
      const peers: Readonly<Record<string, string>> = {
        "higher-priority-advertisement": PEER,
        "greater-address-advertisement": "192.0.2.9",
      };
      assert.equal(transition?.peer, peers[cause]);
    });
  }
});

describe("sending", () => {
  it("covers with its checksum what the peer heard last does, a pseudo-header at first", () => {
    const send = (config: VirtualRouterConfig, state: RouterState) => {
      const context = { source: OURS, destination: GROUP, family: "IPv4", hopLimit: 255 } as const;
      const payload = encodeAdvertisement(config, state, { priority: 100, ...context });
      const result = decode(payload, context);
      return result.ok ? result.value.checksum : result.reason;
    };
    assert.equal(send(CONFIG, started()), "pseudo-header");
    const heard = step(CONFIG, started(), packet({ ...CONFIG, checksum: "message" }), NOW).state;
    assert.equal(send(CONFIG, heard), "message");
    assert.equal(send({ ...CONFIG, checksum: "pseudo-header" }, heard), "pseudo-header");
  });

  it("goes to the group, or to each peer", () => {
    assert.deepEqual(destinations(CONFIG), [GROUP]);
    const peers = [PEER, address("192.0.2.3")];
    assert.deepEqual(destinations(virtualRouter({ transport: { type: "unicast", peers } })), peers);
  });
});

it("never throws and keeps its promises, whatever arrives in whatever order", () => {
  const standing = fc.oneof(
    fc.constant({ type: "fault" as const }),
    fc.integer({ min: 1, max: 255 }).map((priority) => ({ type: "able" as const, priority })),
  );
  const input = fc.oneof(
    fc.constantFrom(
      { type: "startup" as const },
      { type: "shutdown" as const },
      { type: "reconfigured" as const },
    ),
    fc.constant({ type: "timer" as const }),
    fc.constantFrom(undefined, OURS, PEER).map((value) => ({ type: "address" as const, address: value })),
    standing.map((value) => ({ type: "tracking" as const, standing: value })),
    fc
      .constantFrom("become-active" as const, "step-down" as const, "hold" as const, "release" as const)
      .map((command) => ({ type: "group" as const, command })),
    fc.integer({ min: 0, max: 255 }).map((priority) => packet(CONFIG, { priority })),
  );
  const events = fc.array(fc.tuple(input, fc.integer({ min: 0, max: 2_000_000 })), { maxLength: 60 });
  fc.assert(
    fc.property(events, fc.boolean(), fc.boolean(), (list, preempt, grouped) => {
      const config = virtualRouter({ preempt, ...(grouped ? { syncGroup: "g" } : {}) });
      let state = initialRouter(config);
      let now = NOW;
      let holding = false;
      for (const [event, pause] of list) {
        now = after(now, millis(pause / 1_000));
        const next = step(config, state, event, now);
        for (const { type } of next.effects) {
          if (type === "announce-addresses") holding = true;
          if (type === "withdraw-addresses") holding = false;
        }
        state = next.state;
        assert.equal(holding, state.machine.name === "active", "addresses are held exactly while active");
        if (state.machine.name === "initialize") assert.ok(state.machine.obstacles.length > 0);
        const again = step(config, state, { type: "timer" }, now);
        const due = deadline(again.state);
        assert.ok(due === undefined || due > now, "a timer that fired has a deadline in the future");
      }
    }),
    { numRuns: 300 },
  );
});
