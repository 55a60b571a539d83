/** Finds what a `ControlPlaneEndpoint` says, for those who need it as it is and not what it stands for. */
import * as v from "valibot";
import { KINDS } from "./kinds.ts";
import type { EndpointSpec } from "./schema-endpoint.ts";

/** Its spec with every default; `undefined` for any other document, and for one with mistakes. */
export const endpointIn = (document: unknown): EndpointSpec | undefined => {
  const parsed = v.safeParse(KINDS.ControlPlaneEndpoint, document);
  return parsed.success ? parsed.output.spec : undefined;
};
