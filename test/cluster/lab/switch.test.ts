/** What tests of a speaker look at on the LAN: the client's table, the switch's table, the frames. No Kubernetes in it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Lab, openLab } from "#lab/index";
import { reaches } from "#test/kernel/lab-bed";
import { eventually } from "../eventually.ts";
import { startCapture } from "./capture.ts";
import { forgetNeighbour, macAt, neighboursOf, pinNeighbour, watchNeighbours } from "./neighbours.ts";
import { planCluster } from "./plan.ts";
import {
  flushForwarding,
  forwardingTable,
  passAnnouncements,
  setAgeing,
  suppressAnnouncements,
} from "./switch.ts";

const plan = planCluster({ nodes: 2, pods: 1 });
const [N1, N2] = plan.nodes.map(({ mac }) => mac);
assert(N1 !== undefined && N2 !== undefined);
const SERVICE = { v4: "10.2.0.100", v6: "fd02::100" };

describe("the LAN of a cluster in the lab", () => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-lan-"));
  let lab: Lab;
  before(async () => {
    lab = await openLab(plan.topology);
  });
  after(async () => {
    await lab.close();
    rmSync(folder, { recursive: true });
  });
  afterEach(async () => {
    for (const node of ["n1", "n2"]) await take(node);
    for (const each of Object.values(SERVICE)) await forgetNeighbour(lab.host("cl"), each);
  });

  /** The kernel of a node answers for the Service's addresses. */
  const give = async (node: string): Promise<void> => {
    const host = lab.host(node);
    await host.expect(["ip", "address", "add", `${SERVICE.v4}/32`, "dev", "eth0"]);
    await host.expect(["ip", "address", "add", `${SERVICE.v6}/128`, "dev", "eth0", "nodad"]);
  };
  /** It announces all of its addresses, as kernels do whose MAC was set. */
  const announce = async (node: string, mac: string): Promise<void> => {
    const host = lab.host(node);
    await host.expect([
      "sysctl",
      "-qw",
      "net.ipv4.conf.eth0.arp_notify=1",
      "net.ipv6.conf.eth0.ndisc_notify=1",
    ]);
    await host.expect(["ip", "link", "set", "eth0", "address", mac]);
  };
  const take = async (node: string): Promise<void> => {
    for (const each of Object.values(SERVICE)) {
      const { code, stderr } = await lab.host(node).run(["ip", "address", "del", each, "dev", "eth0"]);
      assert(code === 0 || /not assign|not found/i.test(stderr), stderr);
    }
  };
  const resolves = async (address: string, mac: string): Promise<void> => {
    assert(await reaches(lab, "cl", address));
    assert.equal(await macAt(lab.host("cl"), address), mac);
  };

  it("shows whom the client sends to", async () => {
    const client = lab.host("cl");
    await give("n1");
    for (const each of Object.values(SERVICE)) await resolves(each, N1);
    await pinNeighbour(client, { address: SERVICE.v4, mac: N2 });
    assert.equal(await macAt(client, SERVICE.v4), N2);
    const [pinned] = (await neighboursOf(client)).filter(({ address }) => address === SERVICE.v4);
    assert.deepEqual(pinned?.states, ["PERMANENT"]);
    await forgetNeighbour(client, SERVICE.v4);
    assert.equal(await macAt(client, SERVICE.v4), undefined);
    await resolves(SERVICE.v4, N1);
  });

  it("records when the client changed its mind", async () => {
    const client = lab.host("cl");
    const watch = await watchNeighbours(client);
    const began = Date.now();
    await give("n1");
    for (const each of Object.values(SERVICE)) await resolves(each, N1);
    await take("n1");
    await give("n2");
    await announce("n2", N2);
    for (const each of Object.values(SERVICE)) {
      await eventually(`${each} at n2`, 3_000, () => watch.beliefs(each).find(({ mac }) => mac === N2));
      await forgetNeighbour(client, each);
      await eventually(`${each} forgotten`, 3_000, () =>
        watch.beliefs(each).at(-1)?.mac === undefined ? true : undefined,
      );
      const beliefs = watch.beliefs(each).filter(({ mac }) => mac !== undefined);
      assert.deepEqual(
        beliefs.map(({ mac }) => mac),
        [N1, N2],
      );
      assert(beliefs.every(({ at }) => at >= began - 1 && at <= Date.now() + 1));
    }
    await watch.close();
  });

  it("shows behind which port the switch has heard a MAC, until that is older than its ageing", async () => {
    await flushForwarding(lab);
    assert(await reaches(lab, "n1", "10.2.0.2"));
    assert.equal((await forwardingTable(lab)).get(N1), "n1");
    await setAgeing(lab, 1);
    await eventually("an empty table", 15_000, async () => {
      const table = await forwardingTable(lab);
      return table.has(N1) ? undefined : true;
    });
    await setAgeing(lab, 300);
  });

  it("captures questions and answers as our codecs read them", async () => {
    const client = lab.host("cl");
    await give("n1");
    const capture = await startCapture(client, { folder });
    for (const each of Object.values(SERVICE)) await resolves(each, N1);
    const frames = await capture.finish();
    const answers = frames.filter(({ source }) => source === N1);
    const arp = answers.find(({ message }) => message.protocol === "arp" && message.operation === "reply");
    assert(arp?.message.protocol === "arp");
    assert.deepEqual([arp.message.senderAddress, arp.message.senderMac], [SERVICE.v4, N1]);
    const ndp = answers.find(({ message }) => message.protocol === "ndp" && message.type === "advertisement");
    assert(ndp?.message.protocol === "ndp" && ndp.message.type === "advertisement");
    assert.deepEqual([ndp.message.target, ndp.message.mac, ndp.message.solicited], [SERVICE.v6, N1, true]);
    assert(Math.abs(arp.at / 1_000 - Date.now()) < 60_000, "the time of day");
    assert(!frames.some(({ message }) => message.protocol === "refused"));
  });

  it("passes announcements on to the client and the switch's table, and to the latter alone when it suppresses them", async () => {
    const client = lab.host("cl");
    await give("n1");
    for (const each of Object.values(SERVICE)) await resolves(each, N1);
    await take("n1");
    await suppressAnnouncements(lab);
    await flushForwarding(lab);
    const capture = await startCapture(client, { folder });
    await give("n2");
    await announce("n2", N2);
    await eventually("n2 in the switch's table", 3_000, async () => (await forwardingTable(lab)).get(N2));
    await pause(300);
    assert.deepEqual(
      [await macAt(client, SERVICE.v4), await macAt(client, SERVICE.v6)],
      [N1, N1],
      "the client was told",
    );
    assert.deepEqual(await capture.finish(), []);
    assert((await passAnnouncements(lab)) >= 2, "frames were suppressed");
    const open = await startCapture(client, { folder });
    await announce("n2", N2);
    for (const each of Object.values(SERVICE))
      await eventually(`${each} at n2`, 3_000, async () =>
        (await macAt(client, each)) === N2 ? true : undefined,
      );
    assert((await open.finish()).every(({ source }) => source === N2));
  });
});
