/**
 * What every engine does with single packets of `dsr`: the same packets in, the same packets out.
 *
 * The kernel tests run it for nftables and XDP, those in user-mode Linux for IPVS. What an engine does by design in a way of
 * its own, it declares (`Manner`), and docs/engines.md says it; no case is left out for any engine.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { isIpv4 } from "#base/address";
import { type MacAddress, parseMac } from "#base/mac";
import { instant, seconds } from "#base/time";
import { chooseBackend } from "#core/balance/choice";
import type { VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { Availability } from "#core/balance/plan-model";
import type { Balance, Balancer } from "#drivers/balance/port";
import type { XdpEngine } from "#drivers/balance/xdp/engine";
import { address, Bed, VIRTUAL } from "./balance-bed.ts";
import { Edge } from "./balance-edge.ts";
import {
  CLIENT,
  portOf,
  ROUTER,
  SCHEDULERS,
  server,
  servers,
  VARIANTS,
  type Variant,
} from "./balance-variants.ts";
import { FrameTap } from "./frame-tap.ts";
import {
  ACK,
  buildError,
  buildFrame,
  describeFrame,
  FIN,
  isFromSameHost,
  MORE,
  type Packet,
  SYN,
} from "./frames.ts";

/** How an engine does what each may do in its own way. */
export type Manner = {
  /** Opens the engine in the edge `e1`. */
  readonly open: (bed: Bed) => { readonly engine: Balance & Partial<Balancer>; readonly xdp?: XdpEngine };
  /** Who decides where a new flow goes: the plan's table, so it is known before, or one that only the kernel knows. */
  readonly table: "plan's" | "kernel's";
  /** Whether fragments travel each for itself, or wait for each other and go on as one packet. */
  readonly fragments: "apart" | "joined";
  /** Where ICMP errors go that are about a flow which has sent nothing yet. */
  readonly earlyErrors: "by hash" | "nowhere";
  /** Whether XDP itself must send what leaves by another interface than the one where it came; only with `xdp`. */
  readonly sendsElsewhere?: boolean;
};

/** Describes what one engine does; XDP must do it itself, so what it sent is counted. */
export const describeSinglePackets = (title: string, manner: Manner): void => {
  describe(title, () => singlePackets(manner));
};

const singlePackets = ({ open, table, fragments, earlyErrors, sendsElsewhere }: Manner): void => {
  let bed: Bed;
  let edge: Edge;
  let tap: FrameTap;
  let xdp: XdpEngine | undefined;
  let own: MacAddress;
  const nameByMac = new Map<string, string>();

  const macOf = (station: string): MacAddress => {
    const mac = parseMac(bed.inside(station, "cat /sys/class/net/eth0/address").trim());
    assert.ok(mac);
    return mac;
  };

  before(async () => {
    bed = new Bed();
    bed.giveAddressesTo("e1");
    own = macOf("e1");
    for (const worker of ["w1", "w2", "w3", "w4"]) nameByMac.set(macOf(worker), worker);
    for (const [mac, name] of nameByMac) {
      for (const host of [`10.2.0.2${name.slice(1)}`, `fd02::2${name.slice(1)}`])
        bed.inside("e1", `ip neigh replace ${host} lladdr ${mac} dev eth0 nud permanent`);
    }
    const opened = open(bed);
    xdp = opened.xdp;
    edge = new Edge(opened.engine);
    tap = bed.inNamespace("router", () => new FrameTap("to-e1"));
    await edge.run(servers([1, 2, 3]));
  });
  after(async () => {
    tap.close();
    await bed.close();
  });

  const packet = (variant: Variant, port: number, more: Partial<Packet> = {}): Packet => ({
    to: own,
    source: { address: address(CLIENT[variant.family]), port },
    destination: { address: address(VIRTUAL[variant.family]), port: portOf(variant) },
    protocol: variant.protocol,
    ...more,
  });

  /** Sends frames and gives, for each, the backends that got one, with hop count. */
  const outcomes = async (frames: readonly Uint8Array[]): Promise<readonly string[]> => {
    const results: string[] = [];
    for (const frame of frames) {
      // Answers to what was sent, such as the router's ICMP errors, travel to backends too.
      const seen = await tap.exchange(
        frame,
        (candidate) => nameByMac.has(describeFrame(candidate).to) && isFromSameHost(candidate, frame),
      );
      results.push(
        seen
          .map((candidate) => {
            const { to, from, hops, intact } = describeFrame(candidate);
            assert.equal(from, own);
            assert.ok(intact, "the header's checksum");
            return `${nameByMac.get(to)} ${hops}`;
          })
          .join(),
      );
    }
    return results;
  };
  const backendsOf = async (packets: readonly Packet[]): Promise<readonly string[]> =>
    (await outcomes(packets.map(buildFrame))).map((outcome) => outcome.split(" ")[0] ?? "");

  const planned = (variant: Variant) => {
    const found = edge.plan?.servers.find(({ name }) => name === server(variant, []).name);
    assert.ok(found);
    return found;
  };
  /** Where a flow goes, or the kernel's word for it: with its first packet. */
  const chosen = async (variant: Variant, port: number, flags = SYN): Promise<string> => {
    if (table === "kernel's") return (await backendsOf([packet(variant, port, { flags })]))[0] ?? "";
    const choice = chooseBackend(planned(variant), { address: address(CLIENT[variant.family]), port });
    return choice.type === "backend" ? choice.backend.name : choice.type;
  };
  const allChosen = async (variant: Variant, clients: readonly number[]): Promise<readonly string[]> => {
    const homes: string[] = [];
    for (const port of clients) homes.push(await chosen(variant, port));
    return homes;
  };
  const ports = (count: number, first = 20_000): readonly number[] =>
    Array.from({ length: count }, (_, index) => first + index * 7);
  const sent = (): number => xdp?.statistics()?.backends.reduce((sum, { packets }) => sum + packets, 0) ?? 0;

  /** The backends of all variants' flows from these ports, by packets in the middle of a connection. */
  const allOf = async (clients: readonly number[]): Promise<readonly (readonly string[])[]> => {
    const found: (readonly string[])[] = [];
    for (const variant of VARIANTS) {
      found.push(await backendsOf(clients.map((port) => packet(variant, port))));
    }
    return found;
  };

  for (const variant of VARIANTS) {
    const title = `${variant.family}, ${variant.protocol}, ${variant.scheduler.type}`;
    it(`go where the table says, with one hop less: ${title}`, async () => {
      const clients = ports(24);
      const homes = await allChosen(variant, clients);
      const before = sent();
      assert.deepEqual(
        await outcomes(clients.map((port) => buildFrame(packet(variant, port, { payload: port % 50 })))),
        homes.map((home) => `${home} 63`),
      );
      assert.equal(sent() - before, xdp === undefined ? 0 : clients.length, "sent by XDP itself");
      const met = [...new Set(homes)].sort();
      if (variant.scheduler.type === "source-hash") assert.match(met.join(), /^w[123]$/);
      else assert.deepEqual(met, ["w1", "w2", "w3"]);
    });
  }

  it("go there again when everything was made anew", async () => {
    const clients = ports(12, 26_000);
    const before = await allOf(clients);
    assert.ok((await edge.engine.remove()).ok);
    edge.plan = undefined;
    await edge.run(servers([1, 2, 3]));
    assert.deepEqual(await allOf(clients), before);
  });

  it("stay here when they are not for this machine, not for a server, or at their last hop", async () => {
    for (const variant of VARIANTS) {
      const other = parseMac("02:00:00:00:00:77");
      assert.ok(other);
      const { destination } = packet(variant, 1);
      const odd: readonly Packet[] = [
        packet(variant, 20_000, { to: other }),
        packet(variant, 20_000, { destination: { ...destination, port: 9_999 } }),
        packet(variant, 20_000, { hops: 1 }),
        packet(variant, 20_000, {
          protocol: variant.protocol === "tcp" ? "udp" : "tcp",
          destination: { ...destination, port: 7 },
        }),
      ];
      assert.deepEqual(await outcomes(odd.map(buildFrame)), ["", "", "", ""]);
    }
  });

  /** A port whose flows belong to another backend, if there is one: some schedulers look at the address alone. */
  const elsewhere = async (variant: Variant, backend: string): Promise<number> => {
    for (const port of ports(16, 21_001)) if ((await chosen(variant, port)) !== backend) return port;
    return 21_000;
  };

  it("go with their flow when they are fragments, have options, or are ICMP errors about it", async () => {
    for (const variant of VARIANTS) {
      const port = 21_000;
      const backend = await chosen(variant, port);
      if (variant.family === "IPv4") {
        // Together with the header eight times nine bytes, which is where the second one begins.
        const payload = variant.protocol === "tcp" ? 52 : 64;
        const first = packet(variant, port, { fragment: { id: port, bits: MORE }, payload });
        const last = packet(variant, port, { fragment: { id: port, bits: 9 } });
        assert.deepEqual(await backendsOf([first, last]), [fragments === "apart" ? backend : "", backend]);
        // Nor is it led astray by bytes that would be ports in another packet.
        const stray = await elsewhere(variant, backend);
        const odd = packet(variant, stray, { fragment: { id: port, bits: 9 } });
        assert.deepEqual(await backendsOf([first, odd]), [fragments === "apart" ? backend : "", backend]);
        assert.deepEqual(await backendsOf([packet(variant, port, { option: true })]), [backend]);
      }
      const error = buildError(packet(variant, port), address(ROUTER[variant.family]));
      assert.deepEqual(await outcomes([error]), [`${backend} 63`]);
    }
  });

  it("of clients that are kept go where the client is pinned, and so do ICMP errors about them", async () => {
    const persistence = ({ address: own }: VirtualServer) => ({
      persistence: { timeout: seconds(60), prefixLength: isIpv4(own) ? 20 : 44 },
    });
    const kept = (workers: readonly number[]): readonly VirtualServer[] =>
      servers(workers).map((each) => ({ ...each, ...persistence(each) }));
    await edge.run(kept([1, 2, 3]));
    for (const variant of VARIANTS) {
      const stranger = packet(variant, 23_000);
      const from = address(ROUTER[variant.family]);
      const early = await outcomes([buildError(stranger, from)]);
      // One client, whatever its port is.
      const home = await chosen(variant, 1);
      assert.deepEqual(early, [earlyErrors === "by hash" ? `${home} 63` : ""]);
      if (variant.protocol === "tcp") assert.deepEqual(await backendsOf([stranger]), [home]);
      const opened = ports(6, 24_000).map((port) => packet(variant, port, { flags: SYN }));
      assert.deepEqual(
        await backendsOf(opened),
        opened.map(() => home),
      );
      const name = server(variant, []).name;
      await edge.run(kept([1, 2, 3]), { [`${name}/${home}`]: "unavailable" });
      const [next = ""] = await backendsOf(opened.slice(0, 1));
      assert.notEqual(next, home);
      await edge.run(kept([1, 2, 3]));
      const others = ports(6, 25_000).map((port) => packet(variant, port, { flags: SYN }));
      assert.deepEqual(
        await backendsOf(others),
        others.map(() => next),
      );
      assert.deepEqual(
        await outcomes(others.map((each) => buildError(each, from))),
        others.map(() => `${next} 63`),
      );
    }
    await edge.run(servers([1, 2, 3]));
  });

  it("leave through another interface when their backend is behind that", async () => {
    const far = parseMac("02:00:00:00:03:21");
    assert.ok(far);
    bed.inside(
      "router",
      `ip link add to-far type veth peer name eth1 netns ${bed.name("e1")}; ip link set to-far up`,
    );
    bed.inside(
      "e1",
      "ip link set eth1 up; ip addr add 10.3.0.11/24 dev eth1; ip addr add fd03::11/64 dev eth1 nodad",
    );
    const behind = bed.inNamespace("router", () => new FrameTap("to-far"));
    for (const variant of VARIANTS) {
      const host = variant.family === "IPv4" ? "10.3.0.21" : "fd03::21";
      bed.inside("e1", `ip neigh replace ${host} lladdr ${far} dev eth1 nud permanent`);
      const plan = planForwarding({
        servers: [{ ...server(variant, []), backends: [{ name: "far", address: address(host), weight: 1 }] }],
        availability: () => "available",
        links: { ingress: () => ["eth0"], egress: () => "eth1" },
        previous: undefined,
        now: instant(0),
      });
      const applied = await edge.engine.apply(plan);
      assert.ok(applied.ok, JSON.stringify(applied));
      const frame = buildFrame(packet(variant, 22_000));
      const seen = await tap.exchange(frame, (candidate) => describeFrame(candidate).to === far, behind);
      assert.deepEqual(
        seen.map((candidate) => describeFrame(candidate).hops),
        [63],
      );
      const passed = xdp?.statistics()?.passed["other-interface"] ?? 0;
      assert.equal(passed > 0, sendsElsewhere === false);
      assert.equal(sent() > 0, sendsElsewhere === true, "sent by XDP itself where it can");
    }
    behind.close();
    bed.inside("e1", "ip link del eth1");
    await edge.run(servers([1, 2, 3]));
  });

  it("are cut short or nonsense without harm", async () => {
    const [variant] = VARIANTS;
    assert.ok(variant);
    const whole = buildFrame(packet(variant, 20_000));
    for (let length = 14; length < whole.length; length += 3) await outcomes([whole.subarray(0, length)]);
    const home = await chosen(variant, 20_000);
    assert.match(home, /^w[123]$/);
    assert.deepEqual(await backendsOf([packet(variant, 20_000)]), [home]);
  });

  it("of open flows stay, and of new ones go to the new owner, while and after slots change hands", async () => {
    const tcp = VARIANTS.filter(
      ({ protocol, scheduler }) => protocol === "tcp" && scheduler === SCHEDULERS[0],
    );
    const health = (state: Availability): Record<string, Availability> =>
      Object.fromEntries(VARIANTS.map((variant) => [`${server(variant, []).name}/w4`, state]));
    const old = ports(12, 30_000);
    const young = ports(24, 40_000);
    await edge.run(servers([1, 2, 3]));
    for (const variant of tcp) {
      const homes = await allChosen(variant, old);
      await edge.run(servers([1, 2, 3, 4]));
      const open = old.map((port) => packet(variant, port));
      const opening = young.map((port) => packet(variant, port, { flags: SYN }));
      const going = young.map((port) => packet(variant, port));
      const newHomes = await allChosen(variant, young);
      assert.ok(newHomes.includes("w4"));
      if (table === "plan's") assert.notDeepEqual(await allChosen(variant, old), homes);
      for (let round = 0; round < 3; round += 1) {
        assert.deepEqual(await backendsOf(open), homes, "established");
        assert.deepEqual(await backendsOf(round === 0 ? opening : going), newHomes, "new");
      }
      await edge.settle(servers([1, 2, 3, 4]));
      assert.deepEqual(await backendsOf(open), homes, "established, after the transition");
      assert.deepEqual(await backendsOf(going), newHomes, "new, after the transition");
      const errors = old.map((port) => buildError(packet(variant, port), address(ROUTER[variant.family])));
      assert.deepEqual(
        await outcomes(errors),
        homes.map((name) => `${name} 63`),
        "ICMP errors",
      );
      assert.deepEqual(
        await backendsOf(going.map((each) => ({ ...each, flags: FIN | ACK }))),
        newHomes,
        "closing",
      );
      assert.deepEqual(await backendsOf(going), newHomes, "after closing");
      await edge.run(servers([1, 2, 3, 4]), health("unavailable"));
      const without = await allChosen(variant, young);
      assert.ok(!without.includes("w4"));
      assert.deepEqual(
        await backendsOf(going),
        newHomes.map((name, index) => (name === "w4" ? without[index] : name)),
      );
      await edge.run(servers([1, 2, 3]));
      await edge.settle(servers([1, 2, 3]));
    }
  });
};
