/**
 * A stand-in for a host's API server: real TLS on all addresses, and answers as it is told. Started with a name, a folder with
 * `tls.crt` and `tls.key`, and a port; what it answers is asked of the file `mode` in the folder for every request: a status,
 * `slow MILLISECONDS`, or `unready`, a server that is to end: it is alive, and `/readyz` says no. A request for `/wait/MILLISECONDS`
 * is answered well after that time, whatever the mode is. Told to end by SIGTERM it listens no more, and ends when it has answered all.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const [name = "", folder = "", port = ""] = process.argv.slice(2);

const modeNow = (): readonly string[] => {
  try {
    return readFileSync(join(folder, "mode"), "utf8").trim().split(" ");
  } catch {
    return ["200"];
  }
};

const server = createServer(
  { cert: readFileSync(join(folder, "tls.crt")), key: readFileSync(join(folder, "tls.key")) },
  async (request, response) => {
    const waiting = /^\/wait\/(\d+)$/.exec(request.url ?? "")?.[1];
    const [word, amount] = waiting === undefined ? modeNow() : ["slow", waiting];
    if (word === "slow") await pause(Number(amount));
    response.setHeader("x-served-by", name);
    // What a client came from, for tests of who sees whom.
    response.setHeader("x-client", String(request.socket.remoteAddress));
    const unready = request.url === "/readyz" ? 500 : 200;
    const status = word === "slow" ? 200 : word === "unready" ? unready : Number(word);
    response.writeHead(status).end(`${name}\n`);
  },
);

process.once("SIGTERM", () => void server.close(() => process.exit(0)));

server.listen(Number(port), "::", () => process.stdout.write("ready\n"));
