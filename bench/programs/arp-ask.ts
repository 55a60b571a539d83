/**
 * Asks the network who has these addresses, one after the other and round again, and does not listen: what is answered is captured.
 *
 * `node arp-ask.ts LINK_INDEX LINK OWN_MAC OWN_ADDRESS PER_MILLISECOND ADDRESS...` prints `ready`, and asks until it is ended.
 */
import { isIpv4, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { BROADCAST_MAC, parseMac } from "#base/mac";
import { after, millis } from "#base/time";
import { encode, whoHas } from "#core/arp/packet";
import { openClock } from "#drivers/clock/linux";
import { openResponderPort } from "#drivers/packet/linux-responder";

const ipv4 = (text: string) => {
  const address = parseAddress(text);
  assert(address !== undefined && isIpv4(address), "not an IPv4 address", { text });
  return address;
};

const [index, name = "", ownMac = "", own = "", perMillisecond, ...asked] = process.argv.slice(2);
const mac = parseMac(ownMac);
assert(mac !== undefined && asked.length > 0, "it wants a MAC address, and addresses to ask for");
const socket = openResponderPort().openResponder({
  ...{ link: { index: Number(index), name }, family: "IPv4", questions: "unheard" },
  onFrame: () => {},
  onError: (error) => console.error(error),
});
assert(socket.ok, "no socket", socket);
const questions = asked.map((text) => ({
  destination: BROADCAST_MAC,
  payload: encode(whoHas(ipv4(text), { mac, address: ipv4(own) })),
}));

const opened = openClock({ onWake: () => ask() });
assert(opened.ok, "no clock", opened);
const clock = opened.value;
let due = after(clock.now(), millis(1));
let next = 0;

const ask = (): void => {
  due = after(due, millis(1));
  for (let count = 0; count < Number(perMillisecond); count += 1) {
    const question = questions[next % questions.length];
    next += 1;
    if (question !== undefined) socket.value.send(question);
  }
  clock.wake(due);
};

process.on("SIGTERM", () => process.exit(0));
console.log("ready");
clock.wake(due);
