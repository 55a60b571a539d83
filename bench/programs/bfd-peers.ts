/**
 * Many speakers as another one sees them: their BFD sessions on one interface, each from an address of its own, that wait to be spoken to.
 *
 * `node bfd-peers.ts LINK_INDEX LINK SECRET_FILE SPEAKER ADDRESS...` prints `ready`, and then each second `up N`, the number of sessions
 * that are up.
 */
import { randomInt } from "node:crypto";
import { type IpAddress, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import type { SessionConfig } from "#core/bfd/config";
import { DEFAULT_OWNERSHIP } from "#core/ownership/config";
import { digest } from "#drivers/bfd/digest";
import { openBfdPort } from "#drivers/bfd/linux";
import { openClock } from "#drivers/clock/linux";
import { readAuthentication } from "#roles/speaker/wire/authentication";
import { BfdHub } from "#runtime/bfd/hub";
import { createDeadlines } from "#runtime/deadlines";

const RANDOM_LIMIT = 2 ** 47;

const addressOf = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert(address !== undefined, "not an address", { text });
  return address;
};

const openHub = () => {
  const clock = openClock({ onWake: () => deadlines.runDue() });
  assert(clock.ok, "no clock", clock);
  const { now } = clock.value;
  const deadlines = createDeadlines(clock.value);
  const hub = new BfdHub({
    ...{ bfd: openBfdPort(), deadlines, now },
    random: () => randomInt(RANDOM_LIMIT) / RANDOM_LIMIT,
    digest,
    count: () => {},
  });
  return { hub, now };
};

const [index = "", name = "", secretFile = "", speaker = "", ...addresses] = process.argv.slice(2);
const authentication = readAuthentication(secretFile);
assert(typeof authentication !== "string", "no secret", { authentication });
const { hub, now } = openHub();
for (const address of addresses) {
  const config: SessionConfig = {
    ...{ peer: addressOf(speaker), localAddress: addressOf(address) },
    path: { type: "single-hop", link: { index: Number(index), name } },
    ...{ role: "passive", authentication },
    desiredMinTxInterval: DEFAULT_OWNERSHIP.bfdInterval,
    requiredMinRxInterval: DEFAULT_OWNERSHIP.bfdInterval,
    detectMultiplier: DEFAULT_OWNERSHIP.bfdMultiplier,
  };
  const problems = hub.add(address, config, { onState: () => {} }, now());
  assert(problems.length === 0, "no session", { problems });
}
hub.open(now());
console.log("ready");
setInterval(() => {
  console.log(`up ${addresses.filter((address) => hub.state(address)?.name === "up").length}`);
}, 1_000);
