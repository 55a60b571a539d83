/** One echo request: `node ping.ts ADDRESS` ends with 0 when it is answered within a second. */
import { strict as assert } from "node:assert";
import { parseAddress } from "#base/address";
import { seconds } from "#base/time";
import { openChecks } from "#drivers/check/linux";

const address = parseAddress(process.argv[2] ?? "");
assert(address !== undefined, "ping.ts ADDRESS");
const outcome = await openChecks().probe({ probe: { type: "ping", address }, timeout: seconds(1) });
process.exit(outcome.ok ? 0 : 1);
