/** Resources with nothing but what they must have, for kinds that stand for several of them: every default is filled in. */
import * as v from "valibot";
import { routerSpec } from "./schema-router.ts";
import { serverSpec } from "./schema-server.ts";

const ANY = "192.0.2.1";

/** A `VirtualRouter`; interface, vrid and addresses mean nothing. */
export const STANDARD_ROUTER = v.parse(routerSpec, { interface: "any", vrid: 1, addresses: [ANY] });
/** A `VirtualServer`; address and port mean nothing. */
export const STANDARD_SERVER = v.parse(serverSpec, { address: ANY, port: 1 });
