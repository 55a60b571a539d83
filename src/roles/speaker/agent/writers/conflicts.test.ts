import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressFromBytes, type IpAddress } from "#base/address";
import { type MacAddress, parseMac } from "#base/mac";
import { seconds } from "#base/time";
import { fieldsOf } from "#core/kubernetes/read";
import { readConfiguration } from "#core/metallb/read";
import { CONFIGURATION_KINDS } from "#runtime/cluster/resources";
import { conflictName, conflictObject, readOwnConflict } from "./conflict-object.ts";
import type { Duplicate } from "./conflicts.ts";
import { createWritersBed, NAMESPACE, V4 } from "./test-bed.ts";

const MAC: MacAddress = parseMac("02:00:00:00:00:63") ?? assert.fail();
const CONFLICTS = CONFIGURATION_KINDS.get("AddressConflict") ?? assert.fail();

const started = async () => {
  const bed = createWritersBed();
  bed.node("node-a");
  bed.service();
  const speaker = bed.start("node-a");
  speaker.holds();
  speaker.writers.duplicates(new Map());
  await bed.rest();
  return {
    ...{ bed, speaker },
    reports: () => bed.cluster.store.list(CONFLICTS).map(({ spec }) => fieldsOf(spec)),
    hear: (stage: Duplicate["stage"], mac = MAC) =>
      speaker.writers.duplicates(new Map([[V4, { mac, stage }]])),
    silence: () => speaker.writers.duplicates(new Map()),
  };
};

describe("a machine that is none of ours and has an address before us", () => {
  it("is reported, so that the controller gives another address, on the Service and in an Event", async () => {
    const { bed, reports, hear } = await started();
    hear("unused");
    await bed.rest(seconds(2));
    assert.deepEqual(reports(), [{ address: V4, mac: MAC, reportedBy: "node-a" }]);
    const condition = bed.condition("Announced");
    assert.deepEqual([condition?.status, condition?.reason], ["False", "DuplicateAddress"]);
    assert.match(String(condition?.message), /02:00:00:00:00:63/);
    assert.match(
      bed.events().join(),
      /DuplicateAddress: 02:00:00:00:00:63, which is no node of this cluster, has/,
    );
  });

  it("is what the controller reads: a conflict of that address", async () => {
    const { bed, hear } = await started();
    hear("unused");
    await bed.rest();
    const objects = bed.cluster.store.list(CONFLICTS).map((object) => ({
      ...object,
      apiVersion: "steelyard.dev/v1alpha1",
      kind: "AddressConflict",
    }));
    const read = readConfiguration({ objects, namespaces: new Map() });
    assert.ok(read.ok);
    assert.deepEqual(read.configuration.conflicts, [{ address: V4, mac: MAC, reportedBy: "node-a" }]);
  });

  it("is told of once while it comes and goes, and its report stays for ten minutes after it was heard last", async () => {
    const { bed, reports, hear, silence } = await started();
    for (let turn = 0; turn < 20; turn += 1) {
      hear("unused");
      await bed.rest(seconds(5));
      silence();
      await bed.rest(seconds(5));
    }
    assert.equal(bed.writes().filter((write) => write.endsWith("addressconflicts")).length < 10, true);
    assert.equal(bed.events().filter((text) => text.startsWith("DuplicateAddress")).length, 1);
    await bed.rest(seconds(580));
    assert.equal(reports().length, 1);
    await bed.rest(seconds(30));
    assert.equal(reports().length, 0);
    await bed.rest(seconds(120));
    assert.equal(bed.condition("Announced")?.reason, "NotHeld");
  });

  it("is reported no longer when this node holds the address after all", async () => {
    const { bed, speaker, reports, hear, silence } = await started();
    hear("unused");
    await bed.rest();
    silence();
    speaker.holds(V4);
    await bed.rest();
    assert.equal(reports().length, 0);
    assert.deepEqual(
      [bed.condition("Announced")?.status, bed.condition("Announced")?.reason],
      ["True", "Announced"],
    );
  });

  it("is forgotten by an agent that is started again ten minutes later, and at once by nobody", async () => {
    const { bed, speaker, reports, hear } = await started();
    hear("unused");
    await bed.rest();
    speaker.kill();
    bed.cluster.put(CONFLICTS, {
      metadata: { name: "printer", namespace: NAMESPACE },
      spec: { address: "192.0.2.77", reportedBy: "node-a" },
    });
    const second = bed.start("node-a");
    second.holds();
    await bed.rest(seconds(590));
    assert.equal(reports().length, 2);
    await bed.rest(seconds(20));
    assert.deepEqual(
      reports().map(({ address }) => address),
      ["192.0.2.77"],
      "what people have reported stays",
    );
  });

  it("does not use up a pool: it makes few reports, however many addresses it answers for", async () => {
    const { bed, speaker, reports } = await started();
    for (let index = 0; index < 250; index += 1) bed.service(`web-${index}`, { ips: [`192.0.2.${index}`] });
    await bed.rest();
    const all = new Map(
      Array.from({ length: 250 }, (_, index) => [
        `192.0.2.${index}` as IpAddress,
        { mac: MAC, stage: "unused" as const },
      ]),
    );
    speaker.writers.duplicates(all);
    await bed.rest(seconds(60));
    assert.ok(reports().length <= 10, `${reports().length}`);
    await bed.rest(seconds(24 * 3_600));
    assert.ok(reports().length <= 64, `${reports().length}`);
  });

  it("is quiet once the address is nobody's any more, whatever is still remembered of it", async () => {
    const { bed, reports, hear } = await started();
    hear("unused");
    await bed.rest();
    // The controller has given another address; nobody asks for this one any more, so nothing more is heard.
    bed.service("web", { ips: ["192.0.2.11"] });
    await bed.rest(seconds(5));
    for (let minute = 0; minute < 9; minute += 1) {
      hear("unused");
      await bed.rest(seconds(60));
    }
    assert.equal(reports().length, 1);
    await bed.rest(seconds(90));
    hear("unused");
    await bed.rest(seconds(1_200));
    assert.equal(reports().length, 0);
    assert.equal(bed.events().filter((text) => text.startsWith("DuplicateAddress")).length, 1);
  });

  it("is reported when the API server is back", async () => {
    const { bed, reports, hear } = await started();
    bed.cluster.disturb(() => ({ reason: "unreachable", status: 0, message: "away", retryAfter: undefined }));
    hear("unused");
    await bed.rest(seconds(120));
    bed.cluster.disturb(undefined);
    await bed.rest(seconds(60));
    assert.equal(reports().length, 1);
  });
});

describe("a machine that is none of ours and answers for an address that is held", () => {
  it("is told of on the Service and in an Event, and the address stays", async () => {
    const { bed, speaker, reports, hear, silence } = await started();
    speaker.holds(V4);
    await bed.rest();
    hear("held");
    await bed.rest();
    assert.deepEqual(reports(), []);
    const condition = bed.condition("Announced");
    assert.deepEqual([condition?.status, condition?.reason], ["True", "DuplicateAddress"]);
    assert.match(bed.events().join(), /answers for 192\.0\.2\.10 as well, which node node-a holds/);
    silence();
    await bed.rest(seconds(70));
    assert.equal(bed.condition("Announced")?.reason, "Announced");
  });

  it("is told of in an Event without a word of a holder where the address was in use and nobody takes it", async () => {
    const { bed, reports, hear } = await started();
    hear("used");
    await bed.rest();
    assert.deepEqual(reports(), []);
    assert.match(
      bed.events().join(),
      /answers for 192\.0\.2\.10, which was in use, so node node-a does not take it/,
    );
  });
});

describe("the object of a conflict", () => {
  it("has a name that the API server takes, and is known again", () => {
    const address = fc
      .constantFrom(4, 16)
      .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }))
      .map(addressFromBytes);
    const node = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
    fc.assert(
      fc.property(address, node, (ip, name) => {
        assert.match(
          conflictName(name, ip),
          /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
        );
        assert.ok(conflictName(name, ip).length <= 253);
        const object = conflictObject({
          node: name,
          namespace: "lb",
          address: ip,
          mac: MAC,
          owner: undefined,
        });
        assert.equal(readOwnConflict(name, object)?.address, ip);
        assert.equal(readOwnConflict(`${name}x`, object), undefined);
      }),
    );
  });

  it("is read without trust", () => {
    fc.assert(
      fc.property(fc.anything(), (object) => {
        assert.equal(readOwnConflict("node-a", object), undefined);
      }),
    );
  });
});
