/**
 * Virtual servers from one keepalived.conf: on `e1` keepalived runs it, on `e2` what the importer makes of it, by IPVS. Both
 * tables must be alike, whatever happens to the backends. Runs inside user-mode Linux.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { type Lab, type LabProcess, openLab, standardTopology } from "#lab/index";
import { steelyard } from "#test/interop/pair";
import { until } from "#test/kernel/edge-bed";

const BOXES = ["e1", "e2"] as const;
const NODES = ["10.2.0.21", "10.2.0.22"];
/** A check each second, a second attempt after one more, and a kernel that is a process on a busy machine. Milliseconds. */
const BOUND = 30_000;

const server = (port: number, how: readonly string[], real: (index: number) => string): string =>
  [
    `virtual_server 10.2.0.100 ${port} {`,
    ...["delay_loop 1", "connect_timeout 2", "retry 1", "delay_before_retry 1", ...how],
    ...NODES.map((node, index) => `real_server ${node} ${real(index)}\n}`),
    "}",
  ].join("\n");

const HTTP = "HTTP_GET {\n url {\n path /healthz\n status_code 200\n }\n}";
const TEXT = [
  "vrrp_instance pair {\n interface eth0\n virtual_router_id 7\n virtual_ipaddress { 10.2.0.100/24\n }\n}",
  server(
    80,
    ["lvs_sched wrr", "lvs_method DR", "protocol TCP"],
    (index) => `80 {\n weight ${3 - index}\n TCP_CHECK {\n }`,
  ),
  server(
    81,
    ["lvs_method NAT", "protocol TCP", "persistence_timeout 60", "sorry_server 10.2.0.23 80"],
    () => `80 {\n${HTTP}`,
  ),
  // Without a protocol it is UDP.
  server(82, ["lvs_sched rr", "lvs_method NAT"], () => "80 {\n TCP_CHECK {\n }"),
  "",
].join("\n");

/** The table while these backends are in it: of the servers that ask for a connection, and of the one that asks for a page. */
const table = (connected: readonly number[], well: readonly number[]): string =>
  [
    "-A -t 10.2.0.100:80 -s wrr",
    "-A -t 10.2.0.100:81 -s wlc -p 60",
    "-A -u 10.2.0.100:82 -s rr",
    ...connected.map((index) => `-a -t 10.2.0.100:80 -r ${NODES[index]}:80 -g -w ${3 - index}`),
    ...well.map((index) => `-a -t 10.2.0.100:81 -r ${NODES[index]}:80 -m -w 1`),
    ...(well.length === 0 ? ["-a -t 10.2.0.100:81 -r 10.2.0.23:80 -m -w 1"] : []),
    ...connected.map((index) => `-a -u 10.2.0.100:82 -r ${NODES[index]}:80 -m -w 1`),
  ].join("\n");

/** What a box has in IPVS. Our sorry server is there with weight 0 before it is needed, keepalived's is not. */
const tableOf = async (lab: Lab, box: string): Promise<string> =>
  (await lab.host(box).expect(["ipvsadm", "-S", "-n"]))
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.endsWith(" -w 0"))
    .sort()
    .join("\n");

const WEB = `require("node:http").createServer((request, response) => {
  response.statusCode = require("node:fs").existsSync("/run/sick") ? 503 : 200;
  response.end();
}).listen(80, () => console.log("listening"));`;

const startWeb = async (lab: Lab, node: string): Promise<LabProcess> => {
  const web = await lab.host(node).spawn([process.execPath, "-e", WEB]);
  await web.said(/listening/);
  return web;
};

/** Starts keepalived on one box and the edge on the other, from the same file. */
const start = async (lab: Lab): Promise<readonly LabProcess[]> => {
  for (const box of BOXES) await lab.host(box).write("/run/keepalived.conf", TEXT);
  const [theirs, ours] = [lab.host("e1"), lab.host("e2")];
  const pids = ["-p", "/run/ka.pid", "-r", "/run/ka-vrrp.pid", "-c", "/run/ka-checkers.pid"];
  const keepalived = await theirs.spawn([
    "keepalived",
    "-n",
    "-l",
    "-D",
    "-f",
    "/run/keepalived.conf",
    ...pids,
  ]);
  await ours.expect(steelyard("import", "keepalived", "/run/keepalived.conf", "-o", "/run/edge.yaml"));
  const edge = await ours.spawn(steelyard("edge", "--config", "/run/edge.yaml", "--engine", "ipvs"));
  return [keepalived, edge];
};

it("a keepalived.conf and its import make the same table of IPVS, and take the same backends out of it and back", async (context) => {
  const lab = await openLab(standardTopology({ nodes: 2, client: "lan" }));
  let programs: readonly LabProcess[] = [];
  const both = async (what: string, wanted: string): Promise<void> => {
    for (const box of BOXES) {
      let seen = "";
      const isThere = async (): Promise<true | undefined> => {
        seen = await tableOf(lab, box);
        return seen === wanted || undefined;
      };
      await until(`${box}: ${what}`, isThere, { withinMs: BOUND }).catch(() =>
        assert.equal(seen, wanted, `${box}: ${what}`),
      );
    }
  };
  try {
    const first = await startWeb(lab, "n1");
    await startWeb(lab, "n2");
    programs = await start(lab);
    await both("all is well", table([0, 1], [0, 1]));
    await lab.host("n2").write("/run/sick", "");
    await both("the second one answers 503", table([0, 1], [0]));
    await first.stop();
    await both("the first one is gone", table([1], []));
    await startWeb(lab, "n1");
    await both("the first one is back", table([0, 1], [0]));
    await lab.host("n2").expect(["rm", "/run/sick"]);
    await both("all is well again", table([0, 1], [0, 1]));
  } catch (error) {
    for (const each of programs) context.diagnostic(`${each.stdout()}${each.stderr()}`);
    throw error;
  } finally {
    await lab.close();
  }
});
