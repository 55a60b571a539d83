/** `steelyard events`: every transition with its cause, oldest first. */
import { styleText } from "node:util";
import type { EventRecord } from "#api/events";
import { get, stream } from "#drivers/http/client";
import { printable } from "./table.ts";

export type EventsOptions = {
  readonly admin: string;
  readonly json: boolean;
  readonly follow: boolean;
};

const COLOURS = { info: "gray", notice: "white", warning: "yellow", error: "red" } as const;

/** `2026-01-02T03:04:05.678Z router front: backup -> active (active-down-timer)`. */
export const eventLine = (record: EventRecord): string => {
  const when = new Date(record.at).toISOString();
  const text = styleText(COLOURS[record.severity], printable(`${record.subject}: ${record.text}`), {
    stream: process.stdout,
  });
  return `${when} ${text}`;
};

/** Prints the events that are still known, and with `follow` those to come; gives the exit status. */
export const events = async (options: EventsOptions): Promise<number> => {
  const print = (line: string): void => {
    if (options.json) process.stdout.write(`${line}\n`);
    else {
      const record: EventRecord = JSON.parse(line);
      process.stdout.write(`${eventLine(record)}\n`);
    }
  };
  if (options.follow) {
    const answer = await stream(options.admin, "/v1/events?follow=1", print);
    if (!answer.ok) process.stderr.write(`${answer.message}\n`);
    return answer.ok ? 0 : 1;
  }
  const answer = await get(options.admin, "/v1/events");
  if (!answer.ok) {
    process.stderr.write(`${answer.message}\n`);
    return 1;
  }
  for (const line of answer.body.split("\n")) if (line !== "") print(line);
  return 0;
};
