/** Receives one JSON object per line from a socket. */
import type { Socket } from 'node:net';

const MAX_LINE = 64 * 1024;

/** Disconnects a peer that sends anything else. */
export function jsonLines(socket: Socket, onMessage: (message: object) => void): void {
  let pending = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    pending += text;
    const lines = pending.split('\n');
    pending = lines.pop() ?? '';
    if (pending.length > MAX_LINE) socket.destroy();
    for (const line of lines) {
      const message = parse(line);
      if (message === null) socket.destroy();
      if (socket.destroyed) return;
      onMessage(message!);
    }
  });
}

function parse(line: string): object | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}
