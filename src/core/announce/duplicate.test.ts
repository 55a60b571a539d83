import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressFromBytes, type IpAddress, isIpv4, parseAddress } from "#base/address";
import { type MacAddress, macFromBytes, parseMac } from "#base/mac";
import { after, type Duration, instant, micros, millis, seconds } from "#base/time";
import { gratuitous } from "#core/arp/packet";
import {
  claimOfArp,
  claimOfNdp,
  deadline,
  type Effect,
  expire,
  INITIAL,
  type Ownership,
  sight,
} from "./duplicate.ts";

const ip = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert.ok(address !== undefined);
  return address;
};
const macOf = (text: string): MacAddress => {
  const mac = parseMac(text);
  assert.ok(mac !== undefined);
  return mac;
};

const OURS = macOf("02:00:00:00:00:01");
const THEIRS = macOf("02:00:00:00:00:99");
const held = ip("192.0.2.10");
const ownership: Ownership = { addresses: new Set([held, ip("2001:db8::10")]), macs: new Set([OURS]) };
const START = instant(1_000_000);
const claim = { address: held, mac: THEIRS };

/** What the claims at these times cause. */
const watch = (times: readonly Duration[], given: Ownership = ownership): readonly Effect["type"][][] => {
  let state = INITIAL;
  return times.map((offset) => {
    const next = sight(state, claim, given, after(START, offset));
    state = next.state;
    return next.effects.map(({ type }) => type);
  });
};

describe("claims", () => {
  it("are read from the sender of either ARP operation (RFC 5227 §2.4)", () => {
    assert.ok(isIpv4(held));
    for (const operation of ["request", "reply"] as const) {
      assert.deepEqual(claimOfArp(gratuitous(operation, { mac: THEIRS, address: held })), claim);
    }
  });

  it("are read from advertisements that carry a link-layer address, solicited or not", () => {
    const target = ip("2001:db8::10");
    const flags = { router: false, solicited: false, override: false };
    assert.deepEqual(claimOfNdp({ type: "advertisement", target, mac: THEIRS, ...flags }), {
      address: target,
      mac: THEIRS,
    });
    assert.equal(claimOfNdp({ type: "advertisement", target, mac: undefined, ...flags }), undefined);
    assert.equal(claimOfNdp({ type: "solicitation", target, mac: THEIRS }), undefined);
  });
});

describe("the watch for duplicates", () => {
  it("ignores what is not about an address we hold, and what we said ourselves", () => {
    for (const other of [
      { address: ip("192.0.2.11"), mac: THEIRS },
      { address: ip("0.0.0.0"), mac: THEIRS },
      { address: held, mac: OURS },
    ]) {
      assert.deepEqual(sight(INITIAL, other, ownership, START), { state: INITIAL, effects: [] });
    }
  });

  it("answers every claim, but reports one only when it comes back after a takeover's time", () => {
    assert.deepEqual(watch([seconds(0), micros(999_999)]), [["defend"], ["defend"]]);
    assert.deepEqual(watch([seconds(0), seconds(1)]), [["defend"], ["defend", "duplicate-address"]]);
  });

  it("reports a lasting duplicate once", () => {
    const effects = watch(Array.from({ length: 100 }, (_, index) => seconds(index * 60)));
    assert.equal(effects.flat().filter((type) => type === "duplicate-address").length, 1);
    assert.equal(effects.flat().filter((type) => type === "defend").length, 100);
  });

  it("reports again when the claims come back after five quiet minutes, and not a microsecond sooner", () => {
    const quiet = seconds(300);
    const claims = (pause: Duration) =>
      [seconds(0), seconds(2), after(instant(seconds(2)), pause)].map(micros);
    assert.deepEqual(watch(claims(micros(quiet - 1)))[2], ["defend"]);
    const [, , third, fourth] = watch([...claims(quiet), micros(seconds(304))]);
    assert.deepEqual([third, fourth], [["defend"], ["defend", "duplicate-address"]]);
  });

  it("forgets an address that we gave up, so that its next holder is no duplicate", () => {
    const { state } = sight(INITIAL, claim, ownership, START);
    const gone = { ...ownership, addresses: new Set<IpAddress>() };
    assert.equal(expire(state, gone, START).size, 0);
    assert.equal(expire(state, ownership, after(START, micros(seconds(300) - 1))), state);
    assert.equal(deadline(state), after(START, seconds(300)));
    assert.equal(expire(state, ownership, after(START, seconds(300))).size, 0);
    assert.equal(deadline(INITIAL), undefined);
  });

  it("remembers no more than the addresses we hold, whatever arrives", () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    const anyAddress = fc.oneof(fc.constantFrom(...ownership.addresses), bytes(4).map(addressFromBytes));
    const anyClaim = fc.tuple(anyAddress, bytes(6).map(macFromBytes), fc.nat(10_000));
    fc.assert(
      fc.property(fc.array(anyClaim, { maxLength: 100 }), (claims) => {
        let state = INITIAL;
        let now = START;
        for (const [address, mac, pause] of claims) {
          now = after(now, millis(pause));
          const next = sight(state, { address, mac }, ownership, now);
          state = next.state;
          assert.ok(next.effects.length <= 2);
        }
        assert.ok([...state.keys()].every((address) => ownership.addresses.has(address)));
      }),
    );
  });
});
