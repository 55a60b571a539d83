import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Duration, micros, millis, seconds } from "#base/time";
import { framesFor } from "#core/announce/frames";
import { LINK, macOf, parsed, type SpeakerBed, speakerBed, startMachine } from "./bed.ts";

const A = "192.0.2.100";
const B = "192.0.2.101";

const holders = ({ nodes }: SpeakerBed, address = A): readonly string[] =>
  nodes.filter((node) => node.answers().includes(parsed(address))).map(({ name }) => name);

const node = ({ nodes }: SpeakerBed, name: string) =>
  nodes.find((each) => each.name === name) ?? assert.fail(name);

/** Three nodes, of which the first holds the address. */
const settled = async (candidates = ["node-1", "node-2", "node-3"]): Promise<SpeakerBed> => {
  const bed = speakerBed(3);
  bed.place({ [A]: candidates });
  await bed.pass(seconds(20));
  assert.deepEqual(holders(bed), [candidates[0]]);
  for (const each of bed.nodes) each.said();
  return bed;
};

/** How long it takes until exactly this node answers, in milliseconds; fails after `limit`. */
const until = async (bed: SpeakerBed, name: string, limit: Duration): Promise<number> => {
  for (let passed = 0; passed <= limit; passed += 5_000) {
    const [only, ...rest] = holders(bed);
    if (only === name && rest.length === 0) return passed / 1_000;
    await bed.pass(millis(5));
  }
  return assert.fail(`${name} does not answer alone: ${holders(bed).join(" ")}`);
};

describe("speakers on one link", () => {
  it("answer for an address from one node, the first candidate, and a client learns its MAC address", async () => {
    const bed = await settled();
    assert.deepEqual(await bed.ask(A), [node(bed, "node-1").mac]);
    assert.deepEqual(await bed.ask(B), []);
  });

  it("say of each other who is taken for alive unheard, and who hears them", async () => {
    const bed = speakerBed(2);
    await bed.pass(seconds(5));
    const saidOf = () =>
      node(bed, "node-1")
        .said()
        .filter((text) => text.startsWith("node node-2"));
    assert.deepEqual(saidOf(), [
      "node node-2: unknown -> alive",
      "node node-2: is heard, and hears this node",
    ]);
    node(bed, "node-2").cut(true);
    await bed.pass(seconds(1));
    assert.deepEqual(saidOf(), ["node node-2: alive -> dead: nothing comes from it any more"]);
  });

  it("tell at a start that they hear others once they do, and nothing before", async () => {
    const bed = speakerBed(3);
    bed.place({ [A]: ["node-1", "node-2", "node-3"] });
    await bed.pass(seconds(20));
    for (const each of bed.nodes) {
      const said = each.said().filter((text) => text.startsWith("this node: "));
      assert.deepEqual(said, ["this node: hears other speakers"]);
    }
    node(bed, "node-3").cut(true);
    await bed.pass(seconds(1));
    assert.match(node(bed, "node-3").said().join("\n"), /this node: hears neither other speakers/);
  });

  it("tell that they hear nobody once sessions had their time", async () => {
    const bed = speakerBed(2);
    node(bed, "node-1").cut(true);
    const company = () =>
      node(bed, "node-1")
        .said()
        .filter((text) => text.startsWith("this node: "));
    await bed.pass(millis(2_900));
    assert.deepEqual(company(), []);
    await bed.pass(millis(200));
    assert.deepEqual(company(), ["this node: hears no other speaker, and asks its gateway"]);
    await bed.pass(seconds(60));
    assert.match(company().join(), /^this node: hears no other speaker, /);
  });

  it("take over from a node that dies in less than half a second, and tell the link", async () => {
    const bed = await settled();
    const before = bed.segment.frames.length;
    node(bed, "node-1").cut(true);
    const took = await until({ ...bed, nodes: bed.nodes.slice(1) }, "node-2", seconds(1));
    assert.ok(took < 500, `${took} ms`);
    assert.ok(
      bed.segment.frames.slice(before).some(({ from }) => from === node(bed, "node-2").mac),
      "it has announced itself",
    );
    const said = node(bed, "node-2").said();
    assert.ok(said.includes("node node-1: alive -> dead: nothing comes from it any more"), said.join("\n"));
    const taken = said.find((text) =>
      text.startsWith(`address ${A}: claiming -> holding: node-1 fell silent`),
    );
    const outage = Number(/last heard (\d+)ms before$/.exec(taken ?? "")?.[1]);
    assert.ok(outage > 300 && outage < 420, said.join("\n"));
    assert.deepEqual(node(bed, "node-3").said(), [
      "node node-1: alive -> dead: nothing comes from it any more",
    ]);
  });

  it("take over from a node that dies where no gateway has ever answered", async () => {
    const bed = speakerBed(2);
    bed.silenceGateway(true);
    bed.place({ [A]: ["node-1", "node-2"] });
    await bed.pass(seconds(40));
    assert.deepEqual(holders(bed), ["node-1"]);
    node(bed, "node-1").cut(true);
    await until({ ...bed, nodes: bed.nodes.slice(1) }, "node-2", seconds(1));
  });

  it("never answer from two nodes when a holder is cut off: it withdraws before the next one takes over", async () => {
    const bed = await settled();
    bed.silenceGateway(false);
    node(bed, "node-1").cut(true);
    for (let passed = 0; passed < 1_500; passed += 5) {
      await bed.pass(millis(5));
      assert.ok(holders(bed).length <= 1, `at ${passed} ms: ${holders(bed).join(" ")}`);
    }
    assert.deepEqual(holders(bed), ["node-2"]);
    assert.ok(
      node(bed, "node-1")
        .said()
        .some((text) => text.includes("hears neither peers nor its gateway")),
    );
  });

  it("give back to a node that returns, without a moment in which nobody answers", async () => {
    const bed = await settled();
    node(bed, "node-1").cut(true);
    await bed.pass(seconds(2));
    node(bed, "node-1").cut(false);
    for (let passed = 0; passed < 40_000; passed += 5) {
      await bed.pass(millis(5));
      if (holders(bed).length === 0) assert.fail(`nobody at ${passed} ms`);
    }
    assert.deepEqual(holders(bed), ["node-1"]);
    assert.deepEqual(await bed.ask(A), [node(bed, "node-1").mac]);
  });

  it("hand over what a leaving node holds before it stops answering", async () => {
    const bed = await settled();
    let left = false;
    node(bed, "node-1").speaker.leave(bed.now(), () => {
      left = true;
    });
    for (let passed = 0; passed < 3_000 && !left; passed += 5) {
      await bed.pass(millis(5));
      assert.ok(holders(bed).length >= 1, `nobody at ${passed} ms`);
    }
    assert.ok(left);
    assert.deepEqual(holders(bed), ["node-2"]);
  });

  it("move when candidates change, without a moment in which nobody answers", async () => {
    const bed = await settled();
    bed.place({ [A]: ["node-3", "node-2"] });
    for (let passed = 0; passed < 30_000; passed += 5) {
      await bed.pass(millis(5));
      assert.ok(holders(bed).length >= 1, `nobody at ${passed} ms`);
    }
    assert.deepEqual(holders(bed), ["node-3"]);
  });

  it("answer for an address of which they are no candidate any more until the next one is heard", async () => {
    const bed = await settled();
    const [first] = bed.nodes;
    assert.ok(first !== undefined);
    const word = { address: parsed(A), candidates: ["node-3", "node-2"], interfaces: "all" } as const;
    first.speaker.place([word], [], bed.now());
    await bed.pass(seconds(1));
    assert.deepEqual(holders(bed), ["node-1"], "the others do not know yet");
    bed.place({ [A]: ["node-3", "node-2"] });
    for (let passed = 0; passed < 1_000; passed += 5) {
      await bed.pass(millis(5));
      assert.ok(holders(bed).length >= 1, `nobody at ${passed} ms`);
    }
    assert.deepEqual(holders(bed), ["node-3"]);
    assert.deepEqual(first.speaker.interfacesOf(parsed(A)), []);
  });

  it("move once when candidates change, though the next one learns of it first and the holder defends it", async () => {
    const bed = await settled();
    const word = { address: parsed(A), candidates: ["node-2", "node-3"], interfaces: "all" } as const;
    const [first, ...rest] = bed.nodes;
    assert.ok(first !== undefined);
    for (const { speaker } of rest) speaker.place([word], [], bed.now());
    await bed.pass(millis(10));
    assert.deepEqual(holders(bed), ["node-1", "node-2"]);
    assert.ok(first.said().includes(`address ${A}: node-2 announces it, which is held here by right`));
    first.speaker.place([word], [], bed.now());
    await bed.pass(millis(5));
    for (let passed = 0; passed < 3_000; passed += 5) {
      await bed.pass(millis(5));
      assert.deepEqual(holders(bed), ["node-2"], `at ${passed} ms`);
    }
  });

  it("defend an address by one announcement, at once, though its takeover was announced a moment ago", async () => {
    const bed = await settled(["node-2", "node-3"]);
    const [first, second, third] = bed.nodes.map(({ speaker }) => speaker);
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    const word = { address: parsed(A), candidates: ["node-1"], interfaces: "all" } as const;
    first.place([word], [], bed.now());
    await bed.pass(millis(640));
    const from = bed.segment.frames.length;
    third.place([{ ...word, candidates: ["node-3"] }], [], bed.now());
    await bed.pass(millis(30));
    const { mac } = node(bed, "node-1");
    const said = bed.segment.frames.slice(from).filter((frame) => frame.from === mac);
    assert.equal(said.length, 2, "gratuitous ARP as request and as reply");
  });

  it("announce what they hold when their bond has changed its cable, or their virtual machine its host", async () => {
    const bed = await settled();
    const from = bed.segment.frames.length;
    for (const { netlink } of bed.nodes) netlink.reroute(LINK.index);
    await bed.pass(millis(500));
    const { mac } = node(bed, "node-1");
    const macs = bed.segment.frames.slice(from).map((frame) => frame.from);
    assert.deepEqual(
      macs,
      Array.from({ length: 6 }, () => mac),
    );
  });

  it("announce what they hold on a bridge when the bond that is its port has changed its cable", async () => {
    const bed = await settled();
    const { mac, netlink } = node(bed, "node-1");
    const port = { index: 7, name: "bond0", mtu: 1_500, up: true, carrier: true, loopback: false };
    netlink.setLink({ ...port, kind: "bond", mac, master: LINK.index, masterKind: "bridge" });
    await bed.pass(seconds(2));
    const from = bed.segment.frames.length;
    netlink.reroute(port.index);
    await bed.pass(millis(500));
    assert.deepEqual(
      bed.segment.frames.slice(from).map((frame) => frame.from),
      Array.from({ length: 6 }, () => mac),
    );
  });

  it("announce what they hold when word of that may be among what the kernel had to drop", async () => {
    const bed = await settled();
    const from = bed.segment.frames.length;
    for (const { netlink } of bed.nodes) netlink.overrun();
    await bed.pass(millis(500));
    const { mac } = node(bed, "node-1");
    const macs = new Set(bed.segment.frames.slice(from).map((frame) => frame.from));
    assert.deepEqual([...macs], [mac]);
  });

  it("give an address up whose link goes down, at once", async () => {
    const bed = await settled();
    const { netlink } = node(bed, "node-1");
    const links = netlink.links();
    assert.ok(links.ok);
    for (const link of links.value) netlink.setLink({ ...link, carrier: false });
    node(bed, "node-1").cut(true);
    await bed.pass(millis(10));
    assert.deepEqual(node(bed, "node-1").answers(), []);
    const said = node(bed, "node-1").said();
    assert.ok(said.includes("link eth0: down"), said.join("\n"));
    await until(bed, "node-2", seconds(1));
  });

  it("say nothing of the interface to which IPVS binds addresses, which is never up", async () => {
    const bed = await settled();
    const { netlink, said, mac } = node(bed, "node-1");
    const dummy = { index: 8, name: "kube-ipvs0", mtu: 1_500, up: false, carrier: false, loopback: false };
    netlink.setLink({ ...dummy, kind: "dummy", mac });
    const own = { linkIndex: dummy.index, address: parsed(A), prefixLength: 32, label: dummy.name };
    netlink.setAddress({ ...own, tentative: false, duplicate: false });
    await bed.pass(seconds(2));
    assert.doesNotMatch(said().join("\n"), /kube-ipvs0/);
  });

  it("answer nothing of yesterday's after they were frozen, whoever asks first", async () => {
    const bed = await settled();
    node(bed, "node-1").freeze(true);
    await bed.pass(seconds(3));
    node(bed, "node-1").freeze(false);
    assert.deepEqual(node(bed, "node-1").answers(), []);
    assert.deepEqual(await bed.ask(A), [node(bed, "node-2").mac]);
    await bed.pass(seconds(1));
    assert.equal(holders(bed).length, 1);
  });

  it("are waited for longer once they have stood still too often, until they have been well for a while", async () => {
    const bed = await settled();
    const starving = node(bed, "node-1");
    const standStill = async (duration: Duration): Promise<readonly string[]> => {
      node(bed, "node-2").said();
      starving.freeze(true);
      await bed.pass(duration);
      starving.freeze(false);
      const said = node(bed, "node-2").said();
      await bed.pass(seconds(4));
      return said;
    };
    for (let times = 0; times < 4; times += 1)
      assert.match((await standStill(millis(600))).join("\n"), /node-1: alive -> dead/);
    assert.match(starving.said().join("\n"), /others take over only after 1s of silence/);
    assert.doesNotMatch((await standStill(millis(600))).join("\n"), /dead/);
    assert.match((await standStill(millis(1_100))).join("\n"), /node-1: alive -> dead/);
    await bed.pass(seconds(250));
    assert.match(starving.said().join("\n"), /stands still no more: others take over after 250ms of silence/);
    assert.match((await standStill(millis(600))).join("\n"), /node-1: alive -> dead/);
  });

  it("hold each of many addresses once, whoever dies", async () => {
    const bed = speakerBed(3);
    const orders = [
      ["node-1", "node-2", "node-3"],
      ["node-2", "node-3", "node-1"],
      ["node-3", "node-1", "node-2"],
    ];
    const addresses = Array.from({ length: 30 }, (_, index) => `192.0.2.${100 + index}`);
    bed.place(Object.fromEntries(addresses.map((each, index) => [each, orders[index % 3] ?? []])));
    await bed.pass(seconds(20));
    for (const each of addresses) assert.equal(holders(bed, each).length, 1, each);
    node(bed, "node-2").cut(true);
    await bed.pass(seconds(1));
    const rest = { ...bed, nodes: bed.nodes.filter(({ name }) => name !== "node-2") };
    for (const each of addresses) assert.equal(holders(rest, each).length, 1, each);
  });

  it("go on speaking to the others while they ask for thousands of addresses at once", async () => {
    const bed = speakerBed(2, { frameCost: micros(50) });
    await bed.pass(seconds(20));
    let sent = 0;
    bed.sessions.loses = ({ source }) => {
      if (source === parsed("192.0.2.1")) sent += 1;
      return false;
    };
    const words = Array.from({ length: 3_000 }, (_, index) => ({
      address: parsed(`10.0.${index >> 8}.${index & 255}`),
      ...{ candidates: ["node-1", "node-2"], interfaces: "all" as const },
    }));
    const before = bed.segment.frames.length;
    node(bed, "node-1").speaker.place(words, [], bed.now());
    bed.sessions.settle();
    assert.equal(bed.segment.frames.length - before, 3_000);
    assert.ok(sent >= 2, `${sent} packets in 150 ms`);
  });

  it("go on speaking to the others while they hear who has thousands of addresses", async () => {
    const bed = speakerBed(2, { frameCost: micros(200) });
    bed.place({ [A]: ["node-2", "node-1"] });
    await bed.pass(seconds(20));
    let sent = 0;
    bed.sessions.loses = ({ source }) => {
      if (source === parsed("192.0.2.1")) sent += 1;
      return false;
    };
    const [frame] = framesFor({ address: parsed(A), mac: node(bed, "node-2").mac, router: false });
    const silent = { onFrame: () => {}, onError: () => {} };
    const other = bed.segment
      .addStation(macOf(7))
      .port.openResponder({ link: LINK, family: "IPv4", ...silent });
    assert.ok(other.ok && frame !== undefined);
    for (let count = 0; count < 2_000; count += 1) other.value.send(frame);
    bed.segment.settle();
    bed.sessions.settle();
    assert.ok(sent >= 5, `${sent} packets in 400 ms`);
  });

  it("change their secret one after the other, without a session that goes down", async () => {
    const bed = await settled();
    const [one, two] = [1, 2].map((id) => ({ id, secret: new Uint8Array(20).fill(id) }));
    assert.ok(one !== undefined && two !== undefined);
    const use = async (...keys: readonly (typeof one)[]): Promise<void> => {
      const [first = one, ...rest] = keys;
      for (const { speaker } of bed.nodes) {
        speaker.setAuthentication({ type: "meticulous-keyed-sha1", keys: [first, ...rest] }, bed.now());
        await bed.pass(seconds(2));
      }
    };
    await use(one);
    // From none to one they did not understand each other for a while.
    await bed.pass(seconds(30));
    for (const each of bed.nodes) each.said();
    assert.deepEqual(holders(bed), ["node-1"]);
    await use(one, two);
    await use(two, one);
    await use(two);
    await bed.pass(seconds(5));
    for (const each of bed.nodes) assert.deepEqual(each.said(), [], each.name);
    assert.deepEqual(holders(bed), ["node-1"]);
    for (const { speaker } of bed.nodes.slice(1))
      speaker.setAuthentication({ type: "meticulous-keyed-sha1", keys: [one] }, bed.now());
    await bed.pass(seconds(5));
    assert.match(node(bed, "node-2").said().join(), /node-1: alive -> dead/);
  });

  it("take no address that another machine has, tell of it once, and take it when that machine is gone", async () => {
    const bed = speakerBed(2);
    const printer = startMachine(bed.segment, 77, A);
    for (const { speaker } of bed.nodes) speaker.allPlaced(bed.now());
    bed.place({ [A]: ["node-1", "node-2"] });
    await bed.pass(seconds(60));
    assert.deepEqual(holders(bed), []);
    const mac = "02:00:00:00:00:4d";
    const told = (texts: readonly string[]) => texts.filter((text) => text.includes(mac));
    assert.deepEqual(told(node(bed, "node-1").said()), [
      `address ${A}: ${mac}, which is no node of this cluster, has it already, so it is not used`,
    ]);
    printer.setLink(false);
    await bed.pass(seconds(5));
    assert.deepEqual(holders(bed), ["node-1"]);
    assert.deepEqual(told(node(bed, "node-1").said()), [
      `address ${A}: ${mac} does not stand in its way any more`,
    ]);
  });

  it("do not call an address unused that another machine takes when its holder dies", async () => {
    const bed = speakerBed(3);
    for (const { speaker } of bed.nodes) speaker.allPlaced(bed.now());
    bed.place({ [A]: ["node-1", "node-2", "node-3"] });
    await bed.pass(seconds(20));
    assert.deepEqual(holders(bed), ["node-1"]);
    startMachine(bed.segment, 77, A);
    node(bed, "node-1").cut(true);
    await bed.pass(seconds(1));
    const others = { ...bed, nodes: bed.nodes.slice(1) };
    assert.deepEqual(holders(others), []);
    const mac = "02:00:00:00:00:4d";
    const told = node(bed, "node-2")
      .said()
      .filter((text) => text.includes(mac));
    assert.deepEqual(told, [
      `address ${A}: ${mac}, which is no node of this cluster, answers for it, so it is not taken`,
    ]);
  });

  it("have nothing to do any more with a machine whose address is given to nobody", async () => {
    const bed = speakerBed(1);
    startMachine(bed.segment, 77, A);
    bed.place({ [A]: ["node-1"] });
    await bed.pass(seconds(5));
    node(bed, "node-1").said();
    node(bed, "node-1").speaker.place([], [parsed(A)], bed.now());
    assert.deepEqual(node(bed, "node-1").said(), [
      `address ${A}: 02:00:00:00:00:4d does not stand in its way any more`,
    ]);
  });

  it("forget an address that is gone, and answer for it no more", async () => {
    const bed = await settled();
    for (const { speaker } of bed.nodes) speaker.place([], [parsed(A)], bed.now());
    await bed.pass(millis(50));
    assert.deepEqual([holders(bed), await bed.ask(A)], [[], []]);
  });

  it("stay where they are when the API server says that a holder is not ready: its peers know better", async () => {
    const bed = await settled();
    bed.members({ "node-1": "not-ready", "node-2": "not-ready", "node-3": "not-ready" });
    await bed.pass(seconds(5));
    assert.deepEqual(holders(bed), ["node-1"]);
  });
});
