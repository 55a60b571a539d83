import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Bed, type Edge, inBed, SMALL, until } from "./edge-bed.ts";
import { config, router, VIP } from "./edge-config.ts";

const E1 = "10.2.0.11";
const E2 = "10.2.0.12";

/** Resolves when the edge's status, its events and its metrics agree that a conflict goes on. */
const shows = async (edge: Edge, conflict: string, detail = ""): Promise<void> => {
  const shown = await edge.until(`shows ${conflict}`, ({ routers }) =>
    routers.some(({ conflicts }) => conflicts.some((text) => text.startsWith(conflict))),
  );
  assert.deepEqual(shown.routers[0]?.conflicts, [`${conflict}${detail === "" ? "" : `: ${detail}`}`]);
  const { severity, text } = await edge.event(({ event }) => event.type === "router-conflict");
  assert.equal(severity, "warning");
  assert.equal(text, `${conflict} begun${detail === "" ? "" : ` (${detail})`}`);
  assert.match((await edge.get("/metrics")).body, /^steelyard_router_conflicts\{router="front"\} 1$/m);
  assert.match((await edge.command("status")).stdout, new RegExp(`^! front: conflict: ${conflict}`, "m"));
};

const startTwo = async ({ e1, e2 }: Bed, first: string, second: string): Promise<void> => {
  await Promise.all([e1.start(config(first)), e2.start(config(second))]);
};

describe("what the other edge must not do is shown on both sides where both can see it", () => {
  it("being active with our priority while it cannot hear us; one holder remains when it can", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { lab, e1, e2, holdings } = bed;
      await e2.start(config(router({ priority: 100 })));
      await holdings.settle(VIP, ["e2"]);
      await e1.start(config(router({ priority: 100 })));
      await lab.fault("loss 100 e2 e1");
      await holdings.settle(VIP, ["e1", "e2"]);
      await shows(e2, `same-priority-active with ${E1}`);
      const healed = Date.now();
      await lab.fault("restore");
      // The greater address wins the tie (RFC 9568 §6.4.3).
      await holdings.settle(VIP, ["e2"], 2_000);
      assert.equal(holdings.vacancy(VIP, { from: healed }), 0);
    });
  });

  it("using a virtual router id that is not configured here", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      await startTwo(bed, router({ priority: 150 }), router({ vrid: 52, addresses: ["10.2.0.110/24"] }));
      await shows(bed.e1, `vrid-unexpected with ${E2}`, "virtual router id 52 is not configured here");
      await shows(bed.e2, `vrid-unexpected with ${E1}`, "virtual router id 51 is not configured here");
    });
  });

  it("advertising at another interval", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      await startTwo(
        bed,
        router({ priority: 150 }),
        router({ priority: 100, advertisementInterval: "300ms" }),
      );
      await bed.holdings.settle(VIP, ["e1"]);
      await shows(bed.e2, `interval-mismatch with ${E1}`);
    });
  });

  it("advertising another list of addresses", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const more = [`${VIP}/24`, "10.2.0.101/24"];
      await startTwo(bed, router({ priority: 150 }), router({ priority: 100, addresses: more }));
      await bed.holdings.settle(VIP, ["e1"]);
      await shows(bed.e2, `address-list-mismatch with ${E1}`);
    });
  });

  it("claiming to own the addresses as we do", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      await startTwo(bed, router({ priority: 255 }), router({ priority: 255 }));
      // The smaller address gives way, so it is the one that always hears the other.
      await shows(bed.e1, `owner-conflict with ${E2}`);
    });
  });

  it("speaking another version", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const interval = { advertisementInterval: "1s" };
      await startTwo(
        bed,
        router({ priority: 150, ...interval }),
        router({ priority: 100, version: 2, ...interval }),
      );
      await bed.e1.is("active");
      await shows(bed.e2, `version-mismatch with ${E1}`);
    });
  });
});

describe("a third host that claims the address", () => {
  const CLAIMS = {
    // It speaks from that address, so it asks for its neighbour in that name.
    IPv4: {
      address: VIP,
      addresses: [`${VIP}/24`],
      before: "ip route replace 10.2.0.2 dev eth0 src 10.2.0.100",
      again: "ip neigh flush dev eth0; timeout 0.3 bash -c 'exec 3<>/dev/tcp/10.2.0.2/9'; true",
    },
    // It says so when it has come by the address.
    IPv6: {
      address: "fd02::100",
      addresses: ["fe80::100/64", "fd02::100/64"],
      before: "cd /proc/sys/net/ipv6/conf/eth0; echo 1 >ndisc_notify; echo 1 >accept_dad",
      again: "ip addr del fd02::100 dev eth0; ip addr add fd02::100 dev eth0; sleep 0.1",
    },
  } as const;

  for (const [family, { address, addresses, before, again }] of Object.entries(CLAIMS)) {
    it(`again and again is told with its Ethernet address, ${family}`, async (context) => {
      await inBed(context, SMALL, async ({ lab, e1, e2, holdings }) => {
        await e1.start(config(router({ priority: 150, addresses })));
        await holdings.settle(address, ["e1"]);
        await lab.fault(`duplicate-address e2 ${address}`);
        await e2.host.expect(["sh", "-c", before]);
        const claim = async () => {
          await e2.host.expect(["sh", "-c", again]);
          return (await e1.events()).find(({ event }) => event.type === "duplicate-address");
        };
        const { text, severity } = await until("it is told", claim, { withinMs: 20_000 });
        assert.equal(severity, "error");
        assert.equal(text, `${address} is also claimed by 02:00:00:00:02:0c: two machines hold one address`);
        assert.equal((await e1.router()).state, "active");
      });
    });
  }
});
