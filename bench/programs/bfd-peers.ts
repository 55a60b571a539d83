/**
 * Many speakers as another one sees them: their BFD sessions on one interface, each from an address of its own, that wait to be spoken to.
 * Each has its own sessions and its own clock, as on a machine of its own, so that their packets come at times of their own.
 *
 * `node bfd-peers.ts LINK_INDEX LINK SECRET_FILE SPEAKER ADDRESS...` prints `ready`, and then each second `up N`, the number of sessions
 * that are up.
 */
import { randomInt } from "node:crypto";
import { type IpAddress, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import type { Datagram } from "#core/bfd/admission";
import type { SessionConfig } from "#core/bfd/config";
import { DEFAULT_OWNERSHIP } from "#core/ownership/config";
import { digest } from "#drivers/bfd/digest";
import { openBfdPort } from "#drivers/bfd/linux";
import { openClock } from "#drivers/clock/linux";
import { readAuthentication } from "#roles/speaker/wire/authentication";
import { BfdHub } from "#runtime/bfd/hub";
import { createDeadlines } from "#runtime/deadlines";

const RANDOM_LIMIT = 2 ** 47;
const SESSION = "speaker";

const addressOf = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert(address !== undefined, "not an address", { text });
  return address;
};

const port = openBfdPort();
/** There is one port for all of them: each takes the packets to its own address. */
const receivers = new Map<IpAddress, (datagram: Datagram) => void>();
const readers: ((count: number) => void)[] = [];
const listener = port.listen({
  ...{ family: "IPv4", path: "single-hop" },
  onDatagram: (datagram) => receivers.get(datagram.destination)?.(datagram),
  onRead: (count) => {
    for (const onRead of readers) onRead(count);
  },
  onError: (error) => console.error(error),
});
assert(listener.ok, "cannot listen", listener);

/** Begins the session of one of them. */
const openPeer = (config: SessionConfig): BfdHub => {
  const clock = openClock({ onWake: () => deadlines.runDue() });
  assert(clock.ok, "no clock", clock);
  const { now } = clock.value;
  const deadlines = createDeadlines(clock.value);
  const hub = new BfdHub({
    ...{ deadlines, now, digest, count: () => {} },
    bfd: {
      ...port,
      listen: ({ onDatagram, onRead }) => {
        receivers.set(config.localAddress, onDatagram);
        readers.push(onRead);
        // What is held back of one of them would be of all.
        return { ok: true, value: { ...listener.value, holdBack: () => {} } };
      },
    },
    random: () => randomInt(RANDOM_LIMIT) / RANDOM_LIMIT,
  });
  const problems = hub.add(SESSION, config, { onState: () => {} }, now());
  assert(problems.length === 0, "no session", { problems });
  hub.open(now());
  return hub;
};

const [index = "", name = "", secretFile = "", speaker = "", ...addresses] = process.argv.slice(2);
const authentication = readAuthentication(secretFile);
assert(typeof authentication !== "string", "no secret", { authentication });
const hubs = addresses.map((address) =>
  openPeer({
    ...{ peer: addressOf(speaker), localAddress: addressOf(address) },
    path: { type: "single-hop", link: { index: Number(index), name } },
    ...{ role: "passive", authentication },
    desiredMinTxInterval: DEFAULT_OWNERSHIP.bfdInterval,
    requiredMinRxInterval: DEFAULT_OWNERSHIP.bfdInterval,
    detectMultiplier: DEFAULT_OWNERSHIP.bfdMultiplier,
  }),
);
console.log("ready");
setInterval(() => {
  console.log(`up ${hubs.filter((hub) => hub.state(SESSION)?.name === "up").length}`);
}, 1_000);
