/**
 * A client of the API servers: so many requests, each on a connection of its own, at most eight at a time. Started with an address, a
 * port, a number, a file with the cluster's authority, and perhaps a path, of which so many are asked for at once; prints as JSON how often which server answered, from where it was asked, and what failed.
 */
import { readFileSync } from "node:fs";
import { request } from "node:https";

const [address = "", port = "", count = "", caFile = "", path = "/"] = process.argv.slice(2);
const ca = readFileSync(caFile);

const served: Record<string, number> = {};
const clients = new Set<string>();
const failures: Record<string, number> = {};
const add = (into: Record<string, number>, key: string): void => {
  into[key] = (into[key] ?? 0) + 1;
};

const once = (): Promise<void> =>
  new Promise((resolve) => {
    const asked = request(
      {
        host: address,
        port: Number(port),
        path,
        ca,
        agent: false,
        servername: "kubernetes",
        timeout: path === "/" ? 10_000 : 60_000,
      },
      (response) => {
        add(served, String(response.headers["x-served-by"]));
        clients.add(String(response.headers["x-client"]).replace("::ffff:", ""));
        response.resume().once("close", resolve);
      },
    );
    // As Kubernetes' clients ask a silent connection whether it is still one, only sooner.
    asked.once("socket", (socket) => socket.setKeepAlive(true, 1_000));
    asked.on("timeout", () => asked.destroy(new Error("no answer")));
    asked.on("error", (error) => {
      add(failures, error.message);
      resolve();
    });
    asked.end();
  });

let left = Number(count);
const worker = async (): Promise<void> => {
  while (left > 0) {
    left -= 1;
    await once();
  }
};
await Promise.all(Array.from({ length: path === "/" ? 8 : left }, worker));
console.log(JSON.stringify({ served, clients: [...clients].sort(), failures }));
