/** The segment sockets between two network namespaces. Needs root. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseMac } from "#base/mac";
import { openSegmentPort } from "#drivers/packet/linux-segments";
import { type SegmentLan, type SegmentStation, segmentContract } from "#drivers/packet/test-segment-contract";
import { address } from "#testing/values";
import { type Namespaces, openNamespaces, quiet, settle, within } from "./namespaces.ts";

const port = openSegmentPort();

const station = (namespaces: Namespaces, host: "l" | "r", number: number): SegmentStation => {
  const inside = namespaces.name(host);
  namespaces.sysctl(host, "net/ipv6/conf/all/keep_addr_on_down", "1");
  namespaces.ip(
    host,
    `addr add 192.0.2.${number}/24 dev wire0`,
    `addr add 2001:db8::a0${number}/64 dev wire0 nodad`,
    "link set wire0 up",
  );
  return {
    port: {
      openSegments: (request) => within(inside, () => port.openSegments(request)),
      reservePorts: (ports) => within(inside, () => port.reservePorts(ports)),
    },
    mac: parseMac(`02:00:00:00:00:0${number}`) ?? assert.fail("no MAC address"),
    link: { index: Number.parseInt(namespaces.ip(host, "-o link show wire0"), 10), name: "wire0" },
    address: { IPv4: address(`192.0.2.${number}`), IPv6: address(`2001:db8::a0${number}`) },
    setLink: (up) => {
      namespaces.ip(host, `link set wire0 ${up ? "up" : "down"}`);
    },
  };
};

const openLan = (): SegmentLan => {
  const namespaces = openNamespaces(["l", "r"]);
  const peer = `type veth peer name wire0 address 02:00:00:00:00:02 netns ${namespaces.name("r")}`;
  namespaces.ip("l", `link add wire0 address 02:00:00:00:00:01 ${peer}`);
  const [left, right] = [station(namespaces, "l", 1), station(namespaces, "r", 2)];
  return {
    ...{ left, right, quiet, close: namespaces.close },
    settle: async (done) => {
      await settle(done);
    },
  };
};

describe("the segment driver of Linux", () => {
  segmentContract(openLan);
});

describe("a segment socket of Linux", () => {
  it("reports a link that is not there, by errno and in words", () => {
    const link = { index: 4_711, name: "absent0" };
    const callbacks = { onPacket: () => undefined, onError: () => undefined };
    for (const family of ["IPv4", "IPv6"] as const) {
      assert.deepEqual(
        port.openSegments({ link, family, ports: { low: 61_000, high: 61_001 }, ...callbacks }),
        {
          ok: false,
          error: { code: "ENODEV", operation: "listen on absent0" },
        },
      );
    }
  });
});
