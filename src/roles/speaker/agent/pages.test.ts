import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { EventRecord } from "#api/events";
import type { SpeakerAddressExplanation, SpeakerExplanation, SpeakerStatus } from "#api/speaker";
import { micros, millis } from "#base/time";
import { speakerSentence } from "#core/speaker/sentence";
import { SPEAKER_METRICS } from "#core/speaker-metrics/names";
import { type Answer, get } from "#drivers/http/client";
import { openServers } from "#drivers/http/servers";
import { adminRoutes } from "#runtime/cluster/pages";
import { address } from "#testing/values";
import type { SpeakerAgent } from "./agent.ts";
import { type AgentBed, createAgentBed, createCluster } from "./test-bed.ts";

const WEB = address("192.0.2.100");

/** Two nodes and a Service; node-b is dead, and this node has taken over from it. */
const createTakenOver = async (): Promise<{ readonly bed: AgentBed; readonly agent: SpeakerAgent }> => {
  const bed = createAgentBed();
  for (const [index, name] of ["node-a", "node-b"].entries()) {
    bed.node(name, `192.0.2.${index + 1}`);
    bed.speaker(name);
  }
  bed.pool(["192.0.2.100-192.0.2.250"]);
  bed.advertisement();
  bed.service("web", { ips: [WEB] });
  bed.service("mail", { ips: ["192.0.2.101"] });
  const agent = await bed.follow();
  bed.wire.observe({ type: "company", to: "alone" });
  bed.wire.observe({ type: "member", node: "node-b", from: "alive", to: "dead", cause: "silent" });
  bed.wire.observe({
    ...{ type: "address-state", address: WEB, from: "claiming", to: "holding" },
    ...{ cause: "holder-dead", peer: "node-b", outage: micros(millis(362)) },
  });
  bed.wire.say({ type: "voices", voices: [{ address: WEB, interfaces: ["eth0"] }] });
  bed.wire.say({ type: "counts", counts: { "bfd-packet truncated": 3 } });
  await bed.rest();
  return { bed, agent };
};

const ask = async (agent: SpeakerAgent, path: string): Promise<Answer> => {
  const directory = await mkdtemp(join(tmpdir(), "steelyard-speaker-"));
  const socket = join(directory, "s");
  const routes = adminRoutes({
    recent: agent.recent,
    sentence: speakerSentence,
    isReady: () => agent.isReady,
    metrics: () => agent.metrics(),
    status: () => agent.status(),
    explain: (key) => agent.explain(key),
    explainAddress: (address) => agent.explainAddress(address),
    ignorance: () => agent.ignorance,
  });
  const server = await openServers({ path: socket, routes }, undefined);
  if ("message" in server) assert.fail(server.message);
  const answer = await get(socket, path);
  await server.close();
  await rm(directory, { recursive: true });
  return answer;
};

const read = async (agent: SpeakerAgent, path: string): Promise<string> => {
  const answer = await ask(agent, path);
  return answer.ok ? answer.body : assert.fail(answer.message);
};

describe("the pages of a speaker", () => {
  it("say where each address is with this node, why, and on which interfaces", async () => {
    const { agent } = await createTakenOver();
    const status: SpeakerStatus = JSON.parse(await read(agent, "/v1/status"));
    assert.deepEqual(
      status.addresses.map(({ since: _, ...rest }) => rest),
      [
        {
          ...{ address: WEB, state: "holding", cause: "holder-dead", peer: "node-b" },
          ...{ interfaces: ["eth0"], outage: 362 },
        },
      ],
    );
    assert.deepEqual(
      status.members.map(({ node, standing, cause }) => [node, standing, cause]),
      [["node-b", "dead", "silent"]],
    );
    assert.deepEqual(
      status.members.map(({ address, api }) => [address, api]),
      [["192.0.2.2", "ready"]],
    );
    assert.deepEqual(
      [status.role, status.node, status.isSynced, status.company, status.placements],
      ["speaker", "node-a", true, "alone", 2],
    );
  });

  it("do not say how many addresses there are before the cluster has been read", () => {
    const agent = createAgentBed().start();
    assert.equal("placements" in agent.status(), false);
    assert.doesNotMatch(agent.metrics(), /^steelyard_placements/m);
  });

  it("forget where an address was answered for once it is held no more", async () => {
    const { bed, agent } = await createTakenOver();
    bed.wire.say({ type: "voices", voices: [{ address: WEB, interfaces: [] }] });
    assert.deepEqual(agent.status().addresses[0]?.interfaces, []);
  });

  it("have a value for each metric, and one for each address of a Service that is answered for", async () => {
    const { agent } = await createTakenOver();
    const body = await read(agent, "/metrics");
    for (const name of Object.keys(SPEAKER_METRICS)) assert.match(body, new RegExp(`^# TYPE ${name} `, "m"));
    for (const line of [
      'steelyard_addresses{state="holding"} 1',
      'steelyard_addresses{state="standby"} 0',
      'steelyard_address_transitions_total{cause="holder-dead"} 1',
      "steelyard_address_outage_seconds 0.362",
      'steelyard_member_deaths_total{cause="silent"} 1',
      'steelyard_company{company="alone"} 1',
      'steelyard_company{company="isolated"} 0',
      'steelyard_packet_problems_total{reason="bfd-packet truncated"} 3',
      'steelyard_placements{candidates="some"} 2',
      'steelyard_placements{candidates="none"} 0',
      'steelyard_process_start_time_seconds{part="wire"} 0',
      "steelyard_config_loaded 1",
      'metallb_speaker_announced{ip="192.0.2.100",node="node-a",protocol="layer2",service="shop/web"} 1',
    ])
      assert.ok(body.split("\n").includes(line), `${line} is not in\n${body}`);
    assert.doesNotMatch(body, /shop\/mail/);
  });

  it("tell addresses that no node may answer for from those that somebody should hold", async () => {
    const { bed, agent } = await createTakenOver();
    bed.service("web", { ips: [WEB], on: "node-z" });
    bed.service("web", { ips: [WEB], spec: { externalTrafficPolicy: "Local" }, on: "node-z" });
    await bed.rest();
    const body = await read(agent, "/metrics");
    assert.match(body, /^steelyard_placements\{candidates="some"\} 1$/m);
    assert.match(body, /^steelyard_placements\{candidates="none"\} 1$/m);
  });

  it("tell what happened, oldest first", async () => {
    const { agent } = await createTakenOver();
    const body = await read(agent, "/v1/events");
    const records = body
      .split("\n")
      .filter((line) => line !== "")
      .map((line): EventRecord => JSON.parse(line));
    assert.deepEqual(
      records.map(({ sequence }) => sequence),
      records.map((_, index) => index + 1),
    );
    assert.ok(records.some(({ text }) => text.includes("node-b fell silent")));
  });

  it("explain who may answer for a Service, who counts as dead, and where it is with this node", async () => {
    const { bed, agent } = await createTakenOver();
    bed.record("web", "node-b");
    await bed.rest();
    const explanation: SpeakerExplanation = JSON.parse(await read(agent, "/v1/explain?service=shop/web"));
    const [at] = explanation.addresses;
    assert.deepEqual(at?.candidates.map(({ node }) => node).sort(), ["node-a", "node-b"]);
    assert.deepEqual([at?.dead, at?.here?.state], [["node-b"], "holding"]);
    assert.equal(explanation.silence, undefined);
  });

  it("explain an address by itself, and say whose it is not", async () => {
    const { bed, agent } = await createTakenOver();
    bed.record("web", "node-b");
    await bed.rest();
    const path = `/v1/explain?address=${WEB}`;
    const { node, address: asked }: SpeakerAddressExplanation = JSON.parse(await read(agent, path));
    assert.deepEqual([node, asked.address, asked.here?.state], ["node-a", WEB, "holding"]);
    for (const unknown of ["192.0.2.250", "web"])
      assert.deepEqual(await ask(agent, `/v1/explain?address=${unknown}`), {
        ...{ ok: false, message: `no Service that concerns us has the address ${unknown}` },
      });
  });

  it("explain why nobody answers, and know nothing of what is not there", async () => {
    const { bed, agent } = await createTakenOver();
    bed.service("lost", { ips: ["203.0.113.5"] });
    await bed.rest();
    assert.equal(agent.explain("shop/lost")?.silence?.reason, "address-outside-pools");
    assert.deepEqual(await ask(agent, "/v1/explain?service=shop/none"), {
      ...{ ok: false, message: "there is no Service shop/none that concerns us" },
    });
  });

  it("say of no Service that there is none before all Services are known", async () => {
    const bed = createCluster({ web: [WEB] });
    const agent = bed.start();
    const explained = async () => {
      const answer = await ask(agent, "/v1/explain?service=shop/web");
      return answer.ok ? "explained" : answer.message;
    };
    assert.match(
      await explained(),
      /^nothing can be said of Services now: this agent has not read the cluster/,
    );
    bed.pool(["192.0.2.9-192.0.2.1"], "broken");
    agent.follow(bed.cluster);
    await bed.rest();
    assert.match(await explained(), /now: there has been no valid configuration/);
    bed.pool(["192.0.2.9/32"], "broken");
    await bed.rest();
    assert.equal(await explained(), "explained");
  });

  it("say that it is ready once the cluster has been read and while it is not cut off", async () => {
    const { bed, agent } = await createTakenOver();
    assert.equal((await ask(agent, "/readyz")).ok, true);
    bed.wire.observe({ type: "company", to: "isolated" });
    assert.equal((await ask(agent, "/readyz")).ok, false);
    assert.equal(await read(agent, "/healthz"), "ok\n");
  });
});

describe("the log of a speaker", () => {
  it("has what happened since an earlier agent logged, and nothing twice", () => {
    const bed = createAgentBed();
    bed.wire.observe({ type: "company", to: "alone" });
    bed.start();
    assert.deepEqual(bed.logged, []);
    bed.wire.observe({ type: "company", to: "accompanied" });
    assert.deepEqual(bed.logged, ["company"]);
  });
});
