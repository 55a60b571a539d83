/** Two switches, and hosts that join their two cables. */
import assert from "node:assert/strict";
import type { IpAddress } from "#base/address";
import { parseMac } from "#base/mac";
import { type Lab, standardTopology } from "#lab/index";
import type { Topology } from "#test/kernel/edge-bed";
import { ip, NODES } from "./vm-bed.ts";

/** A second cable from e1, to a second switch; nodes have these addresses, too, and answer themselves. */
export const twoSwitches = (directReturn: readonly IpAddress[], nodes: number = NODES.length): Topology => {
  const { switches, hosts } = standardTopology({ nodes, client: "lan", directReturn });
  const mac = parseMac("02:00:00:00:03:0b") ?? assert.fail();
  const second = { name: "eth1", switch: "sw2", mac, addresses: [] };
  return {
    switches: [...switches, "sw2"],
    hosts: hosts.map((host) =>
      host.name === "e1" ? { ...host, interfaces: [...host.interfaces, second] } : host,
    ),
  };
};

/** Joins the two cables of a host. The address moves from the first of them to the bond. */
export const join = (lab: Lab, host: string, options: string, number: number): Promise<void> =>
  ip(
    lab,
    host,
    "addr flush dev eth0",
    "link set eth0 down",
    "link set eth1 down",
    `link add bond0 type bond miimon 20 ${options}`,
    "link set eth0 master bond0",
    "link set eth1 master bond0",
    "link set bond0 up",
    `addr add 10.2.0.${number}/24 dev bond0`,
  );

export const read = async (lab: Lab, host: string, file: string): Promise<string> =>
  (await lab.host(host).expect(["cat", file])).trim();

/** The cable that e1's bond uses. */
export const activePort = (lab: Lab): Promise<string> =>
  read(lab, "e1", "/sys/class/net/bond0/bonding/active_slave");

/** Pulls or plugs one of e1's cables, at its switch. */
export const cable = (lab: Lab, device: string, state: "up" | "down"): Promise<void> =>
  ip(lab, device === "eth0" ? "sw" : "sw2", `link set e1 ${state}`);
