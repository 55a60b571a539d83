/** The responder on real sockets, asked by real kernels on a real switch. Needs root. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressAfter } from "#testing/responder";
import { address } from "#testing/values";
import { type Namespaces, openNamespaces, quiet, settle } from "./namespaces.ts";
import { NodeWire, neighbourOf, Tap, useAddress } from "./responder-bed.ts";

const VIP = address("192.0.2.100");
const VIP6 = address("2001:db8::100");
const MAC = { n: "02:00:00:00:00:0a", c: "02:00:00:00:00:0c", s: "02:00:00:00:00:0d" } as const;
const SECOND = "02:00:00:00:00:0b";
const BROADCAST = "ffffffffffff";
const bare = (mac: string): string => mac.replaceAll(":", "");

/** Frames by these beginnings: destination, source, type. */
const starting = (frames: readonly string[], start: string): readonly string[] =>
  frames.filter((frame) => frame.startsWith(start));

/** Whether a frame is an ARP reply, or a Neighbor Advertisement, for one of our addresses. */
const isAnswer = (frame: string): boolean =>
  /^.{24}0806.{12}0002.{12}c0000264/.test(frame) || /^.{24}86dd.{12}3aff.{64}88/.test(frame);

type Bed = {
  readonly net: Namespaces;
  /** Plugs an interface of a host into the switch. */
  readonly plug: (host: "n" | "c" | "s", device: string, mac: string) => void;
};

/** A node `n`, a client `c` and a stranger `s`, each with `eth0`, on the switch `w`. */
const inBed = async (test: (bed: Bed) => Promise<void>): Promise<void> => {
  const net = openNamespaces(["w", "n", "c", "s"]);
  try {
    net.ip("w", "link add br0 type bridge mcast_snooping 0", "link set br0 up");
    const plug: Bed["plug"] = (host, device, mac) => {
      const peer = `type veth peer name ${host}-${device} netns ${net.name("w")}`;
      net.ip(host, `link add ${device} address ${mac} ${peer}`, `link set ${device} up`);
      net.ip("w", `link set ${host}-${device} master br0`, `link set ${host}-${device} up`);
    };
    for (const [host, number] of [
      ["n", 10],
      ["c", 12],
      ["s", 13],
    ] as const) {
      plug(host, "eth0", MAC[host]);
      net.ip(
        host,
        `addr add 192.0.2.${number}/24 dev eth0`,
        `addr add 2001:db8::${number}/64 dev eth0 nodad`,
      );
    }
    await test({ net, plug });
  } finally {
    net.close();
  }
};

/** Runs a responder on the node until the test is over. */
const withNode = async (
  { net }: Bed,
  test: (node: NodeWire) => Promise<void>,
  config: ConstructorParameters<typeof NodeWire>[2] = {},
): Promise<void> => {
  const node = new NodeWire(net, "n", config);
  try {
    await test(node);
  } finally {
    node.close();
  }
};

const withTap = async (
  { net }: Bed,
  [host, device]: readonly [string, string],
  test: (tap: Tap) => Promise<void>,
): Promise<void> => {
  const tap = new Tap(net, host, device);
  try {
    await test(tap);
  } finally {
    tap.close();
  }
};

/** Lets the client forget an address and find it anew; gives the MAC address that it found. */
const resolve = async ({ net }: Bed, vip: typeof VIP): Promise<string | undefined> => {
  net.ip("c", `neigh flush to ${vip}`);
  useAddress(net, "c", vip);
  const found = (): string | undefined => /lladdr (\S+)/.exec(neighbourOf(net, "c", vip))?.[1];
  await settle(() => found() !== undefined);
  return found();
};

const evidenceOf = (node: NodeWire, vip: typeof VIP): readonly string[] =>
  node.told.flatMap((told) => (told.type === "heard" && told.address === vip ? [told.evidence] : []));

describe("a responder", () => {
  it("lets a client find addresses that are bound nowhere, over ARP and Neighbour Discovery", async () => {
    await inBed(async (bed) => {
      await withNode(bed, async (node) => {
        node.hold(VIP, VIP6);
        for (const vip of [VIP, VIP6]) {
          assert.equal(await resolve(bed, vip), MAC.n);
          assert.doesNotMatch(bed.net.ip("n", "addr show"), new RegExp(`${vip}/`));
        }
        assert.deepEqual(node.errors, []);
      });
      bed.net.ip("c", "neigh flush dev eth0");
      useAddress(bed.net, "c", VIP);
      await settle(() => /FAILED/.test(neighbourOf(bed.net, "c", VIP)));
      assert.match(neighbourOf(bed.net, "c", VIP), /FAILED/);
    });
  });

  it("sends the announcements and answers that a kernel would, each to whom it is for", async () => {
    await inBed(async (bed) => {
      await withTap(bed, ["c", "eth0"], async (client) => {
        await withTap(bed, ["s", "eth0"], async (stranger) => {
          await withNode(bed, async (node) => {
            const seen: string[] = [];
            node.hold(VIP, VIP6);
            const own = bare(MAC.n);
            const expected = [
              `${BROADCAST}${own}0806 0001080006040001 ${own}c0000264 000000000000c0000264`,
              `${BROADCAST}${own}0806 0001080006040002 ${own}c0000264 ${own}c0000264`,
              `333300000001${own}86dd 6000000000203aff 20010db8000000000000000000000100`,
            ].map((frame) => frame.replaceAll(" ", ""));
            await settle(() => {
              seen.push(...client.take());
              return expected.every((frame) => starting(seen, frame).length > 0);
            });
            for (const frame of expected) assert.ok(starting(seen, frame).length > 0, frame);
            await quiet(700);
            for (const tap of [client, stranger]) tap.take();
            for (const vip of [VIP, VIP6]) assert.equal(await resolve(bed, vip), MAC.n);
            const answers = client.take().filter(isAnswer);
            assert.equal(starting(answers, `${bare(MAC.c)}${own}`).length, 2);
            assert.deepEqual(stranger.take().filter(isAnswer), []);
          });
        });
      });
    });
  });

  it("answers a client that asks it alone whether it is still there", async () => {
    await inBed(async (bed) => {
      await withNode(bed, async (node) => {
        node.hold(VIP, VIP6);
        for (const vip of [VIP, VIP6]) {
          assert.equal(await resolve(bed, vip), MAC.n);
          bed.net.ip("c", `neigh change ${vip} lladdr ${MAC.n} dev eth0 nud probe`);
          await settle(() => /REACHABLE/.test(neighbourOf(bed.net, "c", vip)));
          assert.match(neighbourOf(bed.net, "c", vip), /REACHABLE/);
        }
      });
    });
  });

  it("keeps a real kernel from taking the address: Duplicate Address Detection fails", async () => {
    await inBed(async (bed) => {
      await withNode(bed, async (node) => {
        node.hold(VIP6);
        // After the burst, which would be enough to make it fail.
        await quiet(700);
        bed.net.ip("s", `addr add ${VIP6}/64 dev eth0`);
        const state = (): string => bed.net.ip("s", `addr show dev eth0 to ${VIP6}`);
        await settle(() => /dadfailed/.test(state()));
        assert.match(state(), /dadfailed/);
        assert.deepEqual(evidenceOf(node, VIP6), ["probe"]);
      });
    });
  });

  it("makes a client follow a takeover without its asking", async () => {
    await inBed(async (bed) => {
      bed.net.ip("s", `addr add ${VIP}/24 dev eth0`, `addr add ${VIP6}/64 dev eth0 nodad`);
      for (const vip of [VIP, VIP6]) assert.equal(await resolve(bed, vip), MAC.s);
      bed.net.ip("s", `addr del ${VIP}/24 dev eth0`, `addr del ${VIP6}/64 dev eth0`);
      bed.net.sysctl("c", "net/ipv4/neigh/eth0/locktime", "0");
      await withNode(bed, async (node) => {
        node.hold(VIP, VIP6);
        for (const vip of [VIP, VIP6]) {
          await settle(() => neighbourOf(bed.net, "c", vip).includes(MAC.n));
          assert.match(neighbourOf(bed.net, "c", vip), new RegExp(MAC.n));
        }
      });
    });
  });
});

describe("links of a node", () => {
  it("that become ports of a bridge are silent, and the bridge answers", async () => {
    await inBed(async (bed) => {
      await withNode(bed, async (node) => {
        node.hold(VIP, VIP6);
        assert.equal(await resolve(bed, VIP), MAC.n);
        bed.net.ip(
          "n",
          `link add br1 address ${SECOND} type bridge mcast_snooping 0`,
          "link set br1 up",
          "addr flush dev eth0",
          "link set eth0 master br1",
          "addr add 192.0.2.10/24 dev br1",
          "addr add 2001:db8::10/64 dev br1 nodad",
        );
        await settle(() => node.responder.silenceOf(VIP).get("eth0") === "enslaved");
        await quiet(100);
        await withTap(bed, ["c", "eth0"], async (tap) => {
          for (const vip of [VIP, VIP6]) assert.equal(await resolve(bed, vip), SECOND);
          await quiet();
          const answers = tap.take().filter((frame) => isAnswer(frame) && frame.startsWith(bare(MAC.c)));
          assert.ok(answers.length > 0);
          for (const frame of answers) assert.equal(frame.slice(12, 24), bare(SECOND));
        });
      });
    });
  });

  it("that are trunks answer no question from another VLAN, nor one that is meant for another host", async () => {
    await inBed(async (bed) => {
      bed.net.ip("n", "link set eth0 promisc on");
      await withNode(bed, async (node) => {
        node.hold(VIP);
        await quiet(700);
        await withTap(bed, ["c", "eth0"], async (tap) => {
          const own = bare(MAC.c);
          const question = `08060001080006040001${own}c000020c000000000000c0000264`;
          tap.send(`${BROADCAST}${own}8100004d${question}`);
          // The switch sends to all its ports what is for somebody whom it does not know.
          tap.send(`020000000077${own}${question}`);
          await quiet();
          assert.deepEqual(tap.take().filter(isAnswer), []);
          tap.send(`${BROADCAST}${own}${question}`);
          const seen: string[] = [];
          await settle(() => {
            seen.push(...tap.take().filter(isAnswer));
            return seen.length > 0;
          });
          assert.equal(seen.length, 1);
        });
      });
    });
  });

  it("that go down are silent, and are announced on when they are up again", async () => {
    await inBed(async (bed) => {
      await withNode(bed, async (node) => {
        node.hold(VIP);
        assert.equal(await resolve(bed, VIP), MAC.n);
        bed.net.ip("n", "link set eth0 down");
        await settle(() => node.responder.silenceOf(VIP).get("eth0") === "down");
        assert.deepEqual(node.responder.voicesOf(VIP), []);
        await withTap(bed, ["c", "eth0"], async (tap) => {
          bed.net.ip("n", "link set eth0 up");
          const seen: string[] = [];
          await settle(() => {
            seen.push(...tap.take());
            return starting(seen, `${BROADCAST}${bare(MAC.n)}0806`).length > 1;
          });
          assert.ok(seen.some((frame) => frame.includes("c0000264")));
        });
        assert.equal(await resolve(bed, VIP), MAC.n);
      });
    });
  });

  it("two on one switch answer once, and the second takes over when the first goes down", async () => {
    await inBed(async (bed) => {
      bed.plug("n", "eth1", SECOND);
      bed.net.ip("n", "addr add 192.0.2.11/24 dev eth1", "addr add 2001:db8::11/64 dev eth1 nodad");
      // The kernel's own answers are not the test's subject; it must not answer for eth0's address on eth1.
      bed.net.sysctl("n", "net/ipv4/conf/all/arp_ignore", "1");
      await withNode(bed, async (node) => {
        node.hold(VIP, VIP6);
        await settle(() => node.responder.silenceOf(VIP).get("eth1") === "other-link-speaks");
        await quiet(400);
        assert.equal(node.responder.voicesOf(VIP).length, 1);
        await withTap(bed, ["c", "eth0"], async (tap) => {
          for (const vip of [VIP, VIP6]) assert.equal(await resolve(bed, vip), MAC.n);
          await quiet();
          const answers = tap.take().filter((frame) => isAnswer(frame) && frame.startsWith(bare(MAC.c)));
          assert.equal(answers.length, 2);
        });
        bed.net.sysctl("c", "net/ipv4/neigh/eth0/locktime", "0");
        bed.net.ip("n", "link set eth0 down");
        for (const vip of [VIP, VIP6]) {
          await settle(() => neighbourOf(bed.net, "c", vip).includes(SECOND));
          assert.match(neighbourOf(bed.net, "c", vip), new RegExp(SECOND));
        }
      });
    });
  });

  it("a macvlan and the link below it answer once", async () => {
    await inBed(async (bed) => {
      bed.net.ip(
        "n",
        `link add link eth0 name mv0 address ${SECOND} type macvlan mode bridge`,
        "link set mv0 up",
        "addr add 192.0.2.11/24 dev mv0",
      );
      await withNode(bed, async (node) => {
        node.hold(VIP);
        await quiet(400);
        await withTap(bed, ["c", "eth0"], async (tap) => {
          assert.equal(await resolve(bed, VIP), MAC.n);
          await quiet();
          const answers = tap.take().filter((frame) => isAnswer(frame) && frame.startsWith(bare(MAC.c)));
          assert.equal(answers.length, 1);
        });
      });
    });
  });
});

describe("many addresses", () => {
  it("are all answered for, a thousand of each family", async () => {
    await inBed(async (bed) => {
      const first = { IPv4: address("192.0.2.100"), IPv6: address("2001:db8::1:0") };
      // Beyond the network of the link: the client must have a route to them.
      bed.net.ip("c", "route add 10.9.0.0/16 dev eth0");
      const many = Array.from({ length: 1_000 }, (_, index) => addressAfter(address("10.9.0.1"), index * 3));
      const many6 = Array.from({ length: 1_000 }, (_, index) => addressAfter(first.IPv6, index));
      await withNode(bed, async (node) => {
        node.hold(...many, ...many6);
        assert.deepEqual(
          [...node.listening.values()].map(({ unjoined }) => unjoined),
          [0, 0],
        );
        await withTap(bed, ["c", "eth0"], async (tap) => {
          const answered = new Set<string>();
          const own = bare(MAC.c);
          let asked = 0;
          await settle(() => {
            // A few at a time, since the answers come on this thread, too.
            for (const each of many.slice(asked, asked + 50)) {
              const target = Buffer.from(each.split(".").map(Number)).toString("hex");
              tap.send(`${BROADCAST}${own}08060001080006040001${own}c000020c000000000000${target}`);
            }
            asked += 50;
            for (const frame of tap.take()) {
              if (frame.startsWith(own) && frame.slice(40, 44) === "0002") answered.add(frame.slice(56, 64));
            }
            return answered.size === many.length;
          });
          assert.equal(answered.size, many.length, JSON.stringify([...node.responder.counters().heard]));
        });
        for (const vip of [many6[0], many6[500], many6[999], many[999]]) {
          assert.ok(vip !== undefined);
          assert.equal(await resolve(bed, vip), MAC.n);
        }
      });
    });
  });

  it("stay reachable under a flood of questions, of which a bounded number is answered", async () => {
    await inBed(async (bed) => {
      const limits = { questionsPerSecond: { total: 2_000, perSource: 500 } };
      await withNode(
        bed,
        async (node) => {
          node.hold(VIP);
          assert.equal(await resolve(bed, VIP), MAC.n);
          await withTap(bed, ["s", "eth0"], async (tap) => {
            const began = node.now();
            for (let slice = 0; slice < 100; slice += 1) {
              for (let index = 0; index < 300; index += 1) {
                const source = (slice * 300 + index).toString(16).padStart(8, "0");
                const from = `0600${source}`;
                tap.send(`${BROADCAST}${from}08060001080006040001${from}c000020d000000000000c0000264`);
              }
              await quiet(2);
            }
            const elapsed = (node.now() - began) / 1_000_000;
            const { heard } = node.responder.counters();
            assert.ok((heard.get("total-limit") ?? 0) > 1_000, String(heard.get("total-limit")));
            assert.ok((heard.get("answered") ?? 0) <= 2 + 1_000 + 2_000 * elapsed);
          });
          await quiet(500);
          assert.equal(await resolve(bed, VIP), MAC.n);
        },
        limits,
      );
    });
  });
});

describe("another host with the same address", () => {
  /** The stranger's kernel asks for the client from the address. */
  const use = ({ net }: Bed): void => {
    net.ip("s", "neigh flush dev eth0");
    useAddress(net, "s", address("192.0.2.12"));
  };

  it("is noticed with its MAC address, fought, and called a duplicate when it goes on", async () => {
    await inBed(async (bed) => {
      await withNode(bed, async (node) => {
        node.hold(VIP);
        bed.net.ip("s", `addr add ${VIP}/24 dev eth0`, `route add 192.0.2.12/32 dev eth0 src ${VIP}`);
        use(bed);
        await settle(() => evidenceOf(node, VIP).length > 0);
        const [heard] = node.told;
        assert.ok(heard?.type === "heard");
        assert.deepEqual([heard.mac, heard.evidence], [MAC.s, "use"]);
        await quiet(1_100);
        use(bed);
        await settle(() => node.told.some(({ type }) => type === "duplicate"));
        const duplicate = node.told.find(({ type }) => type === "duplicate");
        assert.ok(duplicate?.type === "duplicate");
        assert.deepEqual([duplicate.mac, duplicate.who], [MAC.s, { kind: "stranger" }]);
      });
    });
  });

  it("is found by probing before first use, over ARP and Neighbour Discovery; a free address is told free", async () => {
    await inBed(async (bed) => {
      bed.net.ip("s", `addr add ${VIP}/24 dev eth0`, `addr add ${VIP6}/64 dev eth0 nodad`);
      const free = [address("192.0.2.101"), address("2001:db8::101")];
      await withNode(bed, async (node) => {
        node.assign(
          ...[VIP, VIP6, ...free].map((each) => ({
            ...({ address: each, stance: "probing", interfaces: "all", answers: "responder" } as const),
          })),
        );
        const outcomes = (): Record<string, string> =>
          Object.fromEntries(
            node.told.flatMap((told) =>
              told.type !== "probed"
                ? []
                : [[told.address, told.outcome === "free" ? "free" : `in use by ${told.mac}`]],
            ),
          );
        await settle(() => Object.keys(outcomes()).length === 4);
        assert.deepEqual(outcomes(), {
          [VIP]: `in use by ${MAC.s}`,
          [VIP6]: `in use by ${MAC.s}`,
          "192.0.2.101": "free",
          "2001:db8::101": "free",
        });
      });
    });
  });
});
