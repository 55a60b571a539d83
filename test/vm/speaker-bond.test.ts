/**
 * A speaker on a bridge above a bond of two cables to two switches, and on a VLAN of that bond, by ARP and by Neighbour Discovery: one answer
 * to each question, none where the address does not belong, and a burst when the bond changes its cable. Runs in a virtual machine.
 */
import assert from "node:assert/strict";
import { join as pathOf } from "node:path";
import { it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Lab, LabProcess } from "#lab/index";
import { inBed, until } from "#test/kernel/edge-bed";
import { activePort, cable, join, twoSwitches } from "./bonds.ts";
import { BOUND, ip, vlan } from "./vm-bed.ts";

const MAIN = pathOf(import.meta.dirname, "../../dist/main.js");
const MAC = "02:00:00:00:02:0b";
const PLAIN = "10.2.0.110";
const TAGGED = "10.5.0.100";
const SIX = "fd02::110";
const TAGGED_SIX = "fd05::100";
const KUBECONFIG = JSON.stringify({
  ...{ apiVersion: "v1", kind: "Config", "current-context": "lab" },
  clusters: [{ name: "lab", cluster: { server: "https://127.0.0.1:9" } }],
  users: [{ name: "lab", user: { token: "none" } }],
  contexts: [{ name: "lab", context: { cluster: "lab", user: "lab" } }],
});
const STATE = JSON.stringify({
  ...{ version: 1, node: "e1" },
  members: [{ name: "e1", addresses: ["10.2.0.11"], macs: [MAC], api: "ready" }],
  placements: [PLAIN, TAGGED, SIX, TAGGED_SIX].map((address) => ({
    address,
    candidates: ["e1"],
    interfaces: "all",
  })),
});

const layCables = async (lab: Lab): Promise<void> => {
  // A name for `ip link` needs a process there.
  const { pid } = await lab.host("sw2").spawn(["sleep", "10000"]);
  await ip(
    lab,
    "sw",
    `link add trunk type veth peer name trunk netns ${pid}`,
    "link set trunk master br0 up",
  );
  await ip(lab, "sw2", "link set trunk master br0 up");
  await join(lab, "e1", "mode active-backup", 11);
  await ip(lab, "e1", ...vlan("bond0", 10, "10.5.0.11/24"));
  await ip(lab, "cl", ...vlan("eth0", 10, "10.5.0.2/24"));
  await ip(lab, "e1", "addr add fd05::11/64 dev bond0.10 nodad");
  // What comes with a tag goes to the VLAN before the bridge sees it.
  await ip(
    lab,
    "e1",
    `link add br1 address ${MAC} type bridge`,
    "addr flush dev bond0",
    "link set bond0 master br1",
    "link set br1 up",
    "addr add 10.2.0.11/24 dev br1",
    "addr add fd02::11/64 dev br1 nodad",
  );
  await ip(lab, "cl", "addr add fd05::2/64 dev eth0.10 nodad");
};

const startSpeaker = async (lab: Lab): Promise<LabProcess> => {
  const host = lab.host("e1");
  await host.expect(["mkdir", "-p", "-m", "700", "/run/steelyard/speaker"]);
  await host.write("/run/steelyard/speaker/cluster.json", STATE);
  await host.write("/run/kubeconfig", KUBECONFIG);
  // No refresh may look like a burst.
  const options = ["--kubeconfig", "/run/kubeconfig", "--node", "e1", "--refresh", "1h"];
  return await host.spawn([process.execPath, MAIN, "speaker", ...options]);
};

/** Announcements as tcpdump has them; some of its versions have a word of their own. */
const ANNOUNCED = {
  plain: /^(?!.*vlan 10).*(?:Announcement|Request who-has 10\.2\.0\.110 tell) 10\.2\.0\.110,/,
  tagged: /vlan 10.*(?:Announcement|Request who-has 10\.5\.0\.100 tell) 10\.5\.0\.100,/,
  six: /^(?!.*vlan 10).*> ff02::1: .*neighbor advertisement, tgt is fd02::110,/,
  taggedSix: /vlan 10.*> ff02::1: .*neighbor advertisement, tgt is fd05::100,/,
};

/** Has the client ask for an address, and gives whom it believes on a device. */
const ask = async (lab: Lab, address: string, device: string): Promise<string> => {
  const client = lab.host("cl");
  await client.run(["ip", "neigh", "flush", "to", address]);
  await client.run(["bash", "-c", `echo > /dev/udp/${address}/9`]);
  await pause(1_000);
  return (await client.run(["ip", "-o", "neigh", "show", "to", address, "dev", device])).stdout;
};

/** Lines of the client's capture about an address: `Request`, `Reply` or `Announcement`, with a tag or without. */
const seen = (tap: LabProcess, what: RegExp): number =>
  tap
    .stdout()
    .split("\n")
    .filter((line) => what.test(line)).length;

it("a speaker answers once on a bridge above a bond and on a VLAN of it, and announces when the bond changes its cable", async (context) => {
  await inBed(context, twoSwitches([], 0), async ({ lab }) => {
    await layCables(lab);
    const tap = await lab
      .host("cl")
      .spawn(["tcpdump", "-lnne", "-i", "eth0", "arp", "or", "icmp6", "or", "vlan"]);
    await tap.said(/listening on/, BOUND);
    const speaker = await startSpeaker(lab);
    try {
      const believes = (address: string, device: string): Promise<boolean> =>
        until(
          `${address} is believed on ${device}`,
          async () => (await ask(lab, address, device)).includes(MAC),
          {
            withinMs: BOUND,
          },
        );
      await believes(PLAIN, "eth0");
      await believes(TAGGED, "eth0.10");
      await believes(SIX, "eth0");
      await believes(TAGGED_SIX, "eth0.10");
      await ip(lab, "cl", `route add ${TAGGED}/32 dev eth0`);
      assert.doesNotMatch(await ask(lab, TAGGED, "eth0"), /lladdr/, "nobody answers outside of its VLAN");
      await ip(lab, "cl", `route del ${TAGGED}/32 dev eth0`);
      // What is announced goes to all, and may have been what it first believed.
      const answers = (): number => seen(tap, /> 02:00:00:00:02:02, .*Reply 10\.2\.0\.110 is-at/);
      await until(
        "the client itself is answered",
        async () => {
          await ask(lab, PLAIN, "eth0");
          return answers() >= 1;
        },
        { withinMs: BOUND },
      );
      const asked = seen(tap, /Request who-has 10\.2\.0\.110 .*tell 10\.2\.0\.2,/);
      assert.ok(answers() <= asked, `${answers()} answers to ${asked} questions`);

      // The takeover's second burst is over.
      await pause(10_000);
      // Of a bridge whose port changes its cable the kernel tells nothing.
      const announced = (): readonly number[] => Object.values(ANNOUNCED).map((each) => seen(tap, each));
      const before = announced();
      const port = await activePort(lab);
      await cable(lab, port, "down");
      await until("the other cable is active", async () => (await activePort(lab)) !== port, {
        withinMs: BOUND,
      });
      await until(
        "all are announced again, three times",
        async () => announced().every((count, index) => count >= (before[index] ?? 0) + 3),
        { withinMs: BOUND },
      );
      await believes(PLAIN, "eth0");
      await believes(TAGGED, "eth0.10");
    } catch (error) {
      context.diagnostic(`${speaker.stdout()}${speaker.stderr()}\n${tap.stdout()}`);
      throw error;
    } finally {
      await speaker.stop(BOUND);
    }
  });
});
