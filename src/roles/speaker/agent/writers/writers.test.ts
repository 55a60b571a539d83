import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seconds } from "#base/time";
import { objectKey } from "#core/kubernetes/meta";
import { fieldsOf, listOf } from "#core/kubernetes/read";
import { statusName, statusObject } from "#core/layer2-status/object";
import type { Failure } from "#drivers/kubernetes/port";
import { L2_STATUSES, PODS, SERVICES } from "#runtime/cluster/resources";
import { ADVERTISEMENT, createWritersBed, NAMESPACE, POOL, V4, V6 } from "./test-bed.ts";

const AWAY: Failure = {
  reason: "unreachable",
  status: 0,
  message: "connection refused",
  retryAfter: undefined,
};
const WEB = objectKey({ namespace: "shop", name: "web" });

const twoNodes = () => {
  const bed = createWritersBed();
  for (const name of ["node-a", "node-b"]) bed.node(name);
  bed.service();
  return bed;
};

const objectOf = (bed: ReturnType<typeof createWritersBed>, node: string) =>
  bed.cluster.store.get(L2_STATUSES, `${NAMESPACE}/${statusName(node, WEB)}`);

describe("a speaker that answers for a Service", () => {
  it("says so as MetalLB does, on the Service, and in an Event: four writes, and none after", async () => {
    const bed = twoNodes();
    const speaker = bed.start("node-a");
    speaker.holds(V4);
    await bed.rest();
    assert.deepEqual([...bed.writes()].sort(), [
      "create events",
      "create servicel2statuses",
      "patch servicel2statuses/status",
      "patch services/status",
    ]);
    const object = objectOf(bed, "node-a") ?? assert.fail("no object");
    const metadata = fieldsOf(object.metadata);
    assert.deepEqual(metadata.labels, {
      "metallb.io/node": "node-a",
      "metallb.io/service-name": "web",
      "metallb.io/service-namespace": "shop",
    });
    const { uid } = fieldsOf(bed.cluster.store.get(PODS, `${NAMESPACE}/speaker-node-a`)?.metadata);
    assert.deepEqual(metadata.ownerReferences, [
      { apiVersion: "v1", kind: "Pod", name: "speaker-node-a", uid },
    ]);
    // It answers on all interfaces that can, so none is named, and none that comes or goes changes anything.
    assert.deepEqual(object.status, {
      node: "node-a",
      serviceName: "web",
      serviceNamespace: "shop",
      interfaces: [],
    });
    assert.deepEqual(bed.events(), ['nodeAssigned: announcing from node "node-a" with protocol "layer2"']);
    const { status, reason, message } = bed.condition("Announced") ?? assert.fail("no condition");
    assert.deepEqual([status, reason, message], ["True", "Announced", "Node node-a answers for 192.0.2.10."]);
    await bed.rest(seconds(3_600));
    assert.deepEqual(bed.writes(), []);
  });

  it("writes nothing when its agent is started again, even before it is told what is held", async () => {
    const bed = twoNodes();
    const first = bed.start("node-a");
    first.holds(V4);
    await bed.rest();
    first.kill();
    await bed.rest();
    bed.writes();
    const second = bed.start("node-a");
    await bed.rest(seconds(600));
    assert.deepEqual(bed.writes(), []);
    second.holds(V4);
    await bed.rest(seconds(600));
    assert.deepEqual(bed.writes(), []);
  });

  it("removes what the node before it left, which is dead, and takes over what is said of the Service", async () => {
    const bed = twoNodes();
    const a = bed.start("node-a");
    const b = bed.start("node-b");
    a.holds(V4);
    b.holds();
    await bed.rest();
    const since = bed.condition("Announced")?.lastTransitionTime;
    a.kill();
    await bed.rest(seconds(60));
    bed.writes();
    b.holds(V4);
    await bed.rest();
    assert.deepEqual(bed.announcing(), ["node-b"]);
    const condition = bed.condition("Announced");
    assert.match(String(condition?.message), /^Node node-b answers for/);
    assert.equal(condition?.lastTransitionTime, since);
    assert.equal(bed.writes().filter((write) => write === "patch services/status").length, 1);
  });

  it("that loses an address deletes its own object only, and says nothing of what another one says", async () => {
    const bed = twoNodes();
    const [a, b] = [bed.start("node-a"), bed.start("node-b")];
    a.holds(V4);
    b.holds();
    await bed.rest();
    // The new holder is first, as in every planned move.
    b.holds(V4);
    await bed.rest();
    a.holds();
    await bed.rest();
    assert.deepEqual(bed.announcing(), ["node-b"]);
    bed.writes();
    await bed.rest(seconds(3_600));
    assert.deepEqual(bed.writes(), []);
    assert.deepEqual(bed.events().length, 2);
  });

  for (const [from, to] of [
    ["node-a", "node-b"],
    ["node-b", "node-a"],
  ] as const) {
    it(`is handed over from ${from} to ${to} with one object made and one condition written, though both answer for a moment`, async () => {
      const bed = twoNodes();
      const [before, now] = [bed.start(from), bed.start(to)];
      before.holds(V4);
      now.holds();
      await bed.rest();
      bed.writes();
      now.holds(V4);
      await bed.rest(seconds(2));
      before.holds();
      await bed.rest(seconds(30));
      const writes = bed.writes();
      const count = (write: string): number => writes.filter((each) => each === write).length;
      assert.deepEqual(
        [count("create servicel2statuses"), count("patch services/status"), count("create events")],
        [1, 1, 1],
        writes.join(),
      );
      assert.deepEqual(bed.announcing(), [to]);
      assert.match(String(bed.condition("Announced")?.message), new RegExp(`^Node ${to} answers`));
    });
  }

  it("goes on writing after an outage of the API server, on what is true then", async () => {
    const bed = twoNodes();
    const [a, b] = [bed.start("node-a"), bed.start("node-b")];
    a.holds(V4);
    b.holds();
    await bed.rest();
    bed.cluster.disturb(() => AWAY);
    bed.cluster.interrupt(AWAY, 1_000);
    a.kill();
    b.holds(V4);
    await bed.rest(seconds(300));
    assert.deepEqual(bed.announcing(), ["node-a"]);
    bed.cluster.disturb(undefined);
    bed.cluster.resume();
    await bed.rest(seconds(60));
    assert.deepEqual(bed.announcing(), ["node-b"]);
    assert.match(String(bed.condition("Announced")?.message), /^Node node-b/);
    assert.ok(b.told.some((event) => event.type === "write-failed" && event.reason === "unreachable"));
    bed.writes();
    await bed.rest(seconds(600));
    assert.deepEqual(bed.writes(), []);
  });

  it("is not led astray by answers that are lost", async () => {
    const bed = twoNodes();
    let requests = 0;
    bed.cluster.disturb(() => {
      requests += 1;
      return requests % 2 === 1 ? "lost" : undefined;
    });
    const speaker = bed.start("node-a");
    speaker.holds(V4);
    await bed.rest(seconds(60));
    bed.cluster.disturb(undefined);
    await bed.rest(seconds(60));
    assert.deepEqual(bed.announcing(), ["node-a"]);
    assert.equal(bed.condition("Announced")?.status, "True");
    speaker.holds();
    await bed.rest(seconds(60));
    assert.deepEqual(bed.announcing(), []);
  });

  it("makes its object again if somebody deletes it, and one of its name that names another node", async () => {
    const bed = twoNodes();
    const name = statusName("node-a", WEB);
    bed.cluster.put(L2_STATUSES, {
      metadata: { name, namespace: NAMESPACE },
      status: { node: "node-z", serviceName: "web", serviceNamespace: "shop" },
    });
    const speaker = bed.start("node-a");
    speaker.holds(V4);
    await bed.rest(seconds(30));
    assert.deepEqual(bed.announcing(), ["node-a"]);
    bed.cluster.remove(L2_STATUSES, `${NAMESPACE}/${name}`);
    await bed.rest(seconds(30));
    assert.deepEqual(bed.announcing(), ["node-a"]);
  });

  it("names the interfaces where an advertisement names them", async () => {
    const bed = twoNodes();
    const speaker = bed.start("node-a");
    const ad = { ...ADVERTISEMENT, interfaces: ["eth0", "eth1"] };
    speaker.placements.configure({ pools: [POOL], l2Advertisements: [ad] });
    speaker.holds(V4);
    await bed.rest();
    assert.deepEqual(fieldsOf(objectOf(bed, "node-a")?.status).interfaces, [{ name: "eth0" }]);
    assert.match(
      String(bed.condition("Announced")?.message),
      /^Node node-a answers for 192\.0\.2\.10 on eth0\./,
    );
  });

  it("leaves the object of the node that holds the other address of the Service", async () => {
    const bed = twoNodes();
    bed.service("web", { ips: [V4, V6] });
    const [a, b] = [bed.start("node-a"), bed.start("node-b")];
    a.holds(V4);
    b.holds(V6);
    await bed.rest(seconds(120));
    assert.deepEqual(bed.announcing(), ["node-a", "node-b"]);
    const { status, message } = bed.condition("Announced") ?? assert.fail("no condition");
    assert.equal(status, "True");
    assert.equal(message, "Node node-a answers for 192.0.2.10; node node-b answers for 2001:db8::10.");
    bed.writes();
    await bed.rest(seconds(3_600));
    assert.deepEqual(bed.writes(), []);
  });

  it("lives with another one that insists that it answers: the preferred one speaks, until one gives way", async () => {
    const bed = twoNodes();
    const [a, b] = [bed.start("node-a"), bed.start("node-b")];
    a.holds(V4);
    b.holds(V4);
    await bed.rest(seconds(60));
    assert.deepEqual(bed.announcing(), ["node-a", "node-b"]);
    const [first, second] = a.placements.candidates(V4);
    assert.match(String(bed.condition("Announced")?.message), new RegExp(`^Node ${first} answers`));
    bed.writes();
    await bed.rest(seconds(600));
    assert.deepEqual(bed.writes(), []);
    (first === "node-a" ? a : b).holds();
    await bed.rest(seconds(5));
    assert.deepEqual(bed.announcing(), [second]);
    assert.match(String(bed.condition("Announced")?.message), new RegExp(`^Node ${second} answers`));
  });

  it("leaves an object that another node has just made and not filled yet", async () => {
    const bed = twoNodes();
    const a = bed.start("node-a");
    a.holds(V4);
    await bed.rest();
    const body = statusObject({ node: "node-b", service: WEB, namespace: NAMESPACE, owner: undefined });
    bed.cluster.put(L2_STATUSES, body);
    await bed.rest(seconds(10));
    assert.deepEqual(bed.announcing(), ["", "node-a"]);
  });

  it("removes what a node left that is not ready any more, though it began later", async () => {
    const bed = twoNodes();
    const [a, b] = [bed.start("node-a"), bed.start("node-b")];
    a.holds(V4);
    b.holds();
    await bed.rest();
    b.holds(V4);
    await bed.rest();
    b.kill();
    await bed.rest(seconds(30));
    bed.node("node-b", { ready: "Unknown" });
    await bed.rest(seconds(5));
    assert.deepEqual(bed.announcing(), ["node-a"]);
  });

  it("forgets what it had to say of a Service that is gone", async () => {
    const bed = twoNodes();
    const speaker = bed.start("node-a");
    speaker.holds(V4);
    await bed.rest();
    bed.cluster.remove(SERVICES, "shop/web");
    speaker.holds();
    await bed.rest();
    assert.deepEqual(bed.announcing(), []);
    assert.equal(speaker.writers.waiting, 0);
  });
});

describe("the end of a speaker's agent", () => {
  it("takes back what is not held any more", async () => {
    const bed = twoNodes();
    const speaker = bed.start("node-a");
    speaker.holds(V4);
    await bed.rest();
    speaker.holds();
    const ended = speaker.writers.close();
    await bed.rest();
    await ended;
    assert.deepEqual(bed.announcing(), []);
  });

  it("takes back what it has made and the watch has not shown yet", async () => {
    const bed = twoNodes();
    const speaker = bed.start("node-a");
    speaker.holds();
    await bed.rest();
    bed.cluster.interrupt(AWAY, 1_000);
    speaker.holds(V4);
    await bed.rest();
    assert.deepEqual(bed.announcing(), ["node-a"]);
    speaker.holds();
    const ended = speaker.writers.close();
    await bed.rest();
    await ended;
    assert.deepEqual(bed.announcing(), []);
  });

  it("leaves what is held as it is: the wire goes on answering", async () => {
    const bed = twoNodes();
    const speaker = bed.start("node-a");
    speaker.holds(V4);
    await bed.rest();
    const ended = speaker.writers.close();
    await bed.rest();
    await ended;
    assert.deepEqual(bed.announcing(), ["node-a"]);
    bed.writes();
    speaker.holds();
    await bed.rest(seconds(60));
    assert.deepEqual(bed.writes(), []);
  });

  it("waits no longer than two seconds for an API server that does not answer", async () => {
    const bed = twoNodes();
    const speaker = bed.start("node-a");
    speaker.holds(V4);
    await bed.rest();
    bed.cluster.disturb(() => AWAY);
    speaker.holds();
    let isOver = false;
    const ended = speaker.writers.close().then(() => {
      isOver = true;
    });
    await bed.rest(seconds(1));
    assert.equal(isOver, false);
    await bed.rest(seconds(1.1));
    assert.equal(isOver, true);
    await ended;
  });
});

describe("a speaker in a cluster with hostile objects", () => {
  it("reads of what others wrote nothing that it would act on", async () => {
    const bed = twoNodes();
    const junk: readonly object[] = [
      { metadata: { name: "l2-junk", namespace: NAMESPACE }, status: 7 },
      {
        metadata: { name: "l2-other", namespace: NAMESPACE },
        status: { node: "node-q", serviceName: "nothing", serviceNamespace: "nowhere" },
      },
      {
        metadata: { name: "l2-proto", namespace: NAMESPACE },
        status: { node: "__proto__", serviceName: "web", serviceNamespace: "shop", interfaces: [null, 1] },
      },
    ];
    for (const object of junk) bed.cluster.put(L2_STATUSES, object as Record<string, unknown>);
    const speaker = bed.start("node-a");
    speaker.holds(V4);
    await bed.rest(seconds(30));
    // What was said of our Service by a node that does not exist is gone, the rest is nobody's business.
    assert.deepEqual(bed.announcing(), ["", "node-a", "node-q"]);
    assert.equal(bed.condition("Announced")?.status, "True");
  });

  it("keeps conditions of others, and mends its own", async () => {
    const bed = twoNodes();
    bed.cluster.put(SERVICES, {
      ...bed.cluster.store.get(SERVICES, "shop/web"),
      status: {
        loadBalancer: { ingress: [{ ip: V4 }, { ip: "nonsense" }, { hostname: "x" }, 7] },
        conditions: [
          { type: "example.com/Theirs", status: "True", reason: "Given", message: "" },
          { type: "steelyard.dev/Announced", status: 7, reason: [], message: null, lastTransitionTime: "" },
        ],
      },
    });
    const speaker = bed.start("node-a");
    speaker.holds(V4);
    await bed.rest(seconds(30));
    const types = listOf(bed.status().conditions).map((each) => fieldsOf(each).type);
    assert.deepEqual([...types].sort(), ["example.com/Theirs", "steelyard.dev/Announced"]);
    assert.equal(bed.condition("Announced")?.reason, "AddressUnreadable");
  });
});
