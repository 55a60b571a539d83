/**
 * Writes `src/core/conntrack/testdata/*.hex`: questions as we send them and answers as this kernel gives them.
 *
 * Run as root: `node test/kernel/capture-conntrack.ts`. It works in a network namespace of its own and removes it.
 */
import { writeFileSync } from "node:fs";
import { release } from "node:os";
import { type Door, openDoor } from "#native/door";
import { formatDump } from "#testing/exchange";
import { address } from "./balance-bed.ts";
import { ConntrackBed } from "./conntrack-bed.ts";

const TESTDATA = new URL("../../src/core/conntrack/testdata/", import.meta.url);

let dumps: string[] = [];
const record = (direction: string, bytes: Uint8Array): void => {
  dumps.push(formatDump(`${direction}, Linux ${release()}, ${process.arch}.`, bytes));
};
const door = openDoor();
const recording: Door = {
  ...door,
  send(fd, bytes, to, flags) {
    record("Question", bytes.slice());
    return door.send(fd, bytes, to, flags);
  },
  recv(fd, bytes, flags) {
    const length = door.recv(fd, bytes, flags);
    if (length > 0) record("Answer", bytes.slice(0, length));
    return length;
  },
};

const bed = new ConntrackBed(recording);
const write = async (file: string, about: string, act: () => unknown): Promise<void> => {
  dumps = [];
  await act();
  writeFileSync(new URL(file, TESTDATA), `# ${about}\n\n${dumps.join("\n")}`);
};
const service = { address: address("192.0.2.10"), protocol: "udp", firstPort: 80, lastPort: 80 } as const;
const target = { address: address("192.0.2.21"), port: 8021 };
try {
  await bed.open(80, 21, 2);
  await bed.open(80, 22, 1);
  await write("count.hex", "The flows of one server.", () =>
    bed.conntrack.count([{ selector: service, targets: [target] }]),
  );
  await write("end.hex", "Two flows are ended.", () =>
    bed.conntrack.end([{ selector: service, targets: [target] }]),
  );
  await write("usage.hex", "How full the table is.", () => bed.conntrack.usage());
} finally {
  await bed.close();
}
