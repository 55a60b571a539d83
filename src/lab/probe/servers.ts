/**
 * The backends of a lab: HTTP on ports 80 and 8080, UDP echo on port 9000, IPv4 and IPv6.
 *
 * `/` answers with the server's name; `/drip?seconds=S&bytes=B` sends B bytes of the pattern over S seconds,
 * a piece every 20 ms or, with `&every=M`, every M.
 */
import { createSocket } from "node:dgram";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { networkInterfaces } from "node:os";
import { patternBytes } from "./pattern.ts";

/** The ports that serve HTTP. */
export const HTTP_PORTS: readonly number[] = [80, 8080];
/** The port that echoes UDP. */
export const UDP_PORT = 9000;

/** How often a drip sends a piece, in milliseconds, unless asked otherwise. */
const DRIP_MS = 20;

type Drip = { readonly seconds: number; readonly bytes: number; readonly every: number };

const drip = (response: ServerResponse, { seconds, bytes, every }: Drip): void => {
  const began = performance.now();
  let sent = 0;
  response.setHeader("content-length", bytes);
  response.flushHeaders();
  const timer = setInterval(() => {
    const due = Math.min(bytes, Math.ceil((bytes * (performance.now() - began)) / (seconds * 1_000)));
    response.write(patternBytes(sent, due - sent));
    sent = due;
    if (sent < bytes) return;
    clearInterval(timer);
    response.end();
  }, every);
  response.once("close", () => clearInterval(timer));
};

const answer = (name: string, request: IncomingMessage, response: ServerResponse): void => {
  const url = new URL(request.url ?? "/", "http://backend");
  response.setHeader("x-backend", name);
  if (url.pathname !== "/drip") {
    response.end(`${name}\n`);
    return;
  }
  const seconds = Number(url.searchParams.get("seconds") ?? 10);
  const bytes = Number(url.searchParams.get("bytes") ?? 1_000_000);
  const every = Number(url.searchParams.get("every") ?? DRIP_MS);
  if (seconds > 0 && seconds <= 3_600 && Number.isSafeInteger(bytes) && bytes > 0 && every >= 1)
    drip(response, { seconds, bytes, every });
  else response.writeHead(400).end("seconds and milliseconds above 0 and whole bytes above 0, please\n");
};

/**
 * One socket for each address, because an echo must come from the address that was asked: a socket bound to all of
 * them would answer from the interface's first.
 */
const echo = (name: string): void => {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  for (const { address, family, scopeid } of addresses) {
    if (scopeid !== undefined && scopeid !== 0) continue; // Link-local.
    const socket = createSocket(family === "IPv4" ? "udp4" : "udp6");
    socket.on("message", (_, from) => socket.send(name, from.port, from.address));
    socket.on("error", (error) => console.error(`UDP on ${address}: ${error.message}`));
    socket.bind(UDP_PORT, address);
  }
};

/** Serves until the process is ended. `args`: the server's name. */
export const serve = async (args: readonly string[]): Promise<void> => {
  const [name = "backend"] = args;
  const listening = HTTP_PORTS.map((port) => {
    const server = createServer((request, response) => answer(name, request, response));
    server.keepAliveTimeout = 60_000;
    return new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, host: "::", backlog: 1024 }, resolve);
    });
  });
  echo(name);
  await Promise.all(listening);
  console.log("ready");
};
