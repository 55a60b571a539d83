import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Bed, inBed } from "./bed.ts";
import type { Advertisement } from "./capture.ts";
import { startKeepalived } from "./keepalived.ts";
import { startEdge, statusOf } from "./steelyard.ts";
import { activeDownMs, edgeAddress, VARIANTS, type Variant, VRID, virtualAddresses } from "./variant.ts";

const HIGH = 150;
const LOW = 100;
/** What a busy machine of two cores may add to any deadline, in milliseconds. */
const SLACK = 1_000;

/** Whether an advertisement was sent by e1 or e2, whatever address it used. */
const sentBy = (edge: "e1" | "e2", variant: Variant, { source }: Advertisement): boolean =>
  variant.transport === "multicast" && variant.family === "IPv6"
    ? source === (edge === "e1" ? "fe80::ff:fe00:20b" : "fe80::ff:fe00:20c")
    : source === edgeAddress(variant, edge);

/** Milliseconds from the priority 0 of one edge to the next advertisement of the other. */
const handover = async (
  bed: Bed,
  variant: Variant,
  { from, to }: { from: "e1" | "e2"; to: "e1" | "e2" },
): Promise<number> => {
  const seen = await bed.advertisements();
  const left = seen.findLast((each) => each.priority === 0 && sentBy(from, variant, each));
  assert.ok(left !== undefined, `no priority 0 from ${from}`);
  const next = seen.find((each) => each.at > left.at && each.priority > 0 && sentBy(to, variant, each));
  assert.ok(next !== undefined, `nothing from ${to} after priority 0`);
  return next.at - left.at;
};

/**
 * Everything on the wire that both standards ask of every advertisement. One exception is keepalived's: it sends IPv6
 * unicast with the system's hop limit instead of 255.
 */
const checkWire = async (bed: Bed, variant: Variant): Promise<void> => {
  const lax = variant.family === "IPv6" && variant.transport === "unicast";
  const seen = await bed.advertisements();
  assert.ok(seen.length > 0, "nothing was captured");
  for (const advertisement of seen) {
    const { version, vrid, interval, checksumRight, text } = advertisement;
    const hopLimit = lax && sentBy("e2", variant, advertisement) ? 64 : 255;
    assert.deepEqual(
      { version, vrid, hopLimit: advertisement.hopLimit, interval, checksumRight },
      { version: variant.version, vrid: VRID, hopLimit, interval: variant.intervalMs, checksumRight: true },
      text,
    );
  }
};

const noConflicts = async (bed: Bed): Promise<void> => {
  assert.deepEqual((await statusOf(bed))?.routers[0]?.conflicts, []);
};

const conflict = async (bed: Bed, pattern: RegExp): Promise<void> => {
  assert.match(String((await statusOf(bed))?.routers[0]?.conflicts), pattern);
};

const quiet = (variant: Variant): number => Math.max(1_500, 2 * variant.intervalMs);

for (const variant of VARIANTS) {
  const addresses = virtualAddresses(variant);

  describe(`with keepalived, ${variant.name}`, () => {
    it("backs keepalived up: silence, its return, its clean stop", async (context) => {
      await inBed(context, async (bed) => {
        const first = await startKeepalived(bed, variant, { priority: HIGH });
        await bed.settle("them", addresses, activeDownMs(variant, HIGH) + SLACK);
        await startEdge(bed, variant, { priority: LOW });
        await bed.stays("them", addresses, quiet(variant));
        await noConflicts(bed);

        await bed.lab.fault("silence e2");
        // Cut off from us, keepalived keeps its addresses: both hold them until the cable is back.
        await bed.settleHeld("us", addresses, activeDownMs(variant, LOW) + SLACK);
        await bed.lab.fault("restore e2");
        await bed.settle("them", addresses, 2 * variant.intervalMs + SLACK);
        await bed.stays("them", addresses, quiet(variant));

        await first.stop();
        await bed.settle("us", addresses, activeDownMs(variant, LOW) + SLACK);
        const took = await handover(bed, variant, { from: "e2", to: "e1" });
        assert.ok(took < 2 * variant.intervalMs, `priority 0 was not acted upon at once: ${took} ms`);
        await noConflicts(bed);
        await checkWire(bed, variant);
      });
    });

    it("is backed up by keepalived: silence, our return, our clean stop, our preemption", async (context) => {
      await inBed(context, async (bed) => {
        const first = await startEdge(bed, variant, { priority: HIGH });
        await bed.settle("us", addresses, activeDownMs(variant, HIGH) + SLACK);
        await startKeepalived(bed, variant, { priority: LOW });
        await bed.stays("us", addresses, quiet(variant));
        await noConflicts(bed);

        await bed.lab.fault("silence e1");
        await bed.settleHeld("them", addresses, activeDownMs(variant, LOW) + SLACK);
        await bed.lab.fault("restore e1");
        await bed.settle("us", addresses, 2 * variant.intervalMs + SLACK);
        await bed.stays("us", addresses, quiet(variant));

        await first.stop();
        await bed.settle("them", addresses, activeDownMs(variant, LOW) + SLACK);
        const took = await handover(bed, variant, { from: "e1", to: "e2" });
        assert.ok(
          took < 2 * variant.intervalMs,
          `keepalived did not act upon our priority 0 at once: ${took} ms`,
        );

        await startEdge(bed, variant, { priority: HIGH });
        await bed.settle("us", addresses, activeDownMs(variant, HIGH) + SLACK);
        await bed.stays("us", addresses, quiet(variant));
        await checkWire(bed, variant);
      });
    });
  });
}

describe("with keepalived, preemption", () => {
  const [variant] = VARIANTS;
  assert.ok(variant !== undefined);
  const addresses = virtualAddresses(variant);

  it("leaves a worse active keepalived alone with preempt: false, and takes over when it is silent", async (context) => {
    await inBed(context, async (bed) => {
      await startKeepalived(bed, variant, { priority: LOW });
      await bed.settle("them", addresses, activeDownMs(variant, LOW) + SLACK);
      await startEdge(bed, variant, { priority: HIGH, more: ["preempt: false"] });
      await bed.stays("them", addresses, 2_000);
      await bed.lab.fault("silence e2");
      await bed.settleHeld("us", addresses, activeDownMs(variant, HIGH) + SLACK);
    });
  });

  it("is left alone by a better keepalived with nopreempt", async (context) => {
    await inBed(context, async (bed) => {
      await startEdge(bed, variant, { priority: LOW });
      await bed.settle("us", addresses, activeDownMs(variant, LOW) + SLACK);
      await startKeepalived(bed, variant, { priority: HIGH, more: ["nopreempt"] });
      await bed.stays("us", addresses, 2_000);
    });
  });

  it("waits preemptDelay before it takes over from a worse keepalived that is alive", async (context) => {
    await inBed(context, async (bed) => {
      await startKeepalived(bed, variant, { priority: LOW });
      await bed.settle("them", addresses, activeDownMs(variant, LOW) + SLACK);
      await startEdge(bed, variant, { priority: HIGH, more: ["preemptDelay: 3s"] });
      await bed.stays("them", addresses, 2_000);
      await bed.settle("us", addresses, 1_000 + activeDownMs(variant, HIGH) + SLACK);
    });
  });

  it("is taken over from by a better keepalived, which makes us withdraw", async (context) => {
    await inBed(context, async (bed) => {
      await startEdge(bed, variant, { priority: LOW });
      await bed.settle("us", addresses, activeDownMs(variant, LOW) + SLACK);
      await startKeepalived(bed, variant, { priority: HIGH });
      await bed.settle("them", addresses, activeDownMs(variant, HIGH) + SLACK);
      await bed.stays("them", addresses, 1_500);
    });
  });

  it("agrees with keepalived on who wins a tie: the greater address", async (context) => {
    await inBed(context, async (bed) => {
      await Promise.all([
        startEdge(bed, variant, { priority: LOW }),
        startKeepalived(bed, variant, { priority: LOW }),
      ]);
      await bed.settle("them", addresses, 2 * activeDownMs(variant, LOW) + SLACK);
      await bed.stays("them", addresses, 1_500);
    });
  });
});

describe("with keepalived, two virtual routers with mirrored priorities", () => {
  for (const variant of VARIANTS.filter(({ version, family }) => version === 3 && family === "IPv4")) {
    it(`share the addresses, and each side covers for the other, ${variant.transport}`, async (context) => {
      await inBed(context, async (bed) => {
        const [left, right] = virtualAddresses(variant);
        assert.ok(left !== undefined && right !== undefined);
        const routers = (mine: number, other: number) =>
          [
            { vrid: 51, priority: mine, addresses: [left] },
            { vrid: 52, priority: other, addresses: [right] },
          ] as const;
        const edge = await startEdge(bed, variant, ...routers(HIGH, LOW));
        await startKeepalived(bed, variant, ...routers(LOW, HIGH));
        const limit = 2 * activeDownMs(variant, LOW) + SLACK;
        await bed.settle("us", [left], limit);
        await bed.settle("them", [right], limit);

        await bed.lab.fault("silence e2");
        await bed.settleHeld("us", [left, right], activeDownMs(variant, LOW) + SLACK);
        await bed.lab.fault("restore e2");
        await bed.settle("them", [right], 2 * variant.intervalMs + SLACK);
        await bed.settle("us", [left], 2 * variant.intervalMs + SLACK);

        await edge.stop();
        await bed.settle("them", [left, right], activeDownMs(variant, LOW) + SLACK);
      });
    });
  }
});

describe("with keepalived, differences that are said and survived", () => {
  const [variant] = VARIANTS;
  assert.ok(variant !== undefined);
  const addresses = virtualAddresses(variant);

  it("backs up a faster keepalived by the active router's interval (RFC 9568 §6.1)", async (context) => {
    await inBed(context, async (bed) => {
      const ours: Variant = { ...variant, intervalMs: 2_000 };
      await startKeepalived(bed, variant, { priority: HIGH });
      await bed.settle("them", addresses, activeDownMs(variant, HIGH) + SLACK);
      await startEdge(bed, ours, { priority: LOW });
      await bed.stays("them", addresses, 1_000);
      await conflict(bed, /interval-mismatch/);
      await bed.lab.fault("silence e2");
      await bed.settleHeld("us", addresses, activeDownMs(variant, LOW) + SLACK);
    });
  });

  it("reports a keepalived that advertises other addresses, and still lets it be active", async (context) => {
    await inBed(context, async (bed) => {
      const [address = ""] = addresses;
      await startKeepalived(bed, variant, { priority: HIGH, addresses: [address] });
      await bed.settle("them", [address], activeDownMs(variant, HIGH) + SLACK);
      await startEdge(bed, variant, { priority: LOW });
      await bed.stays("them", [address], 1_000);
      await conflict(bed, /address-list-mismatch/);
    });
  });

  it("reports a keepalived with another password of version 2", async (context) => {
    await inBed(context, async (bed) => {
      const theirs = VARIANTS.find(({ password }) => password !== undefined);
      assert.ok(theirs !== undefined);
      await startEdge(bed, { ...theirs, password: "wrong" }, { priority: LOW });
      await startKeepalived(bed, theirs, { priority: HIGH });
      await bed.settleHeld("them", addresses, activeDownMs(theirs, HIGH) + SLACK);
      await pause(2 * theirs.intervalMs);
      await conflict(bed, /auth-mismatch/);
    });
  });
});

describe("with keepalived, the checksum of version 3 over IPv4", () => {
  const [variant] = VARIANTS;
  assert.ok(variant !== undefined);
  const addresses = virtualAddresses(variant);

  it("is not understood by keepalived when it covers the message alone (RFC 9568 §5.2.8)", async (context) => {
    await inBed(context, async (bed) => {
      await startEdge(bed, variant, { priority: HIGH, more: ["checksum: message"] });
      await bed.settle("us", addresses, activeDownMs(variant, HIGH) + SLACK);
      const peer = await startKeepalived(bed, variant, { priority: LOW });
      await peer.said(/Entering MASTER STATE/);
      const ours = (await bed.advertisements()).filter((each) => sentBy("e1", variant, each));
      assert.ok(ours.length > 0 && ours.every((each) => !each.checksumRight));
      await pause(2 * variant.intervalMs);
      await conflict(bed, /checksum-mismatch/);
    });
  });
});

describe("with keepalived, takeover as the network sees it", () => {
  for (const variant of VARIANTS.filter(
    ({ version, transport }) => version === 3 && transport === "multicast",
  )) {
    it(`moves the neighbour entries of others, ${variant.family}`, async (context) => {
      await inBed(context, async (bed) => {
        const [address = ""] = virtualAddresses(variant).slice(-1);
        const bare = address.replace(/\/.*$/, "");
        const neighbour = async (): Promise<string> => {
          const text = await bed.lab.host("cl").expect(["ip", "neigh", "show", "to", bare, "dev", "eth0"]);
          return /lladdr (\S+)/.exec(text)?.[1] ?? "none";
        };
        await startKeepalived(bed, variant, { priority: HIGH });
        await bed.settle("them", [address], activeDownMs(variant, HIGH) + SLACK);
        await startEdge(bed, variant, { priority: LOW });
        // Nobody listens there: being refused is enough to learn the neighbour.
        await bed.lab.host("cl").run(["bash", "-c", `exec 3<>/dev/tcp/${bare}/9`]);
        assert.equal(await neighbour(), "02:00:00:00:02:0c");
        await bed.lab.fault("silence e2");
        await bed.settleHeld("us", [address], activeDownMs(variant, LOW) + SLACK);
        await pause(200);
        assert.equal(await neighbour(), "02:00:00:00:02:0b");
      });
    });
  }
});
