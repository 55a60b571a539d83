/** The agent's end of the socket to the wire. */
import type { Channel } from "#drivers/ipc/channel";
import type { AgentToWire } from "../messages.ts";

export type ToWire = Pick<Channel<AgentToWire>, "send" | "writable">;
