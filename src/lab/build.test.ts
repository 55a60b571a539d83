import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseAddress } from "#base/address";
import { macFromBytes } from "#base/mac";
import { parseInterfaceAddress } from "#base/prefix";
import { renderCables, renderHost, renderHostBridge, renderHostInit, renderSwitch } from "./build.ts";
import { type LabHost, standardTopology } from "./topology.ts";

const directReturn = ["10.2.0.100", "fd02::100"].flatMap((text) => parseAddress(text) ?? []);
const topology = standardTopology({ edges: 1, nodes: 1, directReturn });
const node = topology.hosts.find(({ name }) => name === "n1") ?? assert.fail();

describe("building a topology", () => {
  it("lays one cable for each interface, its far end named after the host", () => {
    const lines = renderCables(topology).trimEnd().split("\n");
    assert.equal(lines.length, 5);
    assert.equal(
      lines.at(-1),
      "link add name eth0 netns n1 index 100 address 02:00:00:00:02:15 type veth peer name n1 netns sw",
    );
  });

  it("plugs into a switch exactly the hosts that have a cable to it", () => {
    assert.deepEqual(renderSwitch(topology, "up").match(/^link set \S+ master/gm), [
      "link set cl master",
      "link set rt master",
    ]);
  });

  it("never waits for duplicate address detection", () => {
    const lines = renderHost(node).split("\n");
    const added = lines.filter((line) => line.startsWith("address add") && line.includes(":"));
    assert.equal(added.length, 2);
    assert(added.every((line) => line.includes(" nodad")));
    assert.match(renderHostInit("n1", {}), /echo 0 >net\/ipv6\/conf\/default\/accept_dad/);
  });

  it("never makes a shared IPv6 address the source of a host's own connections", () => {
    assert.match(renderHost(node), /^address add fd02::100\/128 dev lo nodad preferred_lft 0$/m);
  });

  it("lets a host's own settings win over the defaults", () => {
    const script = renderHostInit("e1", { "net/ipv4/ip_forward": "1" });
    assert.match(script, /echo 1 >net\/ipv4\/ip_forward/);
    assert.doesNotMatch(script, /echo 0 >net\/ipv4\/ip_forward/);
  });
});

const prefixed = (text: string) => parseInterfaceAddress(text) ?? assert.fail(text);

describe("building a host with pods behind it", () => {
  const withBridge: LabHost = {
    ...node,
    bridge: { name: "cni0", addresses: [prefixed("10.244.1.1/24"), prefixed("fd00:244:1::1/64")] },
    routes: [
      {
        to: prefixed("10.244.2.0/24"),
        via: parseAddress("10.2.0.22") ?? assert.fail(),
      },
    ],
  };
  const pod: LabHost = {
    ...node,
    ...{ name: "n1-a", role: "pod", loopback: [] },
    interfaces: [
      {
        ...{ name: "eth0", switch: "n1", mac: macFromBytes(Uint8Array.of(2, 0, 0, 0, 1, 2)) },
        addresses: [prefixed("10.244.1.2/24")],
      },
    ],
  };
  const behind = { switches: topology.switches, hosts: [withBridge, pod] };

  it("puts the far end of the pod's cable into the host, as a port of its bridge", () => {
    assert.match(renderCables(behind), /netns n1-a .* peer name n1-a netns n1$/m);
    assert.deepEqual(renderHostBridge(behind, withBridge).trimEnd().split("\n"), [
      "link add cni0 type bridge stp_state 0 mcast_snooping 0",
      "link set cni0 up",
      "link set n1-a master cni0 up",
      "address add 10.244.1.1/24 dev cni0 brd +",
      "address add fd00:244:1::1/64 dev cni0 nodad",
    ]);
  });

  it("makes no bridge in a host that has none", () => {
    assert.equal(renderHostBridge(behind, pod), "");
  });

  it("adds further routes last, when their neighbours can be reached", () => {
    assert.equal(
      renderHost(withBridge).trimEnd().split("\n").at(-1),
      "route add 10.244.2.0/24 via 10.2.0.22",
    );
  });
});
