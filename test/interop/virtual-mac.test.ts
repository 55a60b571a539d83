import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Bed, inBed } from "./bed.ts";
import { startKeepalived } from "./keepalived.ts";
import { startEdge } from "./steelyard.ts";
import { activeDownMs, VARIANTS, VRID, virtualAddresses } from "./variant.ts";

const HIGH = 150;
const LOW = 100;
/** What a busy machine of two cores may add to any deadline, in milliseconds. */
const SLACK = 1_000;

/** keepalived leaves these to its operator: without them its own interface answers for the addresses, too. */
const keepApart = async ({ lab }: Bed): Promise<void> => {
  for (const setting of ["arp_ignore=1", "arp_announce=2"]) {
    await lab.host("e2").expect(["sysctl", "-qw", `net.ipv4.conf.all.${setting}`]);
  }
};

/** Where the client finds an address now. */
const macOf = async ({ lab }: Bed, address: string): Promise<string | undefined> => {
  const cl = lab.host("cl");
  await cl.expect(["ip", "neigh", "flush", "dev", "eth0"]);
  await cl.run(["bash", "-c", `echo > /dev/udp/${address}/9`]);
  const limit = performance.now() + 2_000;
  for (;;) {
    const mac = / lladdr (\S+)/.exec(await cl.expect(["ip", "neigh", "show", address]))?.[1];
    if (mac !== undefined || performance.now() > limit) return mac;
  }
};

for (const variant of VARIANTS.filter(
  ({ version, transport }) => version === 3 && transport === "multicast",
)) {
  const addresses = virtualAddresses(variant);
  const asked = variant.family === "IPv4" ? "10.2.0.100" : "fd02::100";
  const mac = `00:00:5e:00:0${variant.family === "IPv4" ? 1 : 2}:${VRID.toString(16)}`;
  const edge = { more: ["virtualMac: true"] };
  const peer = { more: [`use_vmac vrrp.${VRID}`] };

  describe(`with keepalived, ${variant.name}, both with a virtual MAC address`, () => {
    it("backs keepalived up, under the same MAC address, and gives back", async (context) => {
      await inBed(context, async (bed) => {
        await keepApart(bed);
        const first = await startKeepalived(bed, variant, { priority: HIGH, ...peer });
        await bed.settle("them", addresses, activeDownMs(variant, HIGH) + SLACK);
        await startEdge(bed, variant, { priority: LOW, ...edge });
        await bed.stays("them", addresses, 1_000);
        assert.equal(await macOf(bed, asked), mac);
        await first.stop();
        await bed.settle("us", addresses, activeDownMs(variant, LOW) + SLACK);
        assert.equal(await macOf(bed, asked), mac);
        await startKeepalived(bed, variant, { priority: HIGH, ...peer });
        await bed.settle("them", addresses, activeDownMs(variant, HIGH) + SLACK);
        assert.equal(await macOf(bed, asked), mac);
      });
    });

    it("is backed up by keepalived, under the same MAC address, and preempts it", async (context) => {
      await inBed(context, async (bed) => {
        await keepApart(bed);
        const first = await startEdge(bed, variant, { priority: HIGH, ...edge });
        await bed.settle("us", addresses, activeDownMs(variant, HIGH) + SLACK);
        await startKeepalived(bed, variant, { priority: LOW, ...peer });
        await bed.stays("us", addresses, 1_000);
        assert.equal(await macOf(bed, asked), mac);
        await first.stop();
        await bed.settle("them", addresses, activeDownMs(variant, LOW) + SLACK);
        assert.equal(await macOf(bed, asked), mac);
        await startEdge(bed, variant, { priority: HIGH, ...edge });
        await bed.settle("us", addresses, activeDownMs(variant, HIGH) + SLACK);
        assert.equal(await macOf(bed, asked), mac);
      });
    });
  });
}
