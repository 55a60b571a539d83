/** Speakers among others on the LAN: machines with an address of ours, switches that forget or keep things back, and strangers. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { KubeObject } from "../api.ts";
import { NAMESPACE, pool } from "../controller.ts";
import { eventually } from "../eventually.ts";
import type { LabCluster } from "./bed.ts";
import { startLabController } from "./controller.ts";
import { claimAtGateway, conflictsOf, FOREIGN_MAC, releaseAtGateway } from "./foreign.ts";
import { outagesDuring } from "./outage.ts";
import { advertisement, type SpeakerBed, sharedSpeakerBed } from "./speaker-bed.ts";
import { announcedBy, conditioned } from "./speaker-status.ts";
import { forwardingTable, passAnnouncements, setAgeing, suppressAnnouncements } from "./switch.ts";

// The shortest that there is.
const inBed = sharedSpeakerBed({ nodes: 4, args: ["--refresh=10s"] });

const eventsOf = async ({ plane }: LabCluster, service: string): Promise<readonly KubeObject[]> => {
  const { items } = await plane.admin.get<{
    items: readonly (KubeObject & { involvedObject: { name: string } })[];
  }>("/api/v1/namespaces/default/events");
  return items.filter(({ involvedObject }) => involvedObject.name === service);
};

describe("a machine that is no node and has an address of ours", () => {
  it(
    "is named in a condition and an event, and makes nobody give up",
    inBed(async (bed) => {
      const { cluster, witness } = bed;
      const { name, at, delete: remove } = await bed.service({ order: ["n1", "n2"] });
      await witness.held("n1", at);
      await claimAtGateway(cluster, at[0]);
      const twice = { service: name, type: "Reachable", status: "False", reason: "AnsweredTwice" } as const;
      const { message } = await conditioned(cluster, twice);
      assert.match(message, new RegExp(FOREIGN_MAC));
      assert.deepEqual(await witness.answering(at[0]), ["gw", "n1"]);
      await eventually("an event", 10_000, async () => {
        const events = await eventsOf(cluster, name);
        return events.some((event) => String(event.message).includes(FOREIGN_MAC)) ? true : undefined;
      });
      await releaseAtGateway(cluster, at[0]);
      await conditioned(cluster, { service: name, type: "Reachable", status: "True" });
      await witness.agreesOn("n1", at);
      await remove();
    }),
  );

  it(
    "keeps an address that was not in use, and the Service is given another",
    inBed(async (bed) => {
      const { cluster, witness } = bed;
      await cluster.plane.apply(pool("small", ["10.2.0.230-10.2.0.231"], { autoAssign: false }));
      await cluster.plane.apply(advertisement("small", { ipAddressPools: ["small"] }));
      await claimAtGateway(cluster, "10.2.0.230");
      const account = { namespace: NAMESPACE, name: "steelyard-controller" };
      const access = await cluster.plane.access({ type: "service-account", ...account }, []);
      access.api.close();
      const controller = await startLabController(cluster, { kubeconfig: access.kubeconfig });
      const began = Date.now();
      const service = await cluster.service({
        ...{ name: "late", app: "web", annotations: { "metallb.io/address-pool": "small" } },
      });
      await eventually("another address", 20_000, async () =>
        (await service.addresses()).join() === "10.2.0.231" ? true : undefined,
      );
      assert.deepEqual(await conflictsOf(cluster, "10.2.0.230"), [FOREIGN_MAC]);
      for (const { name } of cluster.nodes)
        assert.deepEqual(witness.said(name, "10.2.0.230", began), [], `${name} has taken it`);
      await eventually("an answer for the other one", 10_000, async () =>
        (await witness.answering("10.2.0.231")).length === 1 ? true : undefined,
      );
      await controller.stop();
      await releaseAtGateway(cluster, "10.2.0.230");
      await service.delete();
    }),
  );
});

describe("a switch", () => {
  it(
    "that forgets soon knows all the time where a holder is, and neighbours are told again before they forget",
    inBed(async (bed) => {
      const { cluster, witness } = bed;
      const { at, delete: remove } = await bed.service({ order: ["n2", "n3"] });
      await witness.held("n2", at);
      await setAgeing(cluster.lab, 1);
      const { mac } = cluster.node("n2");
      // After its second burst, 5 s after the takeover, it says only what refreshes.
      await pause(6_000);
      const began = Date.now();
      await eventually("both addresses said again", 15_000, async () => {
        assert.equal((await forwardingTable(cluster.lab)).get(mac), "n2");
        return at.every((address) => witness.said("n2", address, began).length > 0) ? true : undefined;
      });
      await setAgeing(cluster.lab, 300);
      await remove();
    }),
  );

  it(
    "that passes no announcements on costs a planned move nothing, and a dead node what neighbours need to ask again",
    inBed(async (bed) => {
      const { cluster, speakers, witness } = bed;
      const { name, at, delete: remove } = await bed.service({ order: ["n3", "n1", "n2"] });
      await witness.held("n3", at);
      await suppressAnnouncements(cluster.lab);
      await hurry(cluster);
      const outages = await outagesDuring(cluster.client, at, async () => {
        await speakers.on("n3").retire();
        await announcedBy(cluster, { service: name, nodes: ["n1"] });
      });
      assert.deepEqual(
        outages.map(({ lost }) => lost),
        [0, 0],
      );
      await witness.agreesOn("n1", at);
      await cluster.node("n1").kill();
      await outagesDuring(cluster.client, at, () => witness.believes("n2", at, 20_000));
      await witness.agreesOn("n2", at);
      assert((await passAnnouncements(cluster.lab)) > 0, "nothing was kept back");
      await cluster.node("n1").restart();
      await Promise.all(["n1", "n3"].map((node) => speakers.on(node).start()));
      await remove();
    }),
  );
});

/** Makes the client doubt what it knows after half a second instead of half a minute. */
const hurry = async ({ client }: LabCluster): Promise<void> => {
  for (const family of ["ipv4", "ipv6"])
    for (const setting of ["base_reachable_time_ms=500", "delay_first_probe_time=1", "retrans_time_ms=200"])
      await client.expect(["sysctl", "-qw", `net.${family}.neigh.eth0.${setting}`]);
};

/** A BFD packet without authentication that says AdminDown to whoever believes it, sent from an address of another node. */
const FORGER = (source: string, target: string): string => `
const socket = require("node:dgram").createSocket("udp4");
const packet = Buffer.alloc(24);
packet.set([0x20, 0x00, 5, 24, 0, 0, 0, 7]);
socket.bind({ address: "${source}", port: 49999 }, () => {
  socket.setTTL(255);
  let left = 200;
  const timer = setInterval(() => {
    packet.writeUInt32BE(left % 2, 8);
    socket.send(packet, 3784, "${target}");
    left -= 1;
    if (left === 0) { clearInterval(timer); socket.close(); }
  }, 5);
});`;

/** What the others say of a node. */
const standingsOf = async ({ speakers }: SpeakerBed, node: string): Promise<readonly string[]> =>
  await Promise.all(
    speakers.all
      .filter((speaker) => speaker.node !== node)
      .map(async ({ status }) => {
        const { members } = await status();
        return members.find((member) => member.node === node)?.standing ?? "unknown";
      }),
  );

describe("a stranger on the LAN", () => {
  it(
    "without the secret kills no session by saying that a node leaves",
    inBed(async (bed) => {
      const { cluster, speakers, witness } = bed;
      await speakers.acquainted();
      const { at, delete: remove } = await bed.service({ order: ["n2", "n1"] });
      await witness.held("n2", at);
      const { client } = cluster;
      await client.expect(["sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1"]);
      await client.expect(["ip", "address", "add", "10.2.0.22/32", "dev", "lo"]);
      const began = Date.now();
      await client.expect([process.execPath, "-e", FORGER("10.2.0.22", "10.2.0.21")]);
      await client.expect(["ip", "address", "del", "10.2.0.22/32", "dev", "lo"]);
      await pause(500);
      for (const address of at) assert.deepEqual(witness.said("n1", address, began), []);
      await witness.agreesOn("n2", at);
      await remove();
    }),
  );

  it(
    "with another secret is heard by nobody, and each address is still at exactly one node",
    inBed(async (bed) => {
      const { cluster, speakers, witness } = bed;
      await speakers.acquainted();
      const { at, delete: remove } = await bed.service({ order: ["n1", "n2"] });
      await witness.held("n1", at);
      const other = join(cluster.plane.folder, "other-secret");
      writeFileSync(other, "somebody else's, and long enough\n", { mode: 0o600 });
      await speakers.on("n3").retire();
      const stranger = speakers.open("n3", [`--secret-file=${other}`]);
      await stranger.start();
      await eventually("everybody to take n3 for dead", 20_000, async () => {
        const standings = await standingsOf(bed, "n3");
        return standings.every((standing) => standing === "dead") ? true : undefined;
      });
      await speakers.acquainted(["n1", "n2", "n4"]);
      assert.deepEqual(await standingsOf(bed, "n3"), ["dead", "dead", "dead"]);
      await witness.agreesOn("n1", at);
      const theirs = await bed.service({ order: ["n3", "n1"] });
      await eventually("one answer", 15_000, async () =>
        (await witness.answering(theirs.at[0])).length === 1 ? true : undefined,
      );
      await pause(2_000);
      assert.equal((await witness.answering(theirs.at[0])).length, 1);
      await theirs.delete();
      await remove();
    }),
  );
});
