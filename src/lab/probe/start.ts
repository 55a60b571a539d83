/** Starting probes and backends in hosts of a lab, and getting their records. */
import type { IpAddress } from "#base/address";
import { LabError } from "../connection.ts";
import type { LabHostHandle, LabProcess } from "../host.ts";
import { type ProgramName, programCommand } from "../programs.ts";
import type { DownloadsRecord, HttpRecord, UdpRecord } from "./records.ts";

/** How long a program may take to be ready, in milliseconds: where everything is emulated it takes its time. */
const READY_LIMIT_MS = 180_000;

/** A probe under way. */
export type Probe<Record> = {
  readonly process: LabProcess;
  /** Ends the probe, or waits for its end if it has one of its own, and gives what it saw. */
  readonly finish: () => Promise<Record>;
};

const startProbe = async <Record>(
  host: LabHostHandle,
  program: ProgramName,
  options: Readonly<{ [option: string]: string | number | boolean | undefined }>,
  endsByItself = false,
): Promise<Probe<Record>> => {
  const flags = Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    return value === true ? [`--${name}`] : [`--${name}`, String(value)];
  });
  const process = await host.spawn(programCommand(program, ...flags));
  await process.said(/^ready$/m, READY_LIMIT_MS);
  return {
    process,
    finish: async () => {
      if (!endsByItself) await process.endInput();
      const { code } = await process.exited;
      const line = process.stdout().trimEnd().split("\n").at(-1) ?? "";
      if (code !== 0)
        throw new LabError(`${program} in ${host.name} ended with ${code}: ${process.stderr()}`);
      // The probes are ours, so the shape of their last line is known.
      return JSON.parse(line);
    },
  };
};

/** `http://ADDRESS:PORT`, with brackets where IPv6 needs them. */
export const urlOf = (address: IpAddress, port: number): string =>
  `http://${address.includes(":") ? `[${address}]` : address}:${port}`;

/** How many clients ask for what, and how often (requests a second and client). */
export type HttpLoadOptions = {
  readonly url: string;
  readonly clients?: number;
  readonly rate?: number;
  readonly timeout?: number;
  readonly "keep-alive"?: boolean;
};

/** Starts concurrent HTTP clients. */
export const startHttpLoad = (host: LabHostHandle, options: HttpLoadOptions): Promise<Probe<HttpRecord>> =>
  startProbe(host, "http-load", options);

/** Where datagrams go, and the milliseconds between them. */
export type UdpProbeOptions = {
  readonly address: IpAddress;
  readonly port: number;
  readonly interval?: number;
  readonly flows?: number;
};

/** Starts a stream of datagrams. */
export const startUdpProbe = (host: LabHostHandle, options: UdpProbeOptions): Promise<Probe<UdpRecord>> =>
  startProbe(host, "udp-probe", options);

/** How many downloads, of how many bytes each, over how many seconds. */
export type DownloadOptions = {
  readonly url: string;
  readonly streams?: number;
  readonly duration?: number;
  readonly bytes?: number;
  readonly every?: number;
  readonly stall?: number;
};

/** Starts long downloads; resolves when each of them has begun to arrive. They end by themselves. */
export const startDownloads = (
  host: LabHostHandle,
  options: DownloadOptions,
): Promise<Probe<DownloadsRecord>> => startProbe(host, "downloads", options, true);

/** Starts the backends (HTTP on 80 and 8080, UDP on 9000) in a host; resolves when they serve. */
export const startServers = async (host: LabHostHandle): Promise<LabProcess> => {
  const process = await host.spawn(programCommand("servers", host.name));
  await process.said(/^ready$/m, READY_LIMIT_MS);
  return process;
};
