/** As much of GoBGP's API (gRPC) as giving it routes and taking them back needs, in a stream that stays open as a program's would. */
import { connect as connectHttp } from "node:http2";
import { connect } from "node:net";

const varint = (value: number): readonly number[] =>
  value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];

/** A field of a message of Protocol Buffers whose value is a number. */
const number = (field: number, value: number): Buffer =>
  Buffer.from([...varint(field << 3), ...varint(value)]);

/** One whose value is bytes: a text or another message. */
const bytes = (field: number, ...values: readonly (Buffer | string)[]): Buffer => {
  const value = Buffer.concat(values.map((each) => (typeof each === "string" ? Buffer.from(each) : each)));
  return Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(value.length)]), value]);
};

/** A message whose type is said with it. */
const any = (field: number, type: string, ...fields: readonly Buffer[]): Buffer =>
  bytes(field, bytes(1, `type.googleapis.com/apipb.${type}`), bytes(2, ...fields));

const IPV4_UNICAST = [number(1, 1), number(2, 1)];

const ATTRIBUTES = [
  any(2, "OriginAttribute", number(1, 0)),
  // GoBGP says its own address where it is not told another.
  any(2, "NextHopAttribute", bytes(1, "0.0.0.0")),
];

/** A /32 by its address. */
const path = (address: string, what: "announce" | "withdraw"): Buffer =>
  bytes(
    3,
    any(1, "IPAddressPrefix", number(1, 32), bytes(2, address)),
    ...ATTRIBUTES,
    number(5, what === "withdraw" ? 1 : 0),
    bytes(9, ...IPV4_UNICAST),
  );

/** A message of the stream, as it goes over the wire: /32s by their addresses. */
export const pathsMessage = (addresses: readonly string[], what: "announce" | "withdraw"): Buffer => {
  const message = Buffer.concat(addresses.map((each) => path(each, what)));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

export type PathStream = { readonly write: (message: Buffer) => void; readonly close: () => void };

/** Whether anybody listens there. */
export const isServing = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });

/** Opens a stream for paths over GoBGP's Unix socket. */
export const openPathStream = (socketPath: string): PathStream => {
  const session = connectHttp("http://gobgp", { createConnection: () => connect(socketPath) });
  // Its end is the process's.
  session.on("error", () => {});
  const stream = session.request({
    ...{ ":method": "POST", ":path": "/apipb.GobgpApi/AddPathStream" },
    ...{ "content-type": "application/grpc", te: "trailers" },
  });
  stream.on("error", () => {});
  stream.on("trailers", (trailers) => {
    if (trailers["grpc-status"] !== "0") console.error(`GoBGP: ${String(trailers["grpc-message"])}`);
  });
  stream.resume();
  return { write: (message) => void stream.write(message), close: () => session.destroy() };
};
