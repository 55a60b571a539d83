/**
 * Hears every VRRP advertisement on one interface and prints a line for each:
 * `SOURCE VRID PRIORITY ARRIVED STAMP`. ARRIVED is the machine's monotonic clock when we read it, STAMP the kernel's
 * wall clock when the packet came in, both in microseconds: a busy listener delays the former only.
 */
import { readFileSync } from "node:fs";
import { addressBytes, addressFromBytes } from "#base/address";
import { IP_PROTOCOL, multicastGroup } from "#core/vrrp/constants";
import * as linux from "#drivers/packet/constants";
import { startReading } from "#drivers/packet/receiver";
import { int32, ipv4Membership } from "#drivers/packet/sockaddr";
import { bindToLink, LARGE_RECEIVE_BUFFER, openSocket } from "#drivers/packet/socket";
import { openDoor } from "#native/door";

/** SO_TIMESTAMPNS and the ancillary record it makes the kernel add: a `timespec` of CLOCK_REALTIME. */
const SO_TIMESTAMPNS = 35;

const [name = "eth0"] = process.argv.slice(2);
const index = Number(readFileSync(`/sys/class/net/${name}/ifindex`, "utf8"));
const link = { name, index };
const door = openDoor();

/** The kernel's stamp in microseconds since 1970; 0 when there is none. */
const stampOf = (control: Uint8Array): number => {
  const view = new DataView(control.buffer, control.byteOffset, control.byteLength);
  if (view.byteLength < 32 || view.getUint32(12, true) !== SO_TIMESTAMPNS) return 0;
  return Number(view.getBigUint64(16, true)) * 1e6 + Math.round(Number(view.getBigUint64(24, true)) / 1e3);
};

const listen = (): string | undefined => {
  const option = (operation: string, level: number, optionName: number, value: Uint8Array) => ({
    operation,
    level,
    name: optionName,
    value,
  });
  const opened = openSocket(door, {
    domain: linux.AF.inet,
    type: linux.SOCK.raw,
    protocol: IP_PROTOCOL,
    options: [
      bindToLink(link),
      ...LARGE_RECEIVE_BUFFER,
      option("stamp", linux.SOL_SOCKET, SO_TIMESTAMPNS, int32(1)),
      option(
        "join",
        linux.SOL_IP,
        linux.IP_ADD_MEMBERSHIP,
        ipv4Membership(addressBytes(multicastGroup("IPv4")), index),
      ),
    ],
  });
  if (!opened.ok) return `${opened.error.operation}: ${opened.error.code}`;
  const started = startReading(door, {
    fd: opened.value,
    payloadSize: 1_536,
    onError: ({ operation, code }) => console.error(`${operation}: ${code}`),
    onPacket: ({ payload: packet, control }) => {
      const arrived = door.monotonicMicros();
      const header = ((packet[0] ?? 0) & 0x0f) * 4;
      const source = addressFromBytes(packet.subarray(12, 16));
      const [vrid, priority] = [packet[header + 1], packet[header + 2]];
      process.stdout.write(`${source} ${vrid} ${priority} ${arrived} ${stampOf(control)}\n`);
    },
  });
  return started.ok ? undefined : `${started.error.operation}: ${started.error.code}`;
};

const problem = listen();
if (problem !== undefined) {
  console.error(problem);
  process.exit(1);
}
process.stdout.write("ready\n");
process.stdin.once("end", () => process.exit(0)).resume();
