/** A client that keeps its connections open and speaks first on them, again and again. */

type Patience = { readonly address: string; readonly sockets: number; readonly millis: number };

/**
 * The command line of a client that asks over each of its connections every 50 ms; it prints how many `answers` came, and
 * all `errors`: what a connection ended with, or that it was opened again.
 */
export const patientClient = ({ address, sockets, millis }: Patience): readonly string[] => [
  process.execPath,
  "--input-type=module",
  "-e",
  `
  import { Agent, get } from "node:http";
  const ask = (agent) => new Promise((resolve, reject) => {
    get("http://${address}/", { agent }, (answer) => answer.resume().on("end", resolve)).on("error", reject);
  });
  let answers = 0;
  const errors = [];
  const until = Date.now() + ${millis};
  await Promise.all(Array.from({ length: ${sockets} }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let opened = 0;
    const connect = agent.createConnection;
    agent.createConnection = function (...given) { opened += 1; return connect.apply(this, given); };
    try {
      for (; Date.now() < until; answers += 1) {
        await ask(agent);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    } catch (error) {
      errors.push(error.code);
    }
    if (opened !== 1) errors.push("opened " + opened);
    agent.destroy();
  }));
  console.log(JSON.stringify({ answers, errors }));`,
];
