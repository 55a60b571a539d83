/** From a Node as the API server or a file holds it to what we keep of it. */
import { type IpAddress, parseAddress } from "#base/address";
import { conditionsOf, type Fields, fieldsOf, listOf, metaOf, textOf } from "#core/kubernetes/read";
import type { Lasting, Node, Readiness, Taint } from "./node.ts";

/** RFC 1123 subdomain, as the API server has it. What is hashed and written into lists is nothing else. */
const NAME = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const LONGEST_NAME = 253;

/** Whether a text is the name of a node. */
export const isNodeName = (text: string): boolean => text.length <= LONGEST_NAME && NAME.test(text);

/** A node has a handful of each; the lists that we read are bounded for all that. */
const MOST_ADDRESSES = 64;
const MOST_TAINTS = 256;
const LONGEST_KEY = 317;

const internalIpsOf = (status: Fields): readonly IpAddress[] =>
  listOf(status.addresses)
    .slice(0, MOST_ADDRESSES)
    .map(fieldsOf)
    .filter(({ type }) => type === "InternalIP")
    .flatMap(({ address }) => parseAddress(textOf(address)) ?? []);

const taintsOf = (value: unknown): readonly Taint[] =>
  listOf(value)
    .slice(0, MOST_TAINTS)
    .map(fieldsOf)
    .flatMap(({ key, effect }) => {
      const isTaint =
        typeof key === "string" &&
        key.length <= LONGEST_KEY &&
        (effect === "NoSchedule" || effect === "PreferNoSchedule" || effect === "NoExecute");
      return isTaint ? [{ key, effect }] : [];
    });

const secondsOf = (text: string): number => {
  const milliseconds = Date.parse(text);
  return Number.isNaN(milliseconds) ? 0 : Math.floor(milliseconds / 1_000);
};

/** What a kubelet with graceful shutdown writes into the message of Ready; there is no field for it. */
const SHUTTING_DOWN = "node is shutting down";

const KEPT: ReadonlySet<string> = new Set(["Ready", "NetworkUnavailable"]);

const statesOf = (status: Fields): Pick<Node, "readiness" | "network"> => {
  let readiness: Lasting<Readiness> = { state: "unknown", since: 0 };
  let network: Node["network"] = { state: "available", since: 0 };
  for (const condition of conditionsOf(status.conditions, (type) => KEPT.has(type))) {
    const since = secondsOf(condition.lastTransitionTime);
    if (condition.type === "NetworkUnavailable") {
      network = { state: condition.status === "True" ? "unavailable" : "available", since };
    } else if (condition.status === "False") {
      const isShuttingDown = condition.message.includes(SHUTTING_DOWN);
      readiness = { state: isShuttingDown ? "shutting-down" : "not-ready", since };
    } else {
      readiness = { state: condition.status === "True" ? "ready" : "unknown", since };
    }
  }
  return { readiness, network };
};

/** The Node in an object as parsed from JSON or YAML; `undefined` if it has no name that a node can have. */
export const readNode = (object: unknown): Node | undefined => {
  const meta = metaOf(object, () => false);
  if (meta === undefined || !isNodeName(meta.name)) return undefined;
  const { spec: rawSpec, status: rawStatus } = fieldsOf(object);
  const spec = fieldsOf(rawSpec);
  const status = fieldsOf(rawStatus);
  return {
    name: meta.name,
    labels: meta.labels,
    internalIps: internalIpsOf(status),
    scheduling: spec.unschedulable === true ? "cordoned" : "open",
    ...statesOf(status),
    taints: taintsOf(spec.taints),
    life: meta.isDeleting ? "ending" : "lasting",
  };
};
