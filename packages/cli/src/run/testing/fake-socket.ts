/** The server's side of a WebSocket, as little of it as a test needs: text frames up to 64 KiB. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

export interface FakeSocket {
  send(value: unknown): void;
  /** Breaks the connection without a word. */
  destroy(): void;
}

/** Answers an upgrade and hands over each text that comes. */
export function acceptSocket(
  request: IncomingMessage,
  socket: Duplex,
  onText: (text: string, socket: FakeSocket) => void,
): FakeSocket {
  const magic = `${request.headers["sec-websocket-key"] ?? ""}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash("sha1").update(magic).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  const made: FakeSocket = {
    send: (value) => socket.write(frame(0x81, Buffer.from(JSON.stringify(value)))),
    destroy: () => socket.destroy(),
  };
  let rest = Buffer.alloc(0);
  socket.on("error", () => {});
  // An upgraded connection may stay half open, and would keep its server from closing.
  socket.on("end", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let read = readFrame(rest); read; read = readFrame(rest)) {
      rest = rest.subarray(read.length);
      if (read.opcode === 1) onText(read.payload.toString(), made);
      else if (read.opcode === 9) socket.write(frame(0x8a, read.payload));
      else if (read.opcode === 8) socket.end(frame(0x88, read.payload));
    }
  });
  return made;
}

function frame(head: number, payload: Buffer): Buffer {
  if (payload.length < 126) return Buffer.concat([Buffer.from([head, payload.length]), payload]);
  const length = Buffer.alloc(4);
  length.writeUInt8(head, 0);
  length.writeUInt8(126, 1);
  length.writeUInt16BE(payload.length, 2);
  return Buffer.concat([length, payload]);
}

function readFrame(bytes: Buffer): { opcode: number; payload: Buffer; length: number } | undefined {
  if (bytes.length < 6) return undefined;
  const opcode = bytes.readUInt8(0) & 0x0f;
  let size = bytes.readUInt8(1) & 0x7f;
  let at = 2;
  if (size === 126) {
    if (bytes.length < 8) return undefined;
    size = bytes.readUInt16BE(2);
    at = 4;
  }
  const mask = bytes.subarray(at, at + 4);
  const begin = at + 4;
  if (bytes.length < begin + size) return undefined;
  const payload = Buffer.from(
    bytes.subarray(begin, begin + size).map((byte, index) => byte ^ (mask[index % 4] ?? 0)),
  );
  return { opcode, payload, length: begin + size };
}
