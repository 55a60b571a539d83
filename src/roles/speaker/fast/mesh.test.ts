import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import type { IpAddress } from "#base/address";
import { after, type Duration, millis, seconds } from "#base/time";
import type { SessionConfig } from "#core/bfd/config";
import type { SessionReport } from "#core/liveness/standing";
import { type FakeBfdSystem, fakeBfdLink } from "#drivers/bfd/fake";
import type { BfdPort } from "#drivers/bfd/port";
import { fakeClock } from "#drivers/clock/fake";
import { BfdHub } from "#runtime/bfd/hub";
import { createDeadlines } from "#runtime/deadlines";
import { seededRandom } from "#testing/random";
import { address } from "#testing/values";
import { Mesh, type MeshPeer } from "./mesh.ts";

const LINK = { index: 2, name: "eth0" };
const INTERVAL = millis(50);
const NAMES = ["node-a", "node-b", "node-c"] as const;
type Name = (typeof NAMES)[number];
const addressOf = (name: Name): IpAddress => address(`192.0.2.${NAMES.indexOf(name) + 1}`);

const text = (report: SessionReport): string =>
  report.state === "down" ? `down (${report.cause})` : report.state;

type Node = {
  readonly mesh: Mesh;
  readonly system: FakeBfdSystem;
  /** What sessions said since it was last asked. */
  readonly said: () => readonly string[];
  readonly counted: string[];
};

/** Nodes on one link, each with sessions to the others. */
const bed = (change: (name: Name, port: BfdPort) => BfdPort = (_, port) => port) => {
  const link = fakeBfdLink();
  const clock = fakeClock({ onWake: () => deadlines.runDue() });
  const deadlines = createDeadlines(clock);
  const nodes = new Map<Name, Node>();
  const configOf = (self: Name, other: Name): SessionConfig => ({
    ...{ peer: addressOf(other), localAddress: addressOf(self), path: { type: "single-hop", link: LINK } },
    ...{
      desiredMinTxInterval: INTERVAL,
      requiredMinRxInterval: INTERVAL,
      detectMultiplier: 3,
      role: "active",
    },
    authentication: {
      type: "meticulous-keyed-sha1",
      keys: [{ id: 1, secret: new TextEncoder().encode("s3cret") }],
    },
  });
  const peersOf = (self: Name): readonly MeshPeer[] =>
    NAMES.filter((other) => other !== self).map((node) => ({ node, session: configOf(self, node) }));
  for (const [index, name] of NAMES.entries()) {
    const system = link.addSystem({ linkIndex: LINK.index, addresses: new Set([addressOf(name)]) });
    const said: string[] = [];
    const counted: string[] = [];
    // Each node has deadlines of its own behind the one clock.
    const mine = {
      set: (id: string, at: Parameters<typeof deadlines.set>[1], run: Parameters<typeof deadlines.set>[2]) =>
        deadlines.set(`${name} ${id}`, at, run),
      runDue: () => deadlines.runDue(),
    };
    const hub = new BfdHub({
      ...{ bfd: change(name, system.port), deadlines: mine, now: () => clock.now() },
      random: seededRandom(index + 1),
      digest: (algorithm, bytes) => createHash(algorithm).update(bytes).digest(),
      count: (what) => counted.push(what),
    });
    const mesh = new Mesh({
      hub,
      onReport: (node, report) => said.push(`${node} ${text(report)}`),
      onHeard: () => {},
    });
    nodes.set(name, { mesh, system, counted, said: () => said.splice(0).sort() });
    mesh.setPeers(peersOf(name), clock.now());
  }
  const pass = (duration: Duration): void => {
    for (let left = duration / 5_000; left > 0; left -= 1) {
      clock.advance(millis(5));
      link.settle();
    }
  };
  const of = (name: Name): Node => nodes.get(name) ?? assert.fail(name);
  return { link, pass, of, peersOf, now: () => clock.now() };
};

describe("the sessions of a node", () => {
  it("come up with all peers and say nothing more while all is well", () => {
    const { pass, of } = bed();
    pass(seconds(5));
    for (const name of NAMES) {
      assert.deepEqual(
        of(name).said(),
        NAMES.filter((other) => other !== name).map((other) => `${other} up`),
      );
    }
    pass(seconds(10));
    for (const name of NAMES) assert.deepEqual([of(name).said(), of(name).counted], [[], []]);
  });

  it("say that a peer is silent after three intervals, and that it is back", () => {
    const { pass, of } = bed();
    pass(seconds(5));
    for (const name of NAMES) of(name).said();
    of("node-c").system.setLink(false);
    pass(millis(170));
    assert.deepEqual(of("node-a").said(), ["node-c down (detected)"]);
    assert.deepEqual(of("node-b").said(), ["node-c down (detected)"]);
    of("node-c").system.setLink(true);
    pass(seconds(5));
    assert.equal(of("node-a").said().at(-1), "node-c up");
  });

  it("go on in the midst of long work with what is due, and with nothing before", () => {
    let sent = 0;
    const { pass, of, now } = bed((name, port) => ({
      ...port,
      openSender: (request) => {
        const opened = port.openSender(request);
        if (!opened.ok || name !== "node-a") return opened;
        const send: typeof opened.value.send = (payload) => {
          sent += 1;
          return opened.value.send(payload);
        };
        return { ok: true, value: { ...opened.value, send } };
      },
    }));
    pass(seconds(5));
    sent = 0;
    of("node-a").mesh.beat(now());
    assert.equal(sent, 0);
    of("node-a").mesh.beat(after(now(), millis(60)));
    assert.equal(sent, 2);
  });

  it("say that a peer leaves, and that one is cut off and holds nothing", () => {
    const { pass, of, now } = bed();
    pass(seconds(5));
    for (const name of NAMES) of(name).said();
    of("node-b").mesh.say("leaving", now());
    pass(millis(20));
    assert.deepEqual(of("node-a").said(), ["node-b leaving"]);
    of("node-c").mesh.say("isolated", now());
    pass(millis(20));
    // The word is heard, and since the path works after all the session is up again.
    assert.deepEqual(of("node-a").said(), ["node-c down (vacated)", "node-c up"]);
    of("node-b").mesh.say("staying", now());
    pass(seconds(5));
    assert.equal(of("node-a").said().at(-1), "node-b up");
  });

  it("end with a peer that is no member any more, without a word", () => {
    const { pass, of, peersOf, now } = bed();
    pass(seconds(5));
    of("node-a").said();
    of("node-a").mesh.setPeers(
      peersOf("node-a").filter(({ node }) => node !== "node-b"),
      now(),
    );
    pass(seconds(2));
    assert.deepEqual([of("node-a").said(), of("node-a").mesh.report("node-b")], [[], undefined]);
    assert.equal(of("node-a").mesh.report("node-c")?.state, "up");
  });

  it("open their sockets again when these are refused, or die with a link", () => {
    let refuses = true;
    const { pass, of } = bed((name, port) =>
      name !== "node-a"
        ? port
        : {
            ...port,
            listen: (request) =>
              refuses
                ? { ok: false, error: { code: "EADDRINUSE", operation: "listen" } }
                : port.listen(request),
          },
    );
    pass(seconds(3));
    assert.ok(of("node-a").counted.includes("bfd listen: EADDRINUSE"));
    assert.equal(of("node-a").mesh.report("node-b")?.state, "unknown");
    refuses = false;
    pass(seconds(6));
    assert.equal(of("node-a").mesh.report("node-b")?.state, "up");
    of("node-a").system.setLink(false);
    pass(seconds(2));
    assert.ok(of("node-a").counted.some((what) => what.endsWith("ENETUNREACH")));
    of("node-a").system.setLink(true);
    pass(seconds(6));
    assert.equal(of("node-a").mesh.report("node-b")?.state, "up");
  });

  it("are nothing to a stranger without the secret, and to packets that are not BFD", () => {
    const { link, pass, of } = bed();
    pass(seconds(5));
    of("node-a").said();
    const stranger = link.addSystem({ linkIndex: 2, addresses: new Set([addressOf("node-b")]) });
    const sender = stranger.port.openSender({
      ...{ path: { type: "single-hop", link: LINK }, localAddress: addressOf("node-b") },
      peer: addressOf("node-a"),
    });
    assert.ok(sender.ok);
    // AdminDown without authentication, as anybody on the link can send it; and noise.
    sender.value.send(Uint8Array.of(0x20, 0x00, 3, 24, 0, 0, 0, 9, ...new Array<number>(16).fill(0)));
    sender.value.send(new Uint8Array(7));
    pass(millis(100));
    assert.deepEqual(of("node-a").said(), []);
    assert.equal(of("node-a").counted.length, 2);
  });

  it("leave nothing behind when they are closed", () => {
    const { pass, of } = bed();
    pass(seconds(5));
    of("node-a").said();
    of("node-b").mesh.close();
    pass(millis(300));
    assert.deepEqual(of("node-a").said(), ["node-b down (detected)"]);
    assert.equal(of("node-b").mesh.report("node-a"), undefined);
  });
});
