/**
 * A door before etcd for each API server of a lab.
 *
 * Usage: `door TARGET_PORT LISTENING_PORT…`. Says `ready`, then does what each line of its input says of one of them (counted from
 * 0) and answers `done`: `0 delay 200`, `1 shut`, `1 open`.
 */
import { createInterface } from "node:readline";
import { type Door, openDoor } from "../../door.ts";

const [target = 0, ...ports] = process.argv.slice(2).map(Number);
const doors = await Promise.all(ports.map((port) => openDoor(target, { host: "0.0.0.0", port })));

const obey = (door: Door | undefined, verb: string | undefined, value: string | undefined): void => {
  if (verb === "delay") door?.delay(Number(value));
  else if (verb === "shut") door?.shut();
  else door?.open();
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [which, verb, value] = line.split(" ");
    obey(doors[Number(which)], verb, value);
    process.stdout.write("done\n");
  })
  .once("close", () => process.exit(0));
process.stdout.write("ready\n");
