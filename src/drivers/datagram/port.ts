/** Datagrams between two boxes that are next to each other. */
import type { IpAddress } from "#base/address";

export type DatagramPath = {
  /** The interface that leads to the peer; nothing is taken from any other. */
  readonly interface: string;
  readonly address: IpAddress;
  /** Of the same family. Nothing is taken from anybody else, nor from a hop further away. */
  readonly peer: IpAddress;
  /** UDP, 1..65535, on both sides. */
  readonly port: number;
};

export type DatagramSocket = {
  /** Sends one, or loses it: nobody is told. */
  send(bytes: Uint8Array): void;
  close(): void;
};

export type DatagramPort = {
  /**
   * Opens a path; gives why it cannot, in half a sentence. `onDatagram` gets bytes that are good until it returns; those
   * of more than 2,048 bytes are cut.
   */
  open(path: DatagramPath, onDatagram: (bytes: Uint8Array) => void): DatagramSocket | string;
};
