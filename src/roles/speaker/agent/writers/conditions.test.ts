import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "#base/address";
import { parseMac } from "#base/mac";
import { parseInterfaceAddress } from "#base/prefix";
import { millis, seconds } from "#base/time";
import { fieldsOf, listOf } from "#core/kubernetes/read";
import type { Verdict } from "#core/reachability/machine";
import { ENDPOINT_SLICES, NODES, PODS, SERVICES } from "#runtime/cluster/resources";
import { createWritersBed, NAMESPACE, type Speaker, V4, V6, type WritersBed } from "./test-bed.ts";

const MAC = parseMac("02:00:00:00:00:63") ?? assert.fail();
const REACHABLE: Verdict = { type: "reachable", mac: MAC, resolved: millis(1), connected: undefined };
const SILENT: Verdict = { type: "unreachable", obstacle: { type: "not-resolved" } };

const NAMES = ["node-a", "node-b", "node-c"];

const running = async (bed: WritersBed, names = NAMES): Promise<readonly Speaker[]> => {
  for (const name of names) bed.node(name);
  const speakers = names.map((name) => bed.start(name));
  for (const speaker of speakers) speaker.holds();
  await bed.rest();
  bed.writes();
  return speakers;
};

const patches = (bed: WritersBed): number =>
  bed.writes().filter((write) => write === "patch services/status").length;

describe("the condition Announced of a Service for which nobody answers", () => {
  it("is written by one speaker, once it has lasted", async () => {
    const bed = createWritersBed();
    await running(bed);
    bed.service();
    await bed.rest(seconds(8));
    assert.equal(bed.condition("Announced"), undefined);
    await bed.rest(seconds(5));
    assert.deepEqual(
      [bed.condition("Announced")?.status, bed.condition("Announced")?.reason],
      ["False", "NotHeld"],
    );
    assert.equal(patches(bed), 1);
    await bed.rest(seconds(3_600));
    assert.equal(patches(bed), 0);
  });

  it("says why nobody may, and is one speaker's as well", async () => {
    const bed = createWritersBed();
    await running(bed);
    bed.service();
    bed.cluster.remove(ENDPOINT_SLICES, "shop/web-1");
    await bed.rest(seconds(15));
    assert.equal(bed.condition("Announced")?.reason, "NoEndpoints");
    assert.equal(patches(bed), 1);
  });

  it("is not written while the controller is about to give it an address", async () => {
    const bed = createWritersBed();
    await running(bed);
    bed.service("web", { ips: [] });
    await bed.rest(seconds(5));
    assert.equal(patches(bed), 0);
    bed.service();
    const [a] = [bed.start("node-a")];
    a?.holds(V4);
    await bed.rest(seconds(1));
    assert.equal(bed.condition("Announced")?.status, "True");
  });

  it("comes from another speaker when the one that would say it is not ready, and changes nothing by that", async () => {
    const bed = createWritersBed();
    const speakers = await running(bed);
    for (let index = 0; index < 12; index += 1) bed.service(`web-${index}`);
    await bed.rest(seconds(20));
    const count = () =>
      Array.from({ length: 12 }, (_, index) => bed.condition("Announced", `web-${index}`)?.status).filter(
        (status) => status === "False",
      ).length;
    assert.equal(count(), 12);
    bed.writes();
    speakers[0]?.kill();
    bed.node("node-a", { ready: "False" });
    await bed.rest(seconds(300));
    const written = patches(bed);
    assert.ok(written <= 12, `${written}`);
    for (let index = 12; index < 24; index += 1) bed.service(`web-${index}`);
    await bed.rest(seconds(20));
    for (let index = 12; index < 24; index += 1)
      assert.equal(bed.condition("Announced", `web-${index}`)?.reason, "NotHeld", `web-${index}`);
  });

  it("goes to True at once when somebody answers, with the time of that", async () => {
    const bed = createWritersBed();
    const [a] = await running(bed);
    bed.service();
    await bed.rest(seconds(20));
    const before = bed.condition("Announced")?.lastTransitionTime;
    a?.holds(V4);
    await bed.rest(seconds(1));
    assert.equal(bed.condition("Announced")?.status, "True");
    assert.notEqual(bed.condition("Announced")?.lastTransitionTime, before);
  });
});

describe("the condition Announced of a Service that is answered for", () => {
  it("is not written again for a holder that moves and comes back within moments", async () => {
    const bed = createWritersBed();
    const [a, b] = await running(bed);
    bed.service();
    await bed.rest(seconds(1));
    a?.holds(V4);
    await bed.rest(seconds(1));
    bed.writes();
    a?.holds();
    await bed.rest(seconds(2));
    a?.holds(V4);
    await bed.rest(seconds(60));
    assert.equal(patches(bed), 0);
    assert.ok(b);
  });

  it("names nodes that are left out once that has lasted: a restart of all speakers is not worth a write", async () => {
    const bed = createWritersBed();
    const [a] = await running(bed);
    bed.service();
    a?.holds(V4);
    await bed.rest();
    bed.writes();
    for (const name of ["node-b", "node-c"]) {
      const key = `${NAMESPACE}/speaker-${name}`;
      bed.cluster.remove(PODS, key);
      await bed.rest(seconds(30));
      bed.node(name);
      await bed.rest(seconds(5));
    }
    await bed.rest(seconds(300));
    assert.equal(patches(bed), 0);
    bed.cluster.remove(PODS, `${NAMESPACE}/speaker-node-c`);
    await bed.rest(seconds(300));
    assert.equal(patches(bed), 1);
    assert.match(String(bed.condition("Announced")?.message), /Node node-c runs no speaker/);
  });

  it("goes to the version that somebody else has made meanwhile, and keeps what that one says", async () => {
    const bed = createWritersBed();
    const [a] = await running(bed);
    bed.service();
    let isFirst = true;
    bed.cluster.disturb(({ verb, target }) => {
      if (
        isFirst &&
        verb === "patch" &&
        target.subresource === "status" &&
        target.resource.plural === "services"
      ) {
        isFirst = false;
        bed.cluster.disturb(undefined);
        bed.cluster.put(SERVICES, {
          ...bed.cluster.store.get(SERVICES, "shop/web"),
          status: {
            loadBalancer: { ingress: [{ ip: V4 }] },
            conditions: [
              { type: "steelyard.dev/Allocated", status: "True", reason: "Allocated", message: "." },
            ],
          },
        });
      }
      return undefined;
    });
    a?.holds(V4);
    await bed.rest(seconds(30));
    assert.equal(isFirst, false);
    const types = listOf(bed.status().conditions).map((each) => fieldsOf(each).type);
    assert.deepEqual([...types].sort(), ["steelyard.dev/Allocated", "steelyard.dev/Announced"]);
  });
});

describe("the condition Reachable", () => {
  const announced = async (ips: readonly string[] = [V4]) => {
    const bed = createWritersBed();
    const [a, b] = await running(bed);
    if (a === undefined || b === undefined) assert.fail();
    bed.service("web", { ips });
    a.holds(...ips);
    await bed.rest();
    return { bed, a, b };
  };

  it("is the prober's, while Announced stays the holder's", async () => {
    const { bed, b } = await announced();
    b.writers.verdicts(new Map([[V4, { type: "unknown" }]]));
    await bed.rest(seconds(60));
    assert.equal(bed.condition("Reachable"), undefined);
    b.writers.verdicts(new Map([[V4, REACHABLE]]));
    await bed.rest(seconds(1));
    assert.deepEqual(
      [bed.condition("Reachable")?.status, bed.condition("Announced")?.status],
      ["True", "True"],
    );
    bed.writes();
    await bed.rest(seconds(3_600));
    assert.deepEqual(bed.writes(), []);
  });

  it("is false with what was found, and an Event tells of it once, and of its end", async () => {
    const { bed, b } = await announced();
    const events = () => bed.events().filter((text) => !text.startsWith("nodeAssigned"));
    b.writers.verdicts(new Map([[V4, SILENT]]));
    await bed.rest(seconds(1));
    assert.equal(bed.condition("Reachable")?.reason, "NotResolved");
    assert.equal(events().length, 1);
    assert.match(
      events()[0] ?? "",
      /^NotReachable: Node node-b asked who has 192\.0\.2\.10, and nobody answered/,
    );
    await bed.rest(seconds(300));
    b.writers.verdicts(new Map([[V4, REACHABLE]]));
    await bed.rest(seconds(1));
    assert.deepEqual(
      events()
        .map((text) => text.split(":")[0])
        .sort(),
      ["NotReachable", "Reachable"],
    );
  });

  it("stays as it is while another prober takes over, until that one knows more", async () => {
    const { bed, a, b } = await announced();
    b.writers.verdicts(new Map([[V4, REACHABLE]]));
    await bed.rest(seconds(1));
    b.writers.verdicts(new Map());
    bed.writes();
    await bed.rest(seconds(60));
    assert.equal(patches(bed), 0);
    a.holds();
    b.holds(V4);
    a.writers.verdicts(new Map([[V4, { type: "unknown" }]]));
    await bed.rest(seconds(2));
    assert.equal(bed.condition("Reachable")?.status, "True");
    a.writers.verdicts(new Map([[V4, REACHABLE]]));
    await bed.rest(seconds(1));
    // Only who asked is another one now; that need not be written at once.
    assert.match(String(bed.condition("Reachable")?.message), /^Node node-a got/);
  });

  it("tells of all addresses that one node asks for", async () => {
    const { bed, b } = await announced([V4, V6]);
    b.writers.verdicts(
      new Map<IpAddress, Verdict>([
        [V4, REACHABLE],
        [V6, SILENT],
      ]),
    );
    await bed.rest(seconds(1));
    const { status, message } = bed.condition("Reachable") ?? assert.fail("no condition");
    assert.equal(status, "False");
    assert.match(String(message), /192\.0\.2\.10; node node-b asked who has 2001:db8::10/);
  });

  it("goes once nobody asks any more, after all speakers have had time for a restart, and is not missed then", async () => {
    const bed = createWritersBed();
    for (const name of ["node-a", "node-b"]) bed.node(name);
    const asking = bed.start("node-b");
    await bed.rest();
    bed.service();
    const a = bed.start("node-a", { probing: "off" });
    asking.holds();
    a.holds(V4);
    await bed.rest();
    asking.writers.verdicts(new Map([[V4, REACHABLE]]));
    await bed.rest();
    assert.equal(bed.condition("Reachable")?.status, "True");
    asking.kill();
    const b = bed.start("node-b", { probing: "off" });
    b.holds();
    bed.writes();
    await bed.rest(seconds(240));
    assert.deepEqual(bed.writes(), []);
    await bed.rest(seconds(600));
    assert.equal(bed.condition("Reachable"), undefined);
    assert.equal(bed.condition("Announced")?.status, "True");
    assert.equal(patches(bed), 1);
    await bed.rest(seconds(3_600));
    assert.equal(patches(bed), 0);
  });

  it("goes when nobody may answer any more, and from what is no load balancer any more", async () => {
    const { bed, a, b } = await announced();
    b.writers.verdicts(new Map([[V4, REACHABLE]]));
    await bed.rest(seconds(1));
    bed.cluster.remove(ENDPOINT_SLICES, "shop/web-1");
    a.holds();
    b.writers.verdicts(new Map());
    await bed.rest(seconds(20));
    assert.deepEqual(
      [bed.condition("Announced")?.reason, bed.condition("Reachable")],
      ["NoEndpoints", undefined],
    );
    bed.service("web", { ips: [], spec: { type: "ClusterIP" } });
    await bed.rest(seconds(20));
    assert.deepEqual([bed.condition("Announced"), bed.condition("Reachable")], [undefined, undefined]);
  });

  it("says that nobody can ask where there is one candidate left, if it said something before", async () => {
    const { bed, b } = await announced();
    b.writers.verdicts(new Map([[V4, REACHABLE]]));
    await bed.rest(seconds(1));
    b.writers.verdicts(new Map());
    bed.cluster.put(ENDPOINT_SLICES, {
      metadata: { name: "web-1", namespace: "shop", labels: { "kubernetes.io/service-name": "web" } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.1.0.5"], nodeName: "node-a", conditions: { ready: true } }],
    });
    bed.service("web", { spec: { externalTrafficPolicy: "Local" }, endpoints: "keep" });
    await bed.rest(seconds(30));
    assert.equal(bed.condition("Reachable")?.reason, "NoProber");
  });

  it("stays another node's word where that one asks though it may not answer itself", async () => {
    const { bed, b } = await announced();
    const network = parseInterfaceAddress("192.0.2.98/24") ?? assert.fail();
    b.writers.links([{ name: "eth0", mac: MAC, addresses: [network] }]);
    b.writers.verdicts(new Map([[V4, REACHABLE]]));
    bed.cluster.put(ENDPOINT_SLICES, {
      metadata: { name: "web-1", namespace: "shop", labels: { "kubernetes.io/service-name": "web" } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.1.0.5"], nodeName: "node-a", conditions: { ready: true } }],
    });
    bed.service("web", { spec: { externalTrafficPolicy: "Local" }, endpoints: "keep" });
    // Announced has other nodes to name as left out.
    await bed.rest(seconds(150));
    bed.writes();
    await bed.rest(seconds(600));
    assert.equal(bed.condition("Reachable")?.reason, "Answered");
    assert.equal(patches(bed), 0);
  });

  it("is no word of the node that holds the address, whatever that found out before", async () => {
    const { bed, a, b } = await announced();
    b.writers.verdicts(new Map([[V4, REACHABLE]]));
    await bed.rest(seconds(1));
    a.holds();
    b.holds(V4);
    a.writers.verdicts(new Map([[V4, REACHABLE]]));
    await bed.rest(seconds(1));
    bed.writes();
    // What the node has found out before it takes the address has yet to be forgotten.
    await bed.rest(seconds(300));
    assert.match(String(bed.condition("Reachable")?.message), /^Node node-a got/);
    assert.equal(patches(bed), 0);
  });

  it("is unknown when who holds the address by now was the one that asked, and no other one does in its place", async () => {
    const { bed, a, b } = await announced();
    b.writers.verdicts(new Map([[V4, REACHABLE]]));
    await bed.rest(seconds(1));
    a.holds();
    b.holds(V4);
    b.writers.verdicts(new Map());
    await bed.rest(seconds(25));
    assert.equal(bed.condition("Reachable")?.status, "True");
    await bed.rest(seconds(10));
    const { status, reason, message } = bed.condition("Reachable") ?? assert.fail();
    assert.deepEqual([status, reason], ["Unknown", "NotProbedYet"]);
    assert.equal(message, "No other node has asked for 192.0.2.10 yet.");
    bed.writes();
    await bed.rest(seconds(600));
    assert.equal(patches(bed), 0);
    a.writers.verdicts(new Map([[V4, REACHABLE]]));
    await bed.rest(seconds(1));
    assert.match(String(bed.condition("Reachable")?.message), /^Node node-a got/);
  });

  it("says that nobody can ask where there is one node, if it said something before", async () => {
    const { bed, a, b } = await announced();
    b.writers.verdicts(new Map([[V4, REACHABLE]]));
    await bed.rest(seconds(1));
    b.kill();
    for (const name of ["node-b", "node-c"]) {
      bed.cluster.remove(PODS, `${NAMESPACE}/speaker-${name}`);
      bed.cluster.remove(NODES, name);
    }
    await bed.rest(seconds(30));
    assert.deepEqual(
      [bed.condition("Reachable")?.status, bed.condition("Reachable")?.reason],
      ["Unknown", "NoProber"],
    );
    assert.ok(a);
  });
});
