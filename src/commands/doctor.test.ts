import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Finding } from "#core/doctor/finding";
import { doctor } from "./doctor.ts";

type Report = { readonly findings: readonly Finding[]; readonly blind: readonly string[] };

/** What the doctor reports of a machine whose speaker gives this status; without one nobody answers. */
const examined = async (status: object | undefined): Promise<Report> => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-doctor-"));
  const admin = join(folder, "speaker.sock");
  const server = createServer((_, response) => response.end(JSON.stringify(status)));
  if (status !== undefined) await once(server.listen(admin), "listening");
  const lines: string[] = [];
  try {
    await doctor(
      {
        ...{ node: "node-a", kubeconfig: join(folder, "none"), namespace: "lb", admin },
        ...{ bindsAddresses: false, json: true },
      },
      (line) => void lines.push(line),
    );
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
  return JSON.parse(lines.join("\n"));
};

const subjectsOf = ({ findings }: Report) =>
  findings.filter(({ code }) => code === "bfd-never-heard").map(({ subject }) => subject);

describe("the doctor, asking the speaker of its machine", () => {
  it("finds a ready node that it never heard", async () => {
    const member = { node: "node-b", standing: "dead", cause: "never-heard", since: 0, api: "ready" };
    const report = await examined({
      ...{ role: "speaker", now: 100_000, company: "accompanied" },
      members: [{ ...member, address: "192.0.2.2" }],
    });
    assert.deepEqual(subjectsOf(report), ["node-b"]);
    assert.ok(!report.blind.join().includes("speaker"));
  });

  it("finds what the speaker says of its sessions with routers", async () => {
    const peer = { name: "tor", address: "192.0.2.1", state: "idle", since: 0, leftOut: [] };
    const failure = { text: "the peer sent a NOTIFICATION: OPEN Message Error: Bad Peer AS", at: 0 };
    const { findings } = await examined({
      ...{ role: "speaker", now: 100_000, company: "accompanied", members: [] },
      bgp: { peers: [{ ...peer, failure }], refusedPeers: [], troubles: [] },
    });
    const [found] = findings.filter(({ subject }) => subject === "tor");
    assert.equal(found?.code, "bgp-wrong-asn");
    assert.match(found.remedy, /^steelyard router-config --vendor frr --peer tor /);
  });

  it("says that it could not, where another program or nobody answers", async () => {
    assert.match((await examined({ role: "edge" })).blind.join(), /what answers there is no speaker/);
    assert.match((await examined(undefined)).blind.join(), /speaker\.sock: nobody answers there/);
  });
});
