/** The schemas of what is only reported: `ServiceL2Status`, `ServiceBGPStatus`, `ConfigurationState`. */
import * as v from "valibot";
import { oneOf, section } from "#core/config/fields";
import { anyNumber, listOf, names, plain } from "./fields.ts";

/** A section that never holds anything. */
export const nothing = (description: string) => section(description, {});

const IMMUTABLE = { "x-kubernetes-validations": [{ rule: "self == oldSelf", message: "cannot be changed" }] };

const WHERE = {
  node: v.exactOptional(plain("Node that announces.", IMMUTABLE)),
  serviceName: v.exactOptional(plain("Name of the Service.", IMMUTABLE)),
  serviceNamespace: v.exactOptional(plain("Namespace of the Service.", IMMUTABLE)),
};

/** `ServiceL2Status.status`. */
export const serviceL2Status = section("Where ARP and neighbour solicitations for a Service are answered.", {
  ...WHERE,
  interfaces: v.exactOptional(
    listOf(
      "Interfaces on which is answered; empty means all of them.",
      section("One interface.", { name: v.exactOptional(plain("Its name.")) }),
    ),
  ),
});

/** `ServiceBGPStatus.status`. */
export const serviceBgpStatus = section("Which peers a node is to tell of a Service.", {
  ...WHERE,
  peers: v.exactOptional(names("BGPPeers by name. Says what is intended, not which sessions are up.")),
});

const condition = section("What one part of the component found.", {
  type: plain("Which part.", {
    maxLength: 316,
    pattern:
      "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
  }),
  status: oneOf("Whether it is content.", ["True", "False", "Unknown"]),
  reason: plain("Why, in one word.", {
    minLength: 1,
    maxLength: 1024,
    pattern: "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
  }),
  message: plain("Why, in a sentence.", { maxLength: 32_768 }),
  lastTransitionTime: plain("When the status last changed.", { format: "date-time" }),
  observedGeneration: v.exactOptional(
    anyNumber("Generation of the object that was looked at.", { format: "int64", minimum: 0 }),
  ),
});

/** `ConfigurationState.status`. */
export const configurationStateStatus = section("Whether one component can use the configuration.", {
  result: v.exactOptional(oneOf("The outcome.", ["Valid", "Invalid", "Unknown"])),
  errorSummary: v.exactOptional(plain("What is wrong; empty when nothing is.")),
  conditions: v.exactOptional(
    listOf("What the parts of the component found.", condition, {
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["type"],
    }),
  ),
});
