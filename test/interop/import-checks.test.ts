import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Status } from "#api/status";
import { type Lab, openLab, standardTopology } from "#lab/index";
import { steelyard } from "./pair.ts";

const REAL = readFileSync(
  join(import.meta.dirname, "../../src/core/keepalived/testdata/office.conf"),
  "utf8",
);

const server = (port: number, checker: (node: string) => string): string =>
  [
    `virtual_server 10.2.0.100 ${port} {`,
    "  delay_loop 1",
    "  connect_timeout 1",
    "  retry 1",
    "  delay_before_retry 1",
    "  lvs_sched wrr",
    "  lvs_method NAT",
    "  protocol TCP",
    ...["10.2.0.21", "10.2.0.22"].map((node) => `  real_server ${node} 8080 {\n${checker(node)}\n  }`),
    "}",
  ].join("\n");

/** Three servers with the same backends, asked in three ways; `marks` says where the script looks. */
const TEXT = [
  "vrrp_instance pair {\n interface eth0\n virtual_router_id 7\n virtual_ipaddress { 10.2.0.100/24\n }\n}",
  server(81, () => "TCP_CHECK {\n}"),
  server(82, () => "HTTP_GET {\n url {\n path /healthz\n status_code 200\n }\n}"),
  server(83, (node) =>
    `MISC_CHECK {\n misc_path "/usr/bin/test -e /run/$NODE.mark"\n}`.replace("$NODE", node),
  ),
].join("\n");

const WEB = `require("node:http").createServer((request, response) => {
  response.statusCode = request.url === "/healthz" && !require("node:fs").existsSync("/run/sick") ? 200 : 503;
  response.end();
}).listen(8080, () => console.log("listening"));`;

const inLab = async (test: (lab: Lab) => Promise<void>): Promise<void> => {
  const lab = await openLab(standardTopology({ edges: 1, nodes: 2, client: "lan" }));
  try {
    await test(lab);
  } finally {
    await lab.close();
  }
};

/** The verdicts on both nodes by the port of the server, such as `healthy failed`. */
const verdicts = async (lab: Lab): Promise<Readonly<Record<string, string>>> => {
  const asked = await lab.host("e1").run(steelyard("status", "--json"));
  const status: Status | undefined = asked.code === 0 ? JSON.parse(asked.stdout) : undefined;
  return Object.fromEntries(
    (status?.servers ?? []).map(({ name, backends }) => [
      name.replace(/.*-/, ""),
      backends.map(({ health }) => health).join(" "),
    ]),
  );
};

const waitFor = async (
  lab: Lab,
  wanted: Readonly<Record<string, string>>,
  withinMs: number,
): Promise<void> => {
  const limit = performance.now() + withinMs;
  for (;;) {
    const seen = await verdicts(lab);
    if (JSON.stringify(seen) === JSON.stringify(wanted)) return;
    if (performance.now() > limit) assert.deepEqual(seen, wanted);
    await pause(100);
  }
};

const checkFixture = async (context: TestContext): Promise<void> =>
  inLab(async (lab) => {
    const host = lab.host("e1");
    for (const device of ["eth1", "eth2"])
      await host.expect(["ip", "link", "add", device, "type", "veth", "peer", "name", `${device}p`]);
    await host.write("/run/office.conf", REAL);
    const { code, stdout, stderr } = await host.run(["keepalived", "-t", "-l", "-f", "/run/office.conf"]);
    context.diagnostic(stdout + stderr);
    assert.equal(code, 0);
  });

describe("checks of an imported keepalived.conf", () => {
  it("find what keepalived's would find, within its times", async () => {
    await inLab(async (lab) => {
      const edge = lab.host("e1");
      await edge.write("/run/keepalived.conf", TEXT);
      for (const node of ["10.2.0.21", "10.2.0.22"]) await edge.write(`/run/${node}.mark`, "");
      const webs = await Promise.all(
        ["n1", "n2"].map((node) => lab.host(node).spawn([process.execPath, "-e", WEB])),
      );
      await Promise.all(webs.map((web) => web.said(/listening/)));
      await edge.expect(steelyard("import", "keepalived", "/run/keepalived.conf", "-o", "/run/edge.yaml"));
      await edge.spawn(steelyard("edge", "--config", "/run/edge.yaml"));
      const well = { "81": "healthy healthy", "82": "healthy healthy", "83": "healthy healthy" };
      await waitFor(lab, well, 8_000);
      // Refused at once, so a second attempt after 1 s decides, and rounds begin every second.
      const worst = 4_000;
      await lab.host("n2").write("/run/sick", "");
      await waitFor(lab, { ...well, "82": "healthy failed" }, worst);
      await webs[1]?.stop();
      await waitFor(lab, { ...well, "81": "healthy failed", "82": "healthy failed" }, worst);
      await edge.expect(["rm", "/run/10.2.0.21.mark"]);
      const all = { "81": "healthy failed", "82": "healthy failed", "83": "failed healthy" };
      await waitFor(lab, all, worst);
    });
  });
});

describe("the configuration that the importer is tested with", () => {
  it("is one that keepalived itself accepts without a warning", checkFixture);
});
