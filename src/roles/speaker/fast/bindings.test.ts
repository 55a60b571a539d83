import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseInterfaceAddress } from "#base/prefix";
import { after, type Duration, type Instant, instant, millis, seconds } from "#base/time";
import { LEASED_ADDRESS_PROTOCOL, STEELYARD_ADDRESS_PROTOCOL } from "#core/netlink/address";
import type { SpeakerEvent } from "#core/speaker/event";
import { speakerSentence } from "#core/speaker/sentence";
import { createDeadlines } from "#runtime/deadlines";
import { kernelOf, LINK, parsed } from "./bed.ts";
import { Bindings, LEASE } from "./bindings.ts";

const OTHER = 3;
const A = parsed("192.0.2.100");
const SIX = parsed("2001:db8::100");

const whole = (text: string) => parseInterfaceAddress(text) ?? assert.fail(text);

/** Addresses of ours on a kernel that does not know that they are leased: time moves by hand. */
const bed = (prepare: (kernel: ReturnType<typeof kernelOf>) => void = () => {}) => {
  const kernel = kernelOf(1);
  kernel.setLink({
    ...{ index: OTHER, name: "eth1", mtu: 1_500, up: true, carrier: true, loopback: false },
  });
  prepare(kernel);
  let now: Instant = instant(0);
  let wakeAt: Instant | undefined;
  const deadlines = createDeadlines({
    now: () => now,
    wake: (at) => {
      wakeAt = at;
    },
  });
  const events: SpeakerEvent[] = [];
  const changed: string[] = [];
  const bindings = new Bindings({
    ...{ netlink: kernel, deadlines, now: () => now },
    nameOf: (index) => (index === LINK.index ? LINK.name : "eth1"),
    tell: (event) => void events.push(event),
    onChange: (address) => void changed.push(`${address} ${bindings.isBound(address)}`),
  });
  kernel.subscribe((change) => void bindings.changed(change));
  const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
  return {
    ...{ kernel, bindings, settle, changed: () => changed.splice(0) },
    bound: () => {
      const present = kernel.addresses();
      assert.ok(present.ok);
      return present.value
        .filter(({ protocol }) => protocol === LEASED_ADDRESS_PROTOCOL)
        .map(({ address, prefixLength, linkIndex }) => `${address}/${prefixLength} ${linkIndex}`);
    },
    said: () =>
      events.splice(0).map((event) => {
        const { severity, subject, text } = speakerSentence(event);
        return `${severity}: ${subject}: ${text}`;
      }),
    pass: async (duration: Duration): Promise<void> => {
      const end = after(now, duration);
      while (wakeAt !== undefined && wakeAt <= end) {
        now = wakeAt > now ? wakeAt : now;
        deadlines.runDue();
        await settle();
      }
      now = end;
    },
  };
};

describe("addresses that the kernel answers for", () => {
  it("are on the links where they are told of, in full length, and on no others", async () => {
    const { bindings, bound } = bed();
    bindings.bind(A, [LINK.index, OTHER]);
    bindings.bind(SIX, [LINK.index]);
    assert.deepEqual(bound(), ["192.0.2.100/32 2", "192.0.2.100/32 3", "2001:db8::100/128 2"]);
    assert.ok(bindings.isBound(A) && bindings.isBound(SIX));
    bindings.bind(A, [OTHER]);
    assert.deepEqual(bound(), ["192.0.2.100/32 3", "2001:db8::100/128 2"]);
    bindings.bind(SIX, []);
    assert.ok(!bindings.isBound(SIX));
    assert.deepEqual(bound(), ["192.0.2.100/32 3"]);
    bindings.close();
    assert.deepEqual(bound(), []);
  });

  it("are renewed long before their lease ends, thousands of them in parts", async () => {
    const { bindings, kernel, pass } = bed();
    const many = Array.from({ length: 600 }, (_, index) => parsed(`198.51.${index >> 8}.${index & 255}`));
    for (const address of many) bindings.bind(address, [LINK.index]);
    let leases = 0;
    const lease = kernel.leaseAddress.bind(kernel);
    let inThisTurn = 0;
    let most = 0;
    kernel.leaseAddress = (request) => {
      leases += 1;
      inThisTurn += 1;
      most = Math.max(most, inThisTurn);
      setImmediate(() => {
        inThisTurn = 0;
      });
      return lease(request);
    };
    await pass(seconds(9.1));
    assert.equal(leases, 600);
    assert.ok(most <= 256, `${most} in one turn`);
    await pass(seconds(27.1));
    assert.equal(leases, 600 * 4);
    bindings.close();
    await pass(LEASE);
    assert.equal(leases, 600 * 4);
    assert.ok(seconds(9) * 3 < LEASE, "two renewals may fail");
  });

  it("are put back at once when somebody removes them, once a second while that goes on, and answered for meanwhile", async () => {
    const { bindings, kernel, bound, said, settle, pass, changed } = bed();
    bindings.bind(A, [LINK.index]);
    const remove = async (): Promise<void> => {
      kernel.dropAddress({ linkIndex: LINK.index, address: whole("192.0.2.100/32") });
      await settle();
    };
    await remove();
    assert.deepEqual(bound(), ["192.0.2.100/32 2"]);
    assert.deepEqual(said(), ["notice: address 192.0.2.100: is bound to eth0 again"]);
    assert.deepEqual(changed(), []);
    await remove();
    assert.deepEqual(bound(), []);
    assert.deepEqual(changed(), ["192.0.2.100 false"]);
    await pass(millis(999));
    assert.deepEqual(bound(), []);
    await pass(millis(1));
    assert.deepEqual(bound(), ["192.0.2.100/32 2"]);
    assert.deepEqual(changed(), ["192.0.2.100 true"]);
  });

  it("are not put back after they were taken off, nor is anybody else's", async () => {
    const { bindings, kernel, bound, said, settle } = bed();
    bindings.bind(A, [LINK.index]);
    bindings.bind(A, []);
    await settle();
    kernel.setAddress({
      ...{ ...whole("192.0.2.7/24"), linkIndex: LINK.index, tentative: false, duplicate: false },
    });
    kernel.dropAddress({ linkIndex: LINK.index, address: whole("192.0.2.7/24") });
    await settle();
    assert.deepEqual(bound(), []);
    assert.deepEqual(said(), []);
  });

  it("are answered for by the program while the kernel refuses them, which is said once", async () => {
    const { bindings, kernel, bound, said, changed, pass } = bed();
    kernel.refuseChanges("EPERM");
    bindings.bind(A, [LINK.index]);
    bindings.bind(SIX, [LINK.index]);
    assert.ok(!bindings.isBound(A));
    await pass(seconds(30));
    assert.deepEqual(said(), [
      "warning: address 192.0.2.100: cannot be bound to eth0, so this program answers for it (EPERM)",
    ]);
    assert.deepEqual(changed(), []);
    kernel.refuseChanges(undefined);
    await pass(seconds(1));
    assert.deepEqual(bound(), ["192.0.2.100/32 2", "2001:db8::100/128 2"]);
    assert.deepEqual(changed(), ["192.0.2.100 true", "2001:db8::100 true"]);
  });

  describe("that an earlier run has left", () => {
    const put = (protocol: number, text: string) => (kernel: ReturnType<typeof kernelOf>) =>
      kernel.setAddress({
        ...{ ...whole(text), linkIndex: LINK.index, tentative: false, duplicate: false, protocol },
      });
    const left = () =>
      bed((fresh) => {
        put(LEASED_ADDRESS_PROTOCOL, "192.0.2.100/32")(fresh);
        put(LEASED_ADDRESS_PROTOCOL, "2001:db8::100/128")(fresh);
        put(STEELYARD_ADDRESS_PROTOCOL, "192.0.2.50/24")(fresh);
      });

    it("stay, are renewed once this node holds them again, and lapse by themselves if it does not", async () => {
      const { bindings, kernel, bound, said, pass } = left();
      bindings.bind(A, []);
      assert.equal(bound().length, 2);
      assert.ok(!bindings.isBound(A));
      bindings.bind(A, [LINK.index]);
      assert.ok(bindings.isBound(A));
      assert.deepEqual(said(), [
        "notice: address 192.0.2.100: was left on eth0 by an earlier run, and stays there",
      ]);
      const renewed: string[] = [];
      const lease = kernel.leaseAddress.bind(kernel);
      kernel.leaseAddress = (request) => {
        renewed.push(request.address.address);
        return lease(request);
      };
      await pass(LEASE);
      assert.deepEqual(new Set(renewed), new Set([A]));
    });

    it("go at once when another one has them, on links where they are not told of any more, and at the end", () => {
      const one = left();
      one.bindings.release(A);
      assert.deepEqual(one.bound(), ["2001:db8::100/128 2"]);
      assert.deepEqual(one.said(), [
        "notice: address 192.0.2.100: was left on eth0 by an earlier run, and is not bound any more",
      ]);
      one.bindings.bind(SIX, [OTHER]);
      assert.deepEqual(one.bound(), ["2001:db8::100/128 3"]);
      const other = left();
      other.bindings.close();
      assert.deepEqual(other.bound(), []);
      const present = other.kernel.addresses();
      assert.ok(present.ok && present.value.some(({ address }) => address === parsed("192.0.2.50")));
    });
  });

  it("are told of as stuck where they cannot be taken off", () => {
    const { bindings, kernel, said } = bed();
    bindings.bind(A, [LINK.index]);
    kernel.refuseChanges("EPERM");
    bindings.bind(A, []);
    assert.deepEqual(said(), [
      "warning: address 192.0.2.100: cannot be taken off eth0, and goes by itself soon (EPERM)",
    ]);
    assert.ok(!bindings.isBound(A));
  });
});
