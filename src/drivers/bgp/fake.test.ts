import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress } from "#base/address";
import { type Duration, millis } from "#base/time";
import { bgpContract } from "./contract.ts";
import { type BgpLan, type BgpStation, hold } from "./contract-bed.ts";
import { type FakeBgpHost, fakeBgpNetwork, type Later } from "./fake.ts";
import type { BgpConnection } from "./port.ts";

const ip = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);

const manualTimer = () => {
  const waiting = new Set<{ at: number; run: () => void }>();
  let now = 0;
  const later: Later = (delay, run) => {
    const entry = { at: now + delay, run };
    waiting.add(entry);
    return () => waiting.delete(entry);
  };
  const advance = (duration: Duration): void => {
    now += duration;
    for (const entry of [...waiting]) {
      if (entry.at > now) continue;
      waiting.delete(entry);
      entry.run();
    }
  };
  return { later, advance };
};

const openLan = (routers: 0 | 1) => {
  const timer = manualTimer();
  const network = fakeBgpNetwork(timer.later);
  network.routers = routers;
  const station = (host: number): BgpStation & { readonly host: FakeBgpHost } => {
    const address = {
      IPv4: ip(`192.0.2.${host}`),
      IPv6: ip(`2001:db8::${host}`),
      "link-local": ip(`fe80::${host}`),
    };
    const second = { IPv4: ip(`192.0.2.10${host}`), IPv6: ip(`2001:db8::10${host}`) };
    const addresses = new Set([...Object.values(address), ...Object.values(second)]);
    const linkIndex = 10 + host;
    const added = network.addHost({ addresses, linkIndex });
    return { port: added.port, link: { index: linkIndex, name: "wire0" }, address, second, host: added };
  };
  const lan = {
    ...{ near: station(1), far: station(2), network },
    settle: async () => network.settle(),
    pass: async (duration: Duration) => {
      network.settle();
      timer.advance(duration);
      network.settle();
    },
    close: () => undefined,
  };
  return lan satisfies BgpLan;
};

bgpContract(openLan);

/** Two ends of one connection. */
const connected = () => {
  const lan = openLan(0);
  const ends: ReturnType<typeof hold>[] = [];
  const take = (connection: BgpConnection) => {
    const opened = hold(connection);
    ends.push(opened);
    return opened.events;
  };
  const common = { link: undefined, password: undefined, hops: { send: 64, least: undefined } };
  const onError = (): void => assert.fail("no error");
  const listener = lan.far.port.listen({
    family: "IPv4",
    port: 179,
    vrf: undefined,
    onConnection: take,
    onError,
  });
  assert.ok(listener.ok);
  listener.value.setCallers([{ ...common, address: lan.near.address.IPv4 }]);
  lan.near.port.connect({
    ...{ ...common, source: undefined, vrf: undefined, timeout: millis(100) },
    remote: { address: lan.far.address.IPv4, port: 179 },
    ...{ onConnected: take, onFailed: onError },
  });
  lan.network.settle();
  const [near, far] = ends.map(({ held }) => held);
  assert.ok(near !== undefined && far !== undefined);
  return { lan, near, far };
};

describe("the fake network of BGP", () => {
  it("keeps what a host does not read, and tells of progress", () => {
    const { lan, near, far } = connected();
    lan.far.host.setReading(false);
    assert.equal(near.connection.write(new Uint8Array(90_000)), 0);
    assert.equal(near.connection.write(new Uint8Array(30_000)), 20_000);
    lan.network.settle();
    assert.deepEqual([near.connection.waiting(), near.progress(), far.heard().length], [20_000, 0, 0]);
    lan.far.host.setReading(true);
    lan.network.settle();
    assert.deepEqual([near.connection.waiting(), far.heard().length], [0, 120_000]);
    assert.ok(near.progress() > 0);
  });

  it("loses nothing while a link is down, and tells nobody", () => {
    const { lan, near, far } = connected();
    lan.near.host.setLink(false);
    near.connection.write(Uint8Array.of(1, 2));
    lan.network.settle();
    assert.deepEqual([far.heard().length, far.closed, near.closed], [0, [], []]);
    lan.near.host.setLink(true);
    lan.network.settle();
    assert.equal(far.heard().length, 2);
  });

  it("breaks everything off, and ends what a killed host had", () => {
    const broken = connected();
    broken.lan.network.breakAll();
    assert.deepEqual([broken.near.closed.length, broken.far.closed.length], [1, 1]);
    const { lan, near, far } = connected();
    lan.far.host.kill();
    lan.network.settle();
    assert.deepEqual([near.closed, far.closed], [[{ type: "ended" }], []]);
  });
});
