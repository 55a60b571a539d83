import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseMac } from "#base/mac";
import { parseInterfaceAddress } from "#base/prefix";
import { millis, seconds } from "#base/time";
import { fieldsOf, listOf } from "#core/kubernetes/read";
import { LINKS_ANNOTATION, type ReportedLink, readReport, reportText } from "#core/speaker-report/report";
import { CONFIGURATION_STATES, NODES } from "#runtime/cluster/resources";
import { createWritersBed, NAMESPACE } from "./test-bed.ts";

const KEY = `${NAMESPACE}/speaker-node-a`;
const link = (name: string, address: string): ReportedLink => ({
  name,
  mac: parseMac("02:00:00:00:00:0a") ?? assert.fail(),
  addresses: [parseInterfaceAddress(address) ?? assert.fail()],
});

const started = async () => {
  const bed = createWritersBed();
  bed.node("node-a");
  const speaker = bed.start("node-a");
  await bed.rest();
  const report = () => readReport(bed.cluster.store.get(CONFIGURATION_STATES, KEY));
  return { bed, speaker, report };
};

describe("the report of a node's links", () => {
  it("is made with the labels by which it is found, and is written when links change, never else", async () => {
    const { bed, speaker, report } = await started();
    speaker.writers.links([link("eth0", "192.0.2.1/24")]);
    await bed.rest();
    assert.deepEqual(report()?.links, [link("eth0", "192.0.2.1/24")]);
    assert.deepEqual(fieldsOf(fieldsOf(bed.cluster.store.get(CONFIGURATION_STATES, KEY)?.metadata).labels), {
      "metallb.io/component-type": "speaker",
      "metallb.io/node-name": "node-a",
    });
    bed.writes();
    speaker.writers.links([link("eth0", "192.0.2.1/24")]);
    await bed.rest(seconds(3_600));
    assert.deepEqual(bed.writes(), []);
    speaker.writers.links([link("eth1", "192.0.2.1/24"), link("eth0", "192.0.2.1/24")]);
    await bed.rest();
    assert.deepEqual(bed.writes(), ["patch configurationstates"]);
    assert.equal(report()?.links.length, 2);
  });

  it("does not wait behind the statuses of a thousand Services that this node has just taken", async () => {
    const { bed, speaker, report } = await started();
    const taken = Array.from({ length: 1_000 }, (_, index) => `192.0.${2 + (index >> 8)}.${index & 255}`);
    for (const [index, ip] of taken.entries()) bed.service(`web-${index}`, { ips: [ip] });
    await bed.rest();
    speaker.holds(...taken);
    await bed.rest(seconds(1));
    speaker.writers.links([link("eth0", "192.0.2.1/24")]);
    await bed.rest(millis(100));
    assert.equal(report()?.links.length, 1);
    assert.ok(speaker.writers.waiting > 100, "which have not been written yet");
  });

  it("belongs to the Node, so that it goes with it, and to the one of that name that is there now", async () => {
    const { bed, speaker } = await started();
    const owners = () =>
      listOf(fieldsOf(bed.cluster.store.get(CONFIGURATION_STATES, KEY)?.metadata).ownerReferences);
    const uid = () => fieldsOf(bed.cluster.store.get(NODES, "node-a")?.metadata).uid;
    speaker.writers.links([link("eth0", "192.0.2.1/24")]);
    await bed.rest();
    const first = uid();
    assert.deepEqual(owners(), [{ apiVersion: "v1", kind: "Node", name: "node-a", uid: first }]);
    bed.cluster.remove(NODES, "node-a");
    await bed.rest();
    bed.node("node-a");
    bed.writes();
    await bed.rest(seconds(60));
    assert.notEqual(uid(), first);
    assert.deepEqual(owners(), [{ apiVersion: "v1", kind: "Node", name: "node-a", uid: uid() }]);
    assert.deepEqual(bed.writes(), ["patch configurationstates"]);
  });

  it("comes to belong to the Node where it was there before, and stays what else it belongs to", async () => {
    const { bed, speaker } = await started();
    const theirs = { apiVersion: "v1", kind: "Pod", name: "theirs", uid: "8e0d" };
    bed.cluster.put(CONFIGURATION_STATES, {
      metadata: {
        ...{ name: "speaker-node-a", namespace: NAMESPACE, ownerReferences: [theirs] },
        labels: { "metallb.io/component-type": "speaker", "metallb.io/node-name": "node-a" },
        annotations: { [LINKS_ANNOTATION]: reportText([link("eth0", "192.0.2.1/24")]) },
      },
    });
    await bed.rest();
    speaker.writers.links([link("eth0", "192.0.2.1/24")]);
    await bed.rest();
    const { ownerReferences } = fieldsOf(bed.cluster.store.get(CONFIGURATION_STATES, KEY)?.metadata);
    assert.deepEqual(
      listOf(ownerReferences).map((owner) => fieldsOf(owner).kind),
      ["Pod", "Node"],
    );
    bed.writes();
    await bed.rest(seconds(3_600));
    assert.deepEqual(bed.writes(), []);
  });

  it("leaves the status and annotations of others alone", async () => {
    const { bed, speaker } = await started();
    bed.cluster.put(CONFIGURATION_STATES, {
      metadata: { name: "speaker-node-a", namespace: NAMESPACE, annotations: { theirs: "x" } },
      status: { result: "Valid" },
    });
    speaker.writers.links([link("eth0", "192.0.2.1/24")]);
    await bed.rest();
    const object = bed.cluster.store.get(CONFIGURATION_STATES, KEY);
    assert.deepEqual(object?.status, { result: "Valid" });
    const { annotations } = fieldsOf(object?.metadata);
    assert.equal(fieldsOf(annotations).theirs, "x");
    assert.match(String(fieldsOf(annotations)[LINKS_ANNOTATION]), /eth0/);
  });

  it("is made again when somebody takes it away or writes nonsense into it", async () => {
    const { bed, speaker, report } = await started();
    speaker.writers.links([link("eth0", "192.0.2.1/24")]);
    await bed.rest();
    bed.cluster.remove(CONFIGURATION_STATES, KEY);
    await bed.rest(seconds(30));
    assert.equal(report()?.links.length, 1);
    bed.cluster.put(CONFIGURATION_STATES, {
      metadata: {
        ...{ name: "speaker-node-a", namespace: NAMESPACE, labels: { "metallb.io/node-name": "node-a" } },
        annotations: { [LINKS_ANNOTATION]: '[{"name":"evil0","mac":"02:00:00:00:00:ff","addresses":[]}]' },
      },
    });
    await bed.rest(seconds(30));
    assert.deepEqual(report()?.links, [link("eth0", "192.0.2.1/24")]);
  });

  it("is true again at once after each of thirty pulled cables within three minutes", async () => {
    const { bed, speaker, report } = await started();
    for (let pull = 0; pull < 30; pull += 1) {
      speaker.writers.links([]);
      await bed.rest(seconds(3));
      assert.deepEqual(report()?.links, []);
      speaker.writers.links([link("eth0", "192.0.2.1/24")]);
      await bed.rest(seconds(3));
      assert.equal(report()?.links.length, 1, `after pull ${pull + 1}`);
    }
  });

  it("is written seldom while a link comes and goes without end, and ends up true", async () => {
    const { bed, speaker, report } = await started();
    for (let turn = 0; turn < 300; turn += 1) {
      speaker.writers.links(turn % 2 === 0 ? [] : [link("eth0", "192.0.2.1/24")]);
      await bed.rest(seconds(1));
    }
    const writes = bed.writes().length;
    assert.ok(writes < 90, `${writes}`);
    await bed.rest(seconds(300));
    assert.equal(report()?.links.length, 1);
  });
});
