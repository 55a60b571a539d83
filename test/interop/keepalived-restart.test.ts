/** A restart in place (SIGUSR2) with keepalived as the peer: it goes by the interval that it heard last (RFC 9568 §6.4.2). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inBed } from "./bed.ts";
import { startKeepalived } from "./keepalived.ts";
import { startEdge, statusOf } from "./steelyard.ts";
import { activeDownMs, VARIANTS, virtualAddresses } from "./variant.ts";

const HIGH = 150;
const LOW = 100;
const SLACK = 1_000;

describe("with keepalived as its backup, an edge of version 3", () => {
  const variant = VARIANTS.find(({ version, family }) => version === 3 && family === "IPv4");
  assert.ok(variant !== undefined);

  it("may be away for much longer than three of its intervals, and nothing moves", async (context) => {
    await inBed(context, async (bed) => {
      const addresses = virtualAddresses(variant);
      const first = await startEdge(bed, variant, { priority: HIGH });
      await bed.settle("us", addresses, activeDownMs(variant, HIGH) + SLACK);
      await startKeepalived(bed, variant, { priority: LOW });
      await bed.stays("us", addresses, activeDownMs(variant, LOW) + SLACK);
      await bed.lab.host("e1").expect(["kill", "-USR2", String(first.pid)]);
      assert.deepEqual(await first.exited, { code: 0, signal: null });
      assert.ok(4 * variant.intervalMs < 3_000, "longer than keepalived would wait otherwise");
      await bed.stays("us", addresses, 3_000);
      await startEdge(bed, variant, { priority: HIGH });
      assert.equal((await statusOf(bed))?.routers[0]?.reason, "resumed");
      await bed.stays("us", addresses, activeDownMs(variant, LOW) + SLACK);
    });
  });
});
