/** Asks a running steelyard on its admin socket. */
import { type IncomingMessage, request } from "node:http";

/** What the admin socket answered, or why it did not. */
export type Answer =
  | { readonly ok: true; readonly body: string }
  | { readonly ok: false; readonly message: string };

const explainFailure = (path: string, error: NodeJS.ErrnoException): string => {
  switch (error.code) {
    case "ENOENT":
      return `no steelyard runs here: ${path} does not exist (another socket? use --admin)`;
    case "ECONNREFUSED":
      return `no steelyard runs here: nobody answers on ${path}`;
    case "EACCES":
      return `not allowed to open ${path}: run as the user that runs steelyard, usually root`;
    default:
      return `${path}: ${error.message}`;
  }
};

const ask = (
  socketPath: string,
  path: string,
  onResponse: (response: IncomingMessage) => void,
  onError: (message: string) => void,
) => {
  const asked = request({ socketPath, path, method: "GET" }, onResponse);
  asked.on("error", (error) => onError(explainFailure(socketPath, error)));
  asked.end();
  return asked;
};

/** Reads to the end; the status code tells whether the text is the page or the reason why there is none. */
const readAll = (response: IncomingMessage, resolve: (answer: Answer) => void): void => {
  const chunks: Buffer[] = [];
  response.on("data", (chunk: Buffer) => chunks.push(chunk));
  response.on("error", (error) => resolve({ ok: false, message: error.message }));
  response.on("end", () => {
    const body = Buffer.concat(chunks).toString();
    resolve(response.statusCode === 200 ? { ok: true, body } : { ok: false, message: body.trim() });
  });
};

/** One page of the admin interface as text. */
export const get = (socketPath: string, path: string): Promise<Answer> =>
  new Promise((resolve) => {
    const onResponse = (response: IncomingMessage): void => readAll(response, resolve);
    ask(socketPath, path, onResponse, (message) => resolve({ ok: false, message }));
  });

/** Follows a page that never ends, line by line, until it does after all; gives why. */
export const stream = (socketPath: string, path: string, onLine: (line: string) => void): Promise<Answer> =>
  new Promise((resolve) => {
    const onResponse = (response: IncomingMessage): void => {
      if (response.statusCode !== 200) {
        readAll(response, resolve);
        return;
      }
      let pending = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        const lines = (pending + chunk).split("\n");
        pending = lines.pop() ?? "";
        for (const line of lines) if (line !== "") onLine(line);
      });
      response.on("error", (error) => resolve({ ok: false, message: `${socketPath}: ${error.message}` }));
      response.on("close", () => resolve({ ok: true, body: "" }));
    };
    ask(socketPath, path, onResponse, (message) => resolve({ ok: false, message }));
  });
