import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { type Duration, millis, seconds } from "#base/time";
import type { SessionConfig } from "#core/bfd/config";
import { fakeBfdLink } from "#drivers/bfd/fake";
import type { BfdPort } from "#drivers/bfd/port";
import { fakeClock } from "#drivers/clock/fake";
import { seededRandom } from "#testing/random";
import { address } from "#testing/values";
import { createDeadlines, type Deadlines } from "../deadlines.ts";
import { BfdHub, type BfdOwner } from "./hub.ts";

const LINK = { index: 2, name: "eth0" };
const at = (host: number) => address(`192.0.2.${host}`);

const config = (
  self: number,
  peer: number,
  path: "single-hop" | "multihop" = "single-hop",
): SessionConfig => ({
  ...{ peer: at(peer), localAddress: at(self) },
  path: path === "single-hop" ? { type: path, link: LINK } : { type: path, minimumHopLimit: 200 },
  ...{ desiredMinTxInterval: millis(50), requiredMinRxInterval: millis(50) },
  ...{ detectMultiplier: 3, role: "active" },
});

/** Two machines on one link. */
const bed = (change: (port: BfdPort) => BfdPort = (port) => port) => {
  const clock = fakeClock({ onWake: () => deadlines.runDue() });
  const link = fakeBfdLink(() => clock.now());
  const deadlines = createDeadlines(clock);
  const counted: string[] = [];
  let still: number | undefined;
  const machine = (host: number, vrf?: string) => {
    const system = link.addSystem({ linkIndex: LINK.index, addresses: new Set([at(host)]), vrf });
    const mine: Deadlines = {
      set: (id, when, run) =>
        deadlines.set(`${host} ${id}`, when, (at) => {
          if (still !== host) run(at);
        }),
      runDue: () => deadlines.runDue(),
    };
    const hub = new BfdHub({
      ...{ bfd: change(system.port), deadlines: mine, now: () => clock.now(), random: seededRandom(host) },
      digest: (algorithm, bytes) => createHash(algorithm).update(bytes).digest(),
      count: (what) => counted.push(what),
    });
    return { hub, system };
  };
  const pass = (duration: Duration): void => {
    for (let steps = duration / millis(5); steps > 0; steps -= 1) {
      clock.advance(millis(5));
      link.settle();
    }
  };
  /** A machine does nothing for a while, and what it is sent waits. */
  const standStill = (host: number, duration: Duration): void => {
    still = host;
    for (let steps = duration / millis(5); steps > 0; steps -= 1) clock.advance(millis(5));
    still = undefined;
  };
  const machines = {
    one: machine(1),
    two: machine(2),
    three: machine(3),
    inVrf: machine(4, "blue"),
    alsoInVrf: machine(5, "blue"),
  };
  return { link, ...machines, pass, standStill, now: () => clock.now(), counted };
};

/** An owner that remembers what became of its peer. */
const owner = () => {
  const events: string[] = [];
  const value: BfdOwner = {
    onState: (_, event) => {
      if (event !== undefined) events.push(event.type === "down" ? `down ${event.reason}` : event.type);
    },
  };
  return { value, events };
};

describe("the BFD sessions of a machine", () => {
  it("tell each owner of its own, also when one peer has several", () => {
    const { one, two, pass, now } = bed();
    const [near, far, other] = [owner(), owner(), owner()];
    assert.deepEqual(one.hub.add("near", config(1, 2), near.value, now()), []);
    assert.deepEqual(one.hub.add("far", config(1, 2, "multihop"), far.value, now()), []);
    two.hub.add("near", config(2, 1), other.value, now());
    pass(seconds(5));
    assert.deepEqual([near.events, far.events, other.events], [["up"], [], ["up"]]);
    two.hub.add("far", config(2, 1, "multihop"), owner().value, now());
    pass(seconds(5));
    assert.deepEqual([near.events, far.events], [["up"], ["up"]]);
    two.system.setLink(false);
    pass(millis(200));
    for (const { events } of [near, far]) assert.deepEqual(events, ["up", "down detection-time-expired"]);
  });

  it("refuse one between the same ends as another", () => {
    const { one, now, counted } = bed();
    one.hub.add("a", config(1, 2), owner().value, now());
    const problems = one.hub.add("b", config(1, 2), owner().value, now());
    assert.deepEqual(problems, ["session a has the same peer, address and link"]);
    assert.deepEqual(counted, ["bfd session b: session a has the same peer, address and link"]);
    assert.equal(one.hub.state("b"), undefined);
  });

  it("find nobody silent in the midst of reading, for the next packet may be theirs, and go on speaking meanwhile", () => {
    const { link, one, two, three, now, pass, standStill } = bed();
    const [first, second] = [owner(), owner()];
    let isStuck = false;
    const onState = (...[state, event, when]: Parameters<BfdOwner["onState"]>): void => {
      first.value.onState(state, event, when);
      // Long work, which begins with the first packet after a standstill.
      if (isStuck) one.hub.beat(when);
    };
    // They are more patient with it than it is with them.
    const patient = { detectMultiplier: 20 };
    one.hub.add("first", { ...config(1, 2), ...patient }, { onState }, now());
    one.hub.add("second", { ...config(1, 3), ...patient }, second.value, now());
    let heard = 0;
    const onHeard = (): void => {
      heard += 1;
    };
    const listening: BfdOwner = { ...owner().value, onHeard };
    two.hub.add("one", config(2, 1), listening, now());
    three.hub.add("one", config(3, 1), listening, now());
    pass(seconds(5));
    assert.deepEqual([first.events, second.events], [["up"], ["up"]]);
    isStuck = true;
    standStill(1, millis(300));
    heard = 0;
    one.hub.drain();
    link.settle();
    for (const { hub } of [two, three]) hub.drain();
    assert.deepEqual([first.events, second.events], [["up"], ["up"]]);
    assert.ok(heard >= 2, "it speaks to both");
  });

  it("are heard in the VRF that they are in, beside those that are in none", () => {
    let listeners = 0;
    const { two, three, inVrf, pass, now } = bed((port) => ({
      ...port,
      listen: (request) => {
        if (request.vrf === "blue") listeners += 1;
        return port.listen(request);
      },
    }));
    const [plain, deaf, heard] = [owner(), owner(), owner()];
    two.hub.add("plain", config(2, 3), plain.value, now());
    three.hub.add("plain", config(3, 2), owner().value, now());
    // The link of this one is in a VRF, and what comes by it reaches nobody who listens outside.
    two.hub.add("four", config(2, 4), owner().value, now());
    inVrf.hub.add("two", config(4, 2), deaf.value, now());
    pass(seconds(5));
    assert.deepEqual([plain.events, deaf.events], [["up"], []]);
    inVrf.hub.remove("two");
    inVrf.hub.add("two", { ...config(4, 2), vrf: "blue" }, heard.value, now());
    pass(seconds(5));
    assert.deepEqual(heard.events, ["up"]);
    assert.equal(listeners, 1);
    // Its device may have been made anew, and then what listened to the old one is deaf.
    inVrf.system.setLink(false);
    pass(seconds(1));
    inVrf.system.setLink(true);
    pass(seconds(5));
    assert.deepEqual(heard.events, ["up", "down detection-time-expired", "up"]);
    assert.ok(listeners > 1, "it listens to the new one");
  });

  it("in a VRF go on hearing each other while one of them cannot be reached", () => {
    let listeners = 0;
    const { inVrf, alsoInVrf, pass, now } = bed((port) => ({
      ...port,
      listen: (request) => {
        if (request.vrf === "blue") listeners += 1;
        return port.listen(request);
      },
      openSender: (request) => {
        const opened = port.openSender(request);
        if (!opened.ok || request.peer !== at(9)) return opened;
        const error = { code: "ENETUNREACH", operation: "send" };
        return { ok: true, value: { ...opened.value, send: () => ({ ok: false, error }) } };
      },
    }));
    const heard = owner();
    const vrf = "blue";
    inVrf.hub.add("lost", { ...config(4, 9), vrf }, owner().value, now());
    inVrf.hub.add("five", { ...config(4, 5), vrf }, heard.value, now());
    alsoInVrf.hub.add("four", { ...config(5, 4), vrf }, owner().value, now());
    pass(seconds(20));
    assert.deepEqual(heard.events, ["up"]);
    // One for each of the two machines.
    assert.equal(listeners, 2);
  });

  it("are read more often in a flood, so that no buffer runs over", () => {
    const held: boolean[] = [];
    let onRead: ((count: number) => void) | undefined;
    const { one, pass, now } = bed((port) => ({
      ...port,
      listen: (request) => {
        onRead = request.onRead;
        const opened = port.listen(request);
        if (!opened.ok) return opened;
        const holdBack = (isHeld: boolean): void => void held.push(isHeld);
        return { ok: true, value: { ...opened.value, holdBack } };
      },
    }));
    one.hub.add("a", config(1, 9), owner().value, now());
    pass(millis(5));
    held.length = 0;
    onRead?.(10);
    pass(millis(55));
    assert.deepEqual(held, [true]);
    pass(millis(10));
    assert.deepEqual(held, [true, false]);
    onRead?.(65);
    pass(millis(5));
    assert.deepEqual(held, [true, false, true, false]);
  });

  it("end on purpose so that the peer knows, and leave nothing behind", () => {
    const { one, two, pass, now } = bed();
    const [mine, theirs] = [owner(), owner()];
    one.hub.add("a", config(1, 2), mine.value, now());
    two.hub.add("a", config(2, 1), theirs.value, now());
    pass(seconds(5));
    one.hub.retire("a", now());
    assert.equal(one.hub.state("a")?.name, "admin-down");
    pass(seconds(10));
    assert.equal(one.hub.state("a"), undefined);
    assert.deepEqual([mine.events, theirs.events], [["up"], ["up", "leaving", "silent"]]);
    // Where nobody was met there is nobody to tell.
    one.hub.add("b", config(1, 3), mine.value, now());
    one.hub.retire("b", now());
    assert.equal(one.hub.state("b"), undefined);
  });

  it("begin anew at once where one was about to end", () => {
    const { one, two, pass, now } = bed();
    const theirs = owner();
    one.hub.add("a", config(1, 2), owner().value, now());
    two.hub.add("a", config(2, 1), theirs.value, now());
    pass(seconds(5));
    one.hub.retire("a", now());
    const again = owner();
    assert.deepEqual(one.hub.add("a", config(1, 2), again.value, now()), []);
    pass(seconds(5));
    assert.deepEqual(again.events, ["up"]);
    assert.equal(theirs.events.at(-1), "up");
  });

  it("send echo packets of their peers back while they are up and say so, and nobody else's", () => {
    const { link, one, two, pass, now } = bed();
    const echoing = { ...config(1, 2), echoReceiveInterval: millis(50) };
    const echo = (source: number, destination: number): boolean =>
      link.echo({ source: at(source), destination: at(destination) });
    one.hub.add("a", echoing, owner().value, now());
    pass(millis(100));
    assert.equal(echo(2, 1), false);
    two.hub.add("a", config(2, 1), owner().value, now());
    pass(seconds(5));
    assert.equal(two.hub.state("a")?.remote?.requiredMinEchoRxInterval, millis(50));
    assert.deepEqual([echo(2, 1), echo(3, 1), echo(1, 2)], [true, false, false]);
    one.hub.configure("a", config(1, 2), now());
    pass(seconds(1));
    assert.deepEqual([echo(2, 1), two.hub.state("a")?.remote?.requiredMinEchoRxInterval], [false, 0]);
    assert.deepEqual(
      one.hub.add(
        "b",
        { ...config(1, 4, "multihop"), echoReceiveInterval: millis(50) },
        owner().value,
        now(),
      ),
      ["echo packets cannot be sent back over several hops (RFC 5883 §4)"],
    );
  });

  it("are read together with what is sent, and find a peer silent no later for that", () => {
    let reads = 0;
    const { one, two, three, pass, now } = bed((port) => ({
      ...port,
      listen: (request) =>
        port.listen({
          ...request,
          onRead: (count) => {
            reads += 1;
            request.onRead(count);
          },
        }),
    }));
    const heardAt: number[] = [];
    const downs: { readonly heard: number; readonly found: number }[] = [];
    const mine: BfdOwner = {
      onHeard: (when) => heardAt.push(when),
      onState: (_, event, when) => {
        if (event?.type === "down") downs.push({ heard: heardAt.at(-1) ?? 0, found: when });
      },
    };
    one.hub.add("two", config(1, 2), mine, now());
    one.hub.add("three", config(1, 3), owner().value, now());
    two.hub.add("one", config(2, 1), owner().value, now());
    three.hub.add("one", config(3, 1), owner().value, now());
    pass(seconds(5));
    reads = 0;
    heardAt.length = 0;
    pass(seconds(10));
    // Two peers and three hubs: 37.5 to 50 ms between packets, and each hub reads what it has whenever it sends.
    assert.ok(heardAt.length >= 190, `${heardAt.length}`);
    assert.ok(reads <= 3 * 270, `${reads}`);
    two.system.setLink(false);
    pass(millis(200));
    assert.equal(downs.length, 1);
    const [{ heard, found } = assert.fail("down")] = downs;
    assert.equal(found - heard, millis(150));
  });

  it("wake for each packet where there is nothing to be sent, but for those that come soon after another", () => {
    const { one, two, pass, now } = bed();
    const slow = { desiredMinTxInterval: seconds(1), requiredMinRxInterval: seconds(1) };
    let late = 0;
    const onHeard = (when: number): void => {
      late = Math.max(late, now() - when);
    };
    one.hub.add("two", { ...config(1, 2), ...slow }, { ...owner().value, onHeard }, now());
    two.hub.add("one", { ...config(2, 1), ...slow }, owner().value, now());
    pass(seconds(30));
    assert.equal(one.hub.state("two")?.name, "up");
    assert.ok(late <= millis(60), `${late}`);
  });

  it("wait for sockets that cannot be opened, and tell of each attempt", () => {
    let isTaken = true;
    const { one, two, pass, now, counted } = bed((port) => ({
      ...port,
      listen: (request) =>
        isTaken
          ? { ok: false, error: { code: "EADDRINUSE", operation: "listen on UDP port 3784 for IPv4" } }
          : port.listen(request),
    }));
    const mine = owner();
    one.hub.add("a", config(1, 2), mine.value, now());
    two.hub.add("a", config(2, 1), owner().value, now());
    pass(seconds(3));
    assert.ok(counted.length >= 4 && new Set(counted).size === 1);
    assert.equal(counted[0], "bfd listen on UDP port 3784 for IPv4: EADDRINUSE");
    isTaken = false;
    pass(seconds(5));
    assert.deepEqual(mine.events, ["up"]);
  });
});
