/** Small datagrams from many ports to a port that nobody serves: `node flooder.ts ADDRESS RATE SECONDS`. */
import { createSocket } from "node:dgram";

const [, , address = "127.0.0.1", rate = "1000", seconds = "1"] = process.argv;
/** Nobody listens there. */
const PORT = 7;
const sockets = Array.from({ length: 64 }, () => createSocket("udp4"));
for (const socket of sockets) socket.on("error", () => {});
const began = performance.now();
let sent = 0;

const send = (): void => {
  const elapsed = performance.now() - began;
  if (elapsed > Number(seconds) * 1_000) process.exit(0);
  // What this machine could not send in time is not sent later.
  const due = Math.min(Math.floor((elapsed / 1_000) * Number(rate)), sent + 2_000);
  for (; sent < due; sent += 1) sockets[sent % sockets.length]?.send("?", PORT, address);
  setTimeout(send, 1);
};
send();
