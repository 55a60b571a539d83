/** What the speaker of this machine says of itself on its admin socket. */
import { request } from "node:http";

/** For the whole answer, in milliseconds. */
const PATIENCE = 3_000;
/** A status of ten thousand addresses has a few megabytes. */
const MOST_BYTES = 32 * 1_024 * 1_024;

export type SpeakerAnswer =
  | { readonly type: "answer"; readonly value: unknown }
  /** No speaker runs here. */
  | { readonly type: "absent" }
  | { readonly type: "silent"; readonly problem: string };

const answerOf = (body: string): SpeakerAnswer => {
  try {
    return { type: "answer", value: JSON.parse(body) };
  } catch {
    return { type: "silent", problem: "what answers there is no JSON" };
  }
};

const failureOf = ({ code, message }: NodeJS.ErrnoException): SpeakerAnswer =>
  code === "ENOENT" || code === "ECONNREFUSED"
    ? { type: "absent" }
    : { type: "silent", problem: code === "EACCES" ? "not allowed to open it: run as root" : message };

/** Asks for the status. Ends in bounded time with a bounded answer, whoever listens there. */
export const askSpeakerStatus = (socketPath: string, patience = PATIENCE): Promise<SpeakerAnswer> =>
  new Promise((resolve) => {
    const asked = request({ socketPath, path: "/v1/status" }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > MOST_BYTES) asked.destroy(new Error("the answer is too long"));
      });
      response.on("error", (error) => resolve(failureOf(error)));
      response.on("end", () => {
        const body = Buffer.concat(chunks).toString();
        resolve(
          response.statusCode === 200
            ? answerOf(body)
            : { type: "silent", problem: `it answers ${response.statusCode}` },
        );
      });
    });
    const timer = setTimeout(() => asked.destroy(new Error("no answer in time")), patience);
    asked.on("error", (error) => resolve(failureOf(error)));
    asked.on("close", () => clearTimeout(timer));
    asked.end();
  });
