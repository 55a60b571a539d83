/** What the check of `steelyard vip` hears from real API servers: one as k3s and RKE2 start it, and one that is opened as docs/vip.md says. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parseAddress } from "#base/address";
import { seconds } from "#base/time";
import { endpointIn } from "#core/config/endpoint";
import type { ProbeOutcome } from "#core/health/probe";
import { apiServerHealth } from "#core/vip/translate";
import { openChecks } from "#drivers/check/linux";
import { type ControlPlane, sharedControlPlane } from "./bed.ts";
import { eventually } from "./eventually.ts";

const PAGE = join(import.meta.dirname, "../../docs/vip.md");
const PATIENCE_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), "steelyard-check-"));
after(() => rmSync(folder, { recursive: true }));

/** Asks as a host asks its own API server, with more time. */
const ask = async ({ url, authority }: ControlPlane, path: string): Promise<ProbeOutcome> => {
  const spec = endpointIn({
    ...{ apiVersion: "steelyard.dev/v1alpha1", kind: "ControlPlaneEndpoint", metadata: { name: "api" } },
    spec: { addresses: ["192.0.2.10"], interface: "eth0", apiServer: { path, caFile: authority.caFile } },
  });
  const address = parseAddress("127.0.0.1");
  assert(spec !== undefined && address !== undefined);
  const { probe } = apiServerHealth(spec.apiServer);
  const target = { address, port: Number(new URL(url).port) };
  return await openChecks().probe({ probe, target, timeout: seconds(20) });
};

const said = async (plane: ControlPlane, path: string): Promise<string> => {
  const outcome = await ask(plane, path);
  return outcome.ok ? (outcome.note ?? "well") : outcome.reason;
};

const MUTE = "status 401: it tells nobody how it is";

describe("an API server as k3s and RKE2 start it", () => {
  const inCluster = sharedControlPlane({ flags: ["--anonymous-auth=false"] });

  it(
    "counts as working and says that it tells nothing, whether it has its store or not",
    inCluster(async (plane) => {
      assert.deepEqual([await said(plane, "/livez"), await said(plane, "/readyz")], [MUTE, MUTE]);
      await plane.etcd.stop("SIGKILL");
      assert.equal(await said(plane, "/livez"), MUTE);
    }),
  );
});

/** The file of the page, word for word. */
const openingFile = (): string => {
  const [, text] =
    /```yaml\n(# \/etc\/rancher\/k3s\/authentication\.yaml\n[\s\S]*?)```/.exec(readFileSync(PAGE, "utf8")) ??
    [];
  assert(text !== undefined, "the page has the file");
  const path = join(folder, "authentication.yaml");
  writeFileSync(path, text);
  return path;
};

describe("an API server that is opened as the page says", () => {
  const inCluster = sharedControlPlane({ flags: [`--authentication-config=${openingFile()}`] });

  it(
    "tells everybody how it is, and nothing else",
    inCluster(async (plane) => {
      const paths = ["/livez", "/readyz", "/version", "/api", "/livez/ping"];
      const answers = await Promise.all(paths.map((path) => said(plane, path)));
      assert.deepEqual(answers, ["well", "well", MUTE, MUTE, MUTE]);
    }),
  );

  it(
    "is dead without its store, unless that is left out of the question",
    inCluster(async (plane) => {
      await plane.etcd.stop("SIGKILL");
      await eventually("a bad answer", PATIENCE_MS, async () =>
        (await said(plane, "/livez")) === "status" ? true : undefined,
      );
      assert.equal(await said(plane, "/livez?exclude=etcd"), "well");
    }),
  );
});

describe("an API server that is told to end", () => {
  const DELAY_MS = 5_000;
  const inCluster = sharedControlPlane({ flags: [`--shutdown-delay-duration=${DELAY_MS}ms`] });

  it(
    "says so at /readyz at once, serves on for its delay, and at /livez shows nothing until it listens no more",
    inCluster(async (plane, context) => {
      const told = Date.now();
      const ending = plane.apiServer.stop("SIGTERM");
      const heard: { readonly at: number; readonly livez: string; readonly readyz: string }[] = [];
      for (;;) {
        const at = Date.now() - told;
        const [livez, readyz] = await Promise.all([said(plane, "/livez"), said(plane, "/readyz")]);
        heard.push({ at, livez, readyz });
        if (livez !== "well") break;
        await pause(100);
      }
      await ending;
      const [first, last] = [heard.find(({ readyz }) => readyz !== "well"), heard.at(-1)];
      context.diagnostic(`/readyz says no after ${first?.at} ms, /livez after ${last?.at} ms`);
      assert(first !== undefined && last !== undefined);
      assert.equal(first.readyz, "status");
      assert(first.at < DELAY_MS - 1_000, `${first.at} ms`);
      assert(["refused", "reset"].includes(last.livez), last.livez);
      assert(last.at > DELAY_MS - 1_000, `${last.at} ms`);
    }),
  );
});
