/**
 * The EndpointSlices of the bed: which pods a Service has, as the controller of a real cluster would write it.
 *
 * What cannot be written because the API server is away is written at the next `publish`.
 */
import type { IpAddress } from "#base/address";
import { type Api, patchContentType } from "../api.ts";

/** What the API says of a pod; a pod that ends may still serve. */
export type PodState = "ready" | "unready" | "terminating" | "terminating-unready";

/** A pod as endpoints show it. */
export type Member = {
  readonly name: string;
  readonly app: string;
  readonly node: string;
  /** IPv4 and IPv6. */
  readonly addresses: readonly [IpAddress, IpAddress];
  readonly state: PodState;
};

/** Whose slices are written: the pods of `app` are behind the Service `name`. */
export type Followed = {
  readonly name: string;
  readonly app: string;
  readonly families: readonly ("IPv4" | "IPv6")[];
};

export type Endpoints = {
  follow(service: Followed): Promise<void>;
  /** Its slices are gone. */
  forget(name: string): Promise<void>;
  /** Writes what has changed; resolves when the API server has it, or cannot be reached. */
  publish(): Promise<void>;
};

const SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
const MANAGER = "steelyard-lab";

/** The ports that the lab's backends serve. */
export const BACKEND_PORTS = [
  { name: "web", port: 80, protocol: "TCP" },
  { name: "echo", port: 9000, protocol: "UDP" },
] as const;

const conditionsOf = (state: PodState): Readonly<Record<string, boolean>> => ({
  ready: state === "ready",
  serving: state === "ready" || state === "terminating",
  terminating: state === "terminating" || state === "terminating-unready",
});

const sliceName = (name: string, family: string): string => `${name}-${family.toLowerCase()}`;

const renderSlice = (name: string, family: "IPv4" | "IPv6", members: readonly Member[]): unknown => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: {
    name: sliceName(name, family),
    labels: {
      "kubernetes.io/service-name": name,
      "endpointslice.kubernetes.io/managed-by": MANAGER,
    },
  },
  addressType: family,
  ports: BACKEND_PORTS,
  endpoints: members.map((member) => ({
    addresses: [member.addresses[family === "IPv4" ? 0 : 1]],
    conditions: conditionsOf(member.state),
    nodeName: member.node,
    targetRef: { kind: "Pod", namespace: "default", name: member.name },
  })),
});

/** Keeps the slices of Services that are followed as `members` says. */
export const openEndpoints = (admin: Api, members: () => readonly Member[]): Endpoints => {
  const followed = new Map<string, Followed>();
  const written = new Map<string, string>();
  let work: Promise<void> = Promise.resolve();

  const apply = async (path: string, text: string): Promise<void> => {
    const contentType = patchContentType("apply-patch");
    const asked = { body: text, contentType, timeoutMs: 5_000 };
    const reply = await admin
      .request("PATCH", `${path}?fieldManager=${MANAGER}&force=true`, asked)
      .catch(() => undefined); // The API server is away.
    if (reply === undefined) return;
    if (reply.status > 299) throw new Error(`${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    written.set(path, text);
  };
  const publishNow = async (): Promise<void> => {
    for (const { name, app, families } of followed.values()) {
      const behind = members().filter((member) => member.app === app);
      for (const family of families) {
        const path = `${SLICES}/${sliceName(name, family)}`;
        const text = JSON.stringify(renderSlice(name, family, behind));
        if (written.get(path) !== text) await apply(path, text);
      }
    }
  };
  const publish = (): Promise<void> => {
    const result = work.then(publishNow);
    work = result.catch(() => {});
    return result;
  };
  return {
    follow: async (service) => {
      followed.set(service.name, service);
      await publish();
    },
    forget: async (name) => {
      const service = followed.get(name);
      followed.delete(name);
      await work;
      for (const family of service?.families ?? []) {
        const path = `${SLICES}/${sliceName(name, family)}`;
        written.delete(path);
        await admin.delete(path);
      }
    },
    publish,
  };
};
