/** What `steelyard preflight` finds on a segment that has been made wrong, one way after the other. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Status } from "#api/status";
import type { LabHostHandle } from "#lab/index";
import { steelyard } from "./edge-bed.ts";
import { inVipBed, LINE, VIP, type VipBed } from "./vip-bed.ts";

type Finding = { readonly code: string; readonly severity: string; readonly subject: string } & Record<
  "message" | "remedy",
  string
>;
type Report = {
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
  readonly blind: readonly string[];
};

/** Longer than keepalived's second between advertisements. */
const LISTEN = "1500ms";

/** The machine has no clock that anybody sets, and that is not what is looked for here. */
const IRRELEVANT = new Set(["clock"]);

const preflight = async (
  host: LabHostHandle,
  args: readonly string[] = LINE,
): Promise<Report & { readonly codes: readonly string[]; readonly status: number | null }> => {
  const { stdout, stderr, code } = await host.run(
    steelyard("preflight", "--json", "--listen", LISTEN, ...args),
    {
      timeoutMs: 60_000,
    },
  );
  assert.notEqual(stdout, "", stderr);
  const report: Report = JSON.parse(stdout);
  const findings = report.findings.filter((finding) => !IRRELEVANT.has(finding.code));
  return { ...report, findings, codes: findings.map((finding) => finding.code), status: code };
};

const keepalivedConfig = (vrid: number, address: string, version: 2 | 3): string => `
global_defs {
  vrrp_version ${version}
}
vrrp_instance other {
  state MASTER
  interface eth0
  virtual_router_id ${vrid}
  priority 77
  advert_int 1
  virtual_ipaddress {
    ${address}
  }
}
`;

/** Starts keepalived on a host that is none of the cluster's; gives what ends it. */
const startKeepalived = async (host: LabHostHandle, config: string): Promise<() => Promise<unknown>> => {
  await host.write("/run/keepalived.conf", config);
  const pids = ["-p", "/run/keepalived.pid", "-r", "/run/keepalived-vrrp.pid"];
  const program = await host.spawn([
    "keepalived",
    "-n",
    "-l",
    "-D",
    "-P",
    "-f",
    "/run/keepalived.conf",
    ...pids,
  ]);
  await program.said(/Entering MASTER STATE/, 20_000);
  return () => program.stop();
};

const filtering = async (host: LabHostHandle, rules: string): Promise<() => Promise<unknown>> => {
  await host.write("/run/rules.nft", rules);
  await host.expect(["nft", "-f", "/run/rules.nft"]);
  return () => host.expect(["nft", "flush", "ruleset"]);
};

const client = ({ lab }: VipBed): LabHostHandle => lab.host("cl");

describe("a preflight", () => {
  it("finds nothing where all is well, and leaves nothing behind", async (context) => {
    await inVipBed(context, async ({ hosts: [e1], lab }) => {
      const before = await e1.host.expect(["ip", "address"]);
      const { codes, notes, blind } = await preflight(e1.host);
      assert.deepEqual(codes, []);
      assert.deepEqual(
        notes.filter((note) => /one of 3|port 6443/.test(note)),
        ["this host is 10.2.0.11, one of 3", "nobody waits on port 6443 yet: no API server runs here"],
      );
      assert.deepEqual(
        blind.filter((what) => !what.startsWith("the clock")),
        [],
      );
      assert.equal(await e1.host.expect(["ip", "address"]), before);
      // Nobody has learnt the address from being asked for it.
      const learnt = await lab.host("cl").expect(["ip", "neighbour", "show", VIP]);
      assert.doesNotMatch(learnt, /lladdr/);
    });
  });

  it("finds machines that have the address, with their MAC addresses, for both families", async (context) => {
    await inVipBed(context, async (bed) => {
      const [e1, e2] = bed.hosts;
      await client(bed).expect(["ip", "address", "add", `${VIP}/24`, "dev", "eth0"]);
      await client(bed).expect(["ip", "address", "add", "fd02::100/64", "dev", "eth0", "nodad"]);
      const both = [...LINE, "--address", "fd02::100", "--peers", "fd02::11,fd02::12,fd02::13"];
      const { findings, status } = await preflight(e1.host, both);
      const taken = findings.filter(({ code }) => code === "address-taken");
      assert.deepEqual(
        taken.map(({ subject }) => subject),
        [VIP, "fd02::100"],
      );
      for (const { message } of taken) assert.match(message, /^02:00:00:00:02:[0-9a-f]{2} .*has /);
      assert.equal(status, 1);
      await client(bed).expect(["ip", "address", "del", `${VIP}/24`, "dev", "eth0"]);
      await e2.host.expect(["ip", "address", "add", `${VIP}/24`, "dev", "eth0"]);
      const atPeer = (await preflight(e1.host)).findings.find(({ code }) => code === "address-taken");
      assert.match(atPeer?.message ?? "", /10\.2\.0\.12 is one of the peers/);
      const here = (await preflight(e2.host)).findings.find(({ code }) => code === "address-here");
      assert.match(here?.remedy ?? "", /ip address del 10\.2\.0\.100/);
    });
  });

  it("finds keepalived with the same identifier, and says which one is free", async (context) => {
    await inVipBed(context, async (bed) => {
      const [e1] = bed.hosts;
      const stop = await startKeepalived(client(bed), keepalivedConfig(53, "10.2.0.200/24", 3));
      const { findings } = await preflight(e1.host);
      assert.deepEqual(
        findings.map(({ code }) => code),
        ["vrid-taken"],
      );
      assert.match(findings[0]?.message ?? "", /priority 77, version 3, for 10\.2\.0\.200/);
      assert.match(findings[0]?.remedy ?? "", /--vrid 54$/);
      const other = await preflight(e1.host, [...LINE, "--vrid", "54"]);
      assert.deepEqual(other.codes, []);
      assert(other.notes.some((note) => /uses vrid 53, with priority 77/.test(note)));
      await stop();
      // On a host of the cluster it holds addresses as well.
      const stopHere = await startKeepalived(e1.host, keepalivedConfig(9, "10.2.0.201/24", 3));
      assert.deepEqual((await preflight(e1.host)).codes, ["other-program"]);
      await stopHere();
    });
  });

  it("finds a firewall that drops VRRP, by what arrives and by its rules", async (context) => {
    await inVipBed(context, async ({ hosts: [e1, e2, e3] }) => {
      const rules = `table inet filter {
        chain input {
          type filter hook input priority 0; policy drop;
          iifname "lo" accept
          ct state established,related accept
          meta l4proto { icmp, ipv6-icmp } accept
          tcp dport 6443 accept
        }
      }`;
      const open = await filtering(e1.host, rules);
      const byRules = (await preflight(e1.host)).findings;
      assert.deepEqual(
        byRules.map(({ code }) => code),
        ["vrrp-filtered"],
      );
      assert.match(byRules[0]?.message ?? "", /its policy of the chain inet filter input/);
      for (const each of [e2, e3]) {
        await each.serve();
        await each.launch(LINE);
      }
      const isActive = ({ routers }: Status): boolean => routers[0]?.state === "active";
      await Promise.any([e2, e3].map((each) => each.until("holds it", isActive, 60_000)));
      const measured = (await preflight(e1.host)).findings.find(({ code }) => code === "vrrp-filtered");
      assert.match(measured?.message ?? "", /Advertisements of 10\.2\.0\.1[23] arrive at eth0/);
      // What it says mends it.
      const [command = ""] = (measured?.remedy ?? "").split(", and ");
      await e1.host.expect(["sh", "-c", command]);
      const mended = await preflight(e1.host);
      assert.deepEqual(mended.codes, []);
      assert(mended.notes.some((note) => /^10\.2\.0\.1[23] holds 10\.2\.0\.100 now/.test(note)));
      await open();
    });
  });

  it("finds a firewall that forwards nothing, which only --balance needs", async (context) => {
    await inVipBed(context, async ({ hosts: [e1] }) => {
      const rules = `table inet filter {
        chain forward {
          type filter hook forward priority 0; policy drop;
          tcp dport 80 accept
        }
      }`;
      const open = await filtering(e1.host, rules);
      await e1.host.expect(["sh", "-c", "echo 0 >/proc/sys/net/ipv4/conf/eth0/forwarding"]);
      assert.deepEqual((await preflight(e1.host)).codes, []);
      const line = [...LINE, "--balance"];
      const found = await preflight(e1.host, line);
      assert.deepEqual([found.codes, found.status], [["balance-filtered"], 1]);
      assert.match(found.findings[0]?.message ?? "", /its policy of the chain inet filter forward/);
      assert(
        found.notes.some((note) => note.startsWith("net/ipv4/conf/eth0/forwarding is 0")),
        `${found.notes}`,
      );
      const [command = ""] = (found.findings[0]?.remedy ?? "").split(", and ");
      await e1.host.expect(["sh", "-c", command]);
      assert.deepEqual((await preflight(e1.host, line)).codes, []);
      await open();
    });
  });

  it("finds interfaces, files and servers that do not fit", async (context) => {
    await inVipBed(context, async ({ hosts: [e1, e2] }) => {
      const missing = await preflight(e1.host, ["--address", VIP, "--interface", "eth7"]);
      assert.deepEqual(missing.codes, ["interface-missing"]);
      const outside = await preflight(e1.host, ["--address", "192.0.2.10", "--interface", "eth0"]);
      assert.deepEqual(outside.codes, ["address-outside"]);
      const closed = "/run/closed/ca.crt";
      await e1.host.write(closed, await e1.host.read("/run/api/ca.crt"));
      await e1.host.expect(["chmod", "0700", "/run/closed"]);
      const unread = await preflight(e1.host, ["--address", VIP, "--interface", "eth0", "--ca", closed]);
      assert.deepEqual(unread.codes, ["ca-file"]);
      assert.match(unread.findings[0]?.message ?? "", /\/run\/closed is closed to others/);
      // An API server that nobody outside reaches, and something else on its port.
      const listening = (address: string, port: string) =>
        `require("node:net").createServer((socket) => socket.end("hello")).listen(${port}, "${address}", () => console.log("ready"))`;
      const stranger = await e1.host.spawn([process.execPath, "-e", listening("0.0.0.0", "6443")]);
      await stranger.said(/ready/, 20_000);
      assert.deepEqual((await preflight(e1.host)).codes, ["api-server-port-taken"]);
      await stranger.stop();
      await e2.serve();
      assert.deepEqual((await preflight(e2.host)).codes, []);
      await e1.host.expect(["ip", "link", "set", "dev", "eth0", "down"]);
      const down = await preflight(e1.host);
      assert(down.codes.includes("interface-down"));
      assert.equal(down.status, 1);
      assert(down.blind.some((what) => what.startsWith("the segment of eth0")));
    });
  });
});
