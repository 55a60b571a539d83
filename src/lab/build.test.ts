import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseAddress } from "#base/address";
import { renderCables, renderHost, renderHostInit, renderSwitch } from "./build.ts";
import { standardTopology } from "./topology.ts";

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
