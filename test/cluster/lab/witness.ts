/** What the LAN says of a Service's address: who answers the client, whom it believes, behind which port that one is. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { eventually } from "../eventually.ts";
import type { LabCluster } from "./bed.ts";
import { type Frame, startCapture } from "./capture.ts";
import { forgetNeighbour, macAt } from "./neighbours.ts";
import { urlAt } from "./services.ts";
import { forwardingTable } from "./switch.ts";

/** How long answers to a question may take; all nodes that have one give it at once. */
const ANSWERS_MS = 150;

export type Witness = {
  /** Everybody who answers when the client asks who has it, by host; a MAC of no host as it is. */
  answering(address: string): Promise<readonly string[]>;
  /** What a host has said of an address since then (`Date.now()`): announcements to all, and answers to the client. */
  said(host: string, address: string, since: number): readonly Frame[];
  /** Resolves when the client sends what is for these addresses to this node. */
  believes(node: string, addresses: readonly string[], withinMs?: number): Promise<void>;
  /** Resolves with the node to which the client sends what is for these addresses, once that is another one. */
  leaves(node: string, addresses: readonly string[], withinMs?: number): Promise<string>;
  /**
   * Fails unless this node answers for each of these addresses and nobody else does, as the answers, the client's table and the switch's
   * table say.
   */
  agreesOn(node: string, addresses: readonly string[]): Promise<void>;
  /** Resolves once this node answers for these addresses, and fails if others do as well. */
  held(node: string, addresses: readonly string[]): Promise<void>;
  close(): Promise<void>;
};

/** Whether a frame says that its sender has the address; a question whether it is free does not. */
const claims = ({ message }: Frame, address: string): boolean => {
  if (message.protocol === "arp") return message.senderAddress === address;
  return message.protocol === "ndp" && message.type === "advertisement" && message.target === address;
};

/** Watches the LAN from the client. */
export const openWitness = async ({
  lab,
  plane: { folder },
  client,
}: Pick<LabCluster, "lab" | "plane" | "client">): Promise<Witness> => {
  const capture = await startCapture(client, { folder });
  const ports = lab.topology.hosts.flatMap(({ name, interfaces }) =>
    interfaces.filter((port) => port.switch === "sw").map(({ mac }) => ({ name, mac: String(mac) })),
  );
  const macOf = (host: string): string => {
    const mac = ports.find(({ name }) => name === host)?.mac;
    return mac ?? assert.fail(`${host} is not on the LAN`);
  };
  const hostOf = (mac: string): string => ports.find((port) => port.mac === mac)?.name ?? mac;
  const since = (time: number): readonly Frame[] => capture.frames().filter(({ at }) => at >= time * 1_000);

  const answering = async (address: string): Promise<readonly string[]> => {
    const asked = Date.now();
    await forgetNeighbour(client, address);
    await client.run(["curl", "-s", "-o", "/dev/null", "--max-time", "1", urlAt(address)]);
    await pause(ANSWERS_MS);
    const answers = since(asked).filter(
      (frame) => frame.destination === macOf("cl") && claims(frame, address),
    );
    return [...new Set(answers.map(({ source }) => hostOf(source)))].sort();
  };
  const agreesOn: Witness["agreesOn"] = async (node, addresses) => {
    for (const address of addresses) {
      assert.deepEqual(await answering(address), [node], `who answers for ${address}`);
      assert.equal(await macAt(client, address), macOf(node), `whom the client believes of ${address}`);
    }
    assert.equal((await forwardingTable(lab)).get(macOf(node)), node, "behind which port it is");
  };
  return {
    ...{ answering, agreesOn },
    said: (host, address, time) =>
      since(time).filter((frame) => frame.source === macOf(host) && claims(frame, address)),
    believes: async (node, addresses, withinMs = 10_000) => {
      for (const address of addresses)
        await eventually(`${address} at ${node}`, withinMs, async () =>
          (await macAt(client, address)) === macOf(node) ? true : undefined,
        );
    },
    leaves: (node, addresses, withinMs = 10_000) =>
      eventually(`${addresses} elsewhere than at ${node}`, withinMs, async () => {
        const macs = await Promise.all(addresses.map((address) => macAt(client, address)));
        const [mac] = macs;
        const isOne = mac !== undefined && macs.every((each) => each === mac);
        return isOne && mac !== macOf(node) ? hostOf(mac) : undefined;
      }),
    held: async (node, addresses) => {
      for (const address of addresses)
        await eventually(`an answer for ${address}`, 15_000, async () =>
          (await answering(address)).length > 0 ? true : undefined,
        );
      await agreesOn(node, addresses);
    },
    close: async () => void (await capture.finish()),
  };
};
