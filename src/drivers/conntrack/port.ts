/** Reads and thins out the connection tracking table of the caller's network namespace. */
import type { TableUsage } from "#core/conntrack/request";
import type { FlowSection } from "#core/conntrack/selector";

/** The kernel refused, or said something that we cannot read. */
export type ConntrackError = {
  /** Symbolic errno, or `malformed`, or `lost` when the end of an answer is missing. */
  readonly code: string;
  readonly request: string;
};

export type ConntrackResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: ConntrackError };

/** Open flows, and what it cost to count them. */
export type FlowCounts = {
  /** For each section one number for each target, in their order. A TCP flow counts until one side has closed. */
  readonly open: readonly (readonly number[])[];
  /** Processor time that reading took here, in microseconds. */
  readonly costMicros: number;
};

/** Calls run one after the other, whatever the caller does. */
export type ConntrackPort = {
  /**
   * Counts the open flows of virtual servers by who answers them. The table is read once for each family and protocol,
   * however many servers there are.
   */
  count(sections: readonly FlowSection[]): Promise<ConntrackResult<FlowCounts>>;
  /**
   * Ends the flows of virtual servers that one of the targets answers: their next packet is a new flow to the kernel.
   * Gives how many there were, for each section. Flows that open meanwhile may be missed.
   */
  end(sections: readonly FlowSection[]): Promise<ConntrackResult<readonly number[]>>;
  /** How full the table is. */
  usage(): ConntrackResult<TableUsage>;
  /** Gives the sockets back; what runs ends with the error `closed`. */
  close(): void;
};
