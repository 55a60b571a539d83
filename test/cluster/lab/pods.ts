/** Pods of the bed: real backends in network namespaces behind the nodes, and what the API says of them. */
import type { Lab, LabProcess } from "#lab/index";
import { startServers } from "#lab/probe/start";
import type { Member, PodState } from "./endpoints.ts";
import type { NodePlan, PodPlace } from "./plan.ts";

export type Pod = {
  /** Also of its host in the lab, and what its backend answers with. */
  readonly name: string;
  readonly app: string;
  readonly node: string;
  state(): PodState;
  /** Its backend dies, and the API learns of it. */
  kill(): Promise<void>;
  /** The backend runs again, and is ready. */
  restart(): Promise<void>;
  /** The API says so of a backend that runs on as it did. */
  say(state: PodState): Promise<void>;
  /** It ends and is in no slice any more; its place is free. */
  remove(): Promise<void>;
};

export type Pods = {
  /** Starts a backend on a node that has room; resolves when it serves and the API says that it is ready. */
  start(app: string, node: string): Promise<Pod>;
  /** Those that there are, on one node or on all. */
  list(node?: string): readonly Pod[];
  members(): readonly Member[];
  /** Starts the backends of a node again that has lost them all; says nothing to the API. */
  revive(node: string): Promise<void>;
};

type Running = Omit<Member, "state"> & {
  state: PodState;
  backend: LabProcess;
};

/** The pods of these nodes; `publish` tells the API of a change. */
export const openPods = (lab: Lab, nodes: readonly NodePlan[], publish: () => Promise<void>): Pods => {
  const running = new Map<string, { readonly record: Running; readonly pod: Pod }>();

  const freePlace = (node: string): PodPlace => {
    const places = nodes.find(({ name }) => name === node)?.places ?? [];
    const free = places.find((place) => !running.has(place.host));
    if (free === undefined) throw new Error(`${node} has no room for another pod`);
    return free;
  };
  const describe = (record: Running): Pod => {
    const { name, app, node } = record;
    const say = async (state: PodState): Promise<void> => {
      record.state = state;
      await publish();
    };
    const end = (): Promise<void> => lab.host(name).signalAll("SIGKILL");
    return {
      ...{ name, app, node },
      state: () => record.state,
      say,
      kill: async () => {
        await end();
        await say("unready");
      },
      restart: async () => {
        await end();
        record.backend = await startServers(lab.host(name));
        await say("ready");
      },
      remove: async () => {
        running.delete(name);
        await publish();
        await end();
      },
    };
  };

  return {
    start: async (app, node) => {
      const { host: name, addresses } = freePlace(node);
      const backend = await startServers(lab.host(name));
      const record: Running = { name, app, node, addresses, state: "ready", backend };
      const pod = describe(record);
      running.set(name, { record, pod });
      await publish();
      return pod;
    },
    list: (node) =>
      [...running.values()].map(({ pod }) => pod).filter((pod) => node === undefined || pod.node === node),
    members: () => [...running.values()].map(({ record: { backend: _, ...member } }) => member),
    revive: async (node) => {
      const dead = [...running.values()].filter(({ record }) => record.node === node);
      await Promise.all(
        dead.map(async ({ record }) => {
          record.backend = await startServers(lab.host(record.name));
        }),
      );
    },
  };
};
