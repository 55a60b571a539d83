/** Kubernetes Events of a speaker about Services: who announces them, and what is wrong on the link. */
import type { IpAddress } from "#base/address";
import type { Service } from "#core/service/service";
import { createRecorder, type EventWrite, type ServiceEvent } from "#core/service-events/recorder";
import type { Time } from "#drivers/kubernetes/time";
import { EVENTS } from "#runtime/cluster/resources";
import type { PlannedWrite, Writes } from "#runtime/cluster/writes";
import type { Duplicate } from "./conflicts.ts";

/** Who the Events are from. */
const COMPONENT = "steelyard-speaker";

const requestOf = ({ verb, namespace, name, body }: EventWrite): ReturnType<PlannedWrite["request"]> => {
  const target = { resource: EVENTS, namespace };
  return verb === "create"
    ? { target, write: { verb, body: body() } }
    : { target: { ...target, name }, write: { verb, type: "merge", body: body() } };
};

type Told = Pick<ServiceEvent, "type" | "reason" | "message">;

/** As MetalLB says it. */
export const assigned = (node: string, protocol: "layer2" | "bgp"): Told => ({
  type: "Normal",
  reason: "nodeAssigned",
  message: `announcing from node ${JSON.stringify(node)} with protocol "${protocol}"`,
});

const DUPLICATES: Readonly<Record<Duplicate["stage"], (address: IpAddress, node: string) => string>> = {
  held: (address, node) => `answers for ${address} as well, which node ${node} holds`,
  used: (address, node) => `answers for ${address}, which was in use, so node ${node} does not take it`,
  unused: (address, node) => `has ${address} already, so node ${node} does not answer for it`,
};

export const duplicateFound = (node: string, address: IpAddress, { mac, stage }: Duplicate): Told => ({
  type: "Warning",
  reason: "DuplicateAddress",
  message: `${mac}, which is no node of this cluster, ${DUPLICATES[stage](address, node)}: find that machine.`,
});

export const notReachable = (message: string): Told => ({ type: "Warning", reason: "NotReachable", message });

export const reachableAgain = (message: string): Told => ({ type: "Normal", reason: "Reachable", message });

/** Writes Events; they may be lost, since conditions say what is true. */
export class SpeakerEvents {
  readonly #writes: Writes;
  readonly #clock: Pick<Time, "now" | "wall">;
  readonly #recorder;

  constructor(parts: {
    readonly writes: Writes;
    readonly clock: Pick<Time, "now" | "wall">;
    readonly self: string;
  }) {
    this.#writes = parts.writes;
    this.#clock = parts.clock;
    this.#recorder = createRecorder({ component: COMPONENT, instance: parts.self });
  }

  tell({ meta }: Service, told: Told): void {
    const { namespace, name, uid, resourceVersion } = meta;
    const time = { now: this.#clock.now(), at: this.#clock.wall() };
    const write = this.#recorder.record(
      { ...told, service: { namespace, name, uid, resourceVersion } },
      time,
    );
    if (write === undefined) return;
    this.#writes.tell(`${write.namespace}/${write.name}`, { request: () => requestOf(write) });
  }
}
