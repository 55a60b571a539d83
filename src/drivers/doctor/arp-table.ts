/** The kernel's table of IPv4 neighbours, as /proc has it. */
import { readFileSync } from "node:fs";
import { type IpAddress, parseAddress } from "#base/address";
import { type MacAddress, parseMac } from "#base/mac";

type ArpEntry = { readonly address: IpAddress; readonly mac: MacAddress; readonly link: string };

/** It is complete: somebody has answered. */
const COMPLETE = 0x2;

/** Neighbours of this network namespace that have answered; empty where it cannot be read. `proc` is /proc but in tests. */
export const readArpTable = (proc = "/proc"): readonly ArpEntry[] => {
  let text: string;
  try {
    text = readFileSync(`${proc}/net/arp`, "latin1");
  } catch {
    return [];
  }
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [ip = "", , flags = "0", hardware = "", , link] = line.trim().split(/\s+/);
      const [address, mac] = [parseAddress(ip), parseMac(hardware)];
      const isComplete = (Number(flags) & COMPLETE) !== 0;
      return address === undefined || mac === undefined || link === undefined || !isComplete
        ? []
        : [{ address, mac, link }];
    });
};
