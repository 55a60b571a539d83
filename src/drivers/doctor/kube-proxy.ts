/** In which mode the kube-proxy of this node runs: it says so on a port of its own. */
import { request } from "node:http";
import type { KubeProxyFacts } from "#core/doctor/facts";

const PORT = 10_249;
const PATIENCE = 1_000;
const LONGEST_ANSWER = 64;

const MODES = ["iptables", "ipvs", "nftables"] as const;

/** The mode; `refused` when nobody listens, `undefined` when whoever listens does not say. */
export const askProxyMode = (port = PORT): Promise<KubeProxyFacts["mode"] | "refused" | undefined> =>
  new Promise((resolve) => {
    const asked = request({ host: "127.0.0.1", port, path: "/proxyMode", timeout: PATIENCE }, (response) => {
      let body = "";
      response.setEncoding("latin1").on("data", (chunk: string) => {
        // What is too long is none of the words, whatever it begins with.
        if (body.length <= LONGEST_ANSWER) body += chunk;
        else asked.destroy();
      });
      response.on("close", () =>
        resolve(MODES.find((mode) => body.length <= LONGEST_ANSWER && mode === body.trim())),
      );
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer")));
    asked.on("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code === "ECONNREFUSED" ? "refused" : undefined),
    );
    asked.end();
  });
