/**
 * A backend for the balance tests: says its name on TCP and UDP, on every port it is told.
 *
 * usage: node balance-worker.ts NAME PORT...    Prints `ready` when all ports are open.
 *
 * A TCP connection gets the name at once, then for every line `NAME:line`; the line `big` gets 200,000 bytes, `who` the
 * address of the client, `stream` a line each 20 ms from then on, and `later` an answer after 1.5 s.
 */
import { createSocket } from "node:dgram";
import { createServer, type Socket } from "node:net";
import { networkInterfaces } from "node:os";

const [name = "?", ...ports] = process.argv.slice(2);
const BIG = `${"x".repeat(199_999)}\n`;

const answer = (socket: Socket, line: string): void => {
  if (line === "later") {
    setTimeout(() => socket.destroyed || socket.write(`${name}:later\n`), 1_500);
    return;
  }
  const text = line === "who" ? (socket.remoteAddress ?? "?").replace("::ffff:", "") : line;
  socket.write(line === "big" ? BIG : `${name}:${text}\n`);
  if (line !== "stream") return;
  const timer = setInterval(() => void (socket.destroyed || socket.write(`${name}\n`)), 20);
  socket.on("close", () => clearInterval(timer));
};

const openTcp = (port: number): Promise<void> =>
  new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.setEncoding("latin1");
      let rest = "";
      socket.write(`${name}\n`);
      socket.on("data", (text) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) answer(socket, line);
      });
    });
    server.listen({ port, host: "::", backlog: 4096 }, resolve);
  });

const openUdp = (port: number, address: string, type: "udp4" | "udp6"): Promise<void> =>
  new Promise((resolve) => {
    const socket = createSocket({ type, ipv6Only: type === "udp6" });
    socket.on("message", (message, peer) => {
      socket.send(message.length > 1_000 ? `${name} ${message.length}` : name, peer.port, peer.address);
    });
    socket.bind(port, address, resolve);
  });

/** UDP answers must leave from the address that was asked, so each address has its own socket. */
const addresses = Object.values(networkInterfaces())
  .flatMap((entries) => entries ?? [])
  .map(({ address }) => address)
  .filter((address) => !/^(127\.|::1$|fe80)/.test(address));

for (const port of ports.map(Number)) {
  await openTcp(port);
  for (const address of addresses) {
    await openUdp(port, address, address.includes(":") ? "udp6" : "udp4");
  }
}
process.stdout.write("ready\n");
