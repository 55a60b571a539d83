/** The responder's sockets between two network namespaces. Needs root. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseMac } from "#base/mac";
import { openResponderPort } from "#drivers/packet/linux-responder";
import {
  type ResponderLan,
  type ResponderStation,
  responderContract,
} from "#drivers/packet/responder-contract";
import type { ResponderSocket } from "#drivers/packet/responder-port";
import { address } from "#testing/values";
import { type Namespaces, openNamespaces, quiet, settle, within } from "./namespaces.ts";

const port = openResponderPort();

const station = (namespaces: Namespaces, host: "l" | "r", number: number): ResponderStation => {
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
      openResponder: (request) => {
        const opened = within(inside, () => port.openResponder(request));
        if (!opened.ok) return opened;
        // Sockets for groups are opened when they are needed.
        const listen: ResponderSocket["listen"] = (addresses) =>
          within(inside, () => opened.value.listen(addresses));
        return { ok: true, value: { ...opened.value, listen } };
      },
    },
    mac: parseMac(`02:00:00:00:00:0${number}`) ?? assert.fail("no MAC address"),
    link: { index: Number.parseInt(namespaces.ip(host, "-o link show wire0"), 10), name: "wire0" },
    address: { IPv4: address(`192.0.2.${number}`), IPv6: address(`2001:db8::a0${number}`) },
    setLink: (up) => {
      namespaces.ip(host, `link set wire0 ${up ? "up" : "down"}`);
    },
  };
};

const openLan = (): ResponderLan => {
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

describe("the responder driver of Linux", () => {
  responderContract(openLan);
});

describe("a responder socket of Linux", () => {
  it("reports a link that is not there, by errno and in words", () => {
    const link = { index: 4_711, name: "absent0" };
    const callbacks = { onFrame: () => undefined, onError: () => undefined };
    for (const family of ["IPv4", "IPv6"] as const) {
      assert.deepEqual(port.openResponder({ link, family, ...callbacks }), {
        ok: false,
        error: { code: "ENODEV", operation: "listen on absent0" },
      });
    }
  });

  it("joins the groups of what it listens for and leaves them, and takes all multicast beyond a bound", () => {
    const namespaces = openNamespaces(["l", "r"]);
    let close = (): void => undefined;
    try {
      namespaces.ip("l", `link add wire0 type veth peer name wire0 netns ${namespaces.name("r")}`);
      const { port: inside, link } = station(namespaces, "l", 1);
      const opened = inside.openResponder({
        ...{ link, family: "IPv6", onFrame: () => undefined, onError: () => undefined },
      });
      assert.ok(opened.ok);
      close = opened.value.close;
      const groups = (): readonly string[] =>
        [...namespaces.ip("l", "maddr show dev wire0").matchAll(/inet6 (ff02::1:ff\S+)/g)].map(
          ([, group]) => group ?? "",
        );
      const before = groups();
      const listen = (...names: readonly string[]) => opened.value.listen(names.map(address));
      assert.deepEqual(listen("2001:db8::a:b", "2001:db8:1::a:b", "2001:db8::c"), {
        ok: true,
        value: { joined: 2, unjoined: 0 },
      });
      assert.deepEqual(
        groups().filter((group) => !before.includes(group)),
        ["ff02::1:ff00:c", "ff02::1:ff0a:b"],
      );
      assert.ok(listen("2001:db8::c").ok);
      assert.ok(!groups().includes("ff02::1:ff0a:b"));
      const many = Array.from({ length: 1_200 }, (_, index) => `2001:db8::1:${index.toString(16)}`);
      assert.deepEqual(listen(...many), {
        ok: true,
        value: { joined: 1_000, unjoined: 200, because: "too-many" },
      });
      assert.match(namespaces.ip("l", "-d link show wire0"), /allmulti [1-9]/);
      assert.ok(listen("2001:db8::c").ok);
      assert.match(namespaces.ip("l", "-d link show wire0"), /allmulti 0/);
      close();
      assert.deepEqual(groups(), before);
    } finally {
      close();
      namespaces.close();
    }
  });
});
