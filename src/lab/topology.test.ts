import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseAddress } from "#base/address";
import { formatInterfaceAddress } from "#base/prefix";
import { standardTopology, topologyProblems } from "./topology.ts";

const vip = parseAddress("10.2.0.100") ?? assert.fail();

describe("the standard topology", () => {
  it("can be built with every choice", () => {
    for (const client of ["routed", "lan"] as const) {
      for (const edges of [0, 2, 9]) {
        for (const nodes of [0, 3, 79]) {
          assert.deepEqual(topologyProblems(standardTopology({ client, edges, nodes })), []);
        }
      }
    }
  });

  it("puts edges and nodes where its description says", () => {
    const { hosts } = standardTopology();
    const addressByName = new Map(
      hosts.map(({ name, interfaces }) => [
        name,
        interfaces.flatMap((each) => each.addresses.map(formatInterfaceAddress)),
      ]),
    );
    assert.deepEqual(addressByName.get("cl"), ["10.1.0.2/24", "fd01::2/64"]);
    assert.deepEqual(addressByName.get("e2"), ["10.2.0.12/24", "fd02::12/64"]);
    assert.deepEqual(addressByName.get("n1"), ["10.2.0.21/24", "fd02::21/64"]);
    assert.equal(addressByName.get("rt")?.length, 4);
  });

  it("keeps nodes quiet about addresses they only accept", () => {
    const node = standardTopology({ directReturn: [vip] }).hosts.find(({ name }) => name === "n1");
    assert.deepEqual(node?.loopback.map(formatInterfaceAddress), ["10.2.0.100/32"]);
    assert.equal(node?.sysctls["net/ipv4/conf/all/arp_ignore"], "1");
  });
});

describe("a topology's problems", () => {
  const { switches, hosts } = standardTopology();
  const [client] = hosts;
  assert(client !== undefined);

  it("names every bad name, missing switch, doubled name, cable and address at once", () => {
    const problems = topologyProblems({
      switches: [...switches, "E!"],
      hosts: [
        ...hosts,
        client,
        {
          ...client,
          name: "x",
          interfaces: client.interfaces.flatMap((each) => [each, { ...each, switch: "nowhere" }, each]),
        },
      ],
    });
    for (const expected of [
      /^E!: a name/,
      /^cl: the name/,
      /no switch nowhere/,
      /two cables/,
      /belongs to cl/,
    ]) {
      assert(
        problems.some((problem) => expected.test(problem)),
        `${expected} in ${problems.join("\n")}`,
      );
    }
  });

  const behindNode = (place: string): readonly string[] => {
    const pod = {
      ...client,
      name: "pod",
      interfaces: client.interfaces.map((each) => ({ ...each, switch: place, addresses: [] })),
    };
    const bridge = { name: "cni0", addresses: client.interfaces.flatMap(({ addresses }) => addresses) };
    const withBridge = hosts.map((each) => (each.name === "n1" ? { ...each, bridge } : each));
    return topologyProblems({ switches, hosts: [...withBridge, pod] });
  };

  it("allows cables into a host with a bridge, and into no other", () => {
    assert(!behindNode("n1").some((problem) => problem.includes("no switch")));
    assert.deepEqual(
      behindNode("n2").filter((problem) => problem.includes("no switch")),
      ["pod: there is no switch n2"],
    );
  });

  it("counts the addresses of bridges among the others", () => {
    assert(behindNode("n1").includes("n1: 10.1.0.2/24 belongs to cl"));
  });
});
