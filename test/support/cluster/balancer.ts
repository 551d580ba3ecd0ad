/** A TCP load balancer in front of servers, as one stands in front of a cluster's frontends. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Balancer {
  readonly address: string;
  /** Delivers nothing in either direction and closes nothing, until the returned function is called. */
  stall(): () => void;
  close(): Promise<void>;
}

/** `ports`: of loopback. Each connection goes to the next one that accepts it. */
export async function startBalancer(ports: readonly number[]): Promise<Balancer> {
  const sockets = new Set<Socket>();
  let next = 0;
  let stalled = false;
  const track = (socket: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    if (stalled) socket.pause();
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  };

  const server = createServer((incoming) => {
    track(incoming);
    void forward(incoming);
  });
  const forward = async (incoming: Socket): Promise<void> => {
    for (let tried = 0; tried < ports.length; tried++) {
      const outgoing = await connected(ports[next++ % ports.length]!);
      if (outgoing === null) continue;
      if (incoming.destroyed) return void outgoing.destroy();
      track(outgoing);
      join(incoming, outgoing);
      join(outgoing, incoming);
      return;
    }
    incoming.destroy();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stall() {
      stalled = true;
      for (const socket of sockets) socket.pause();
      return () => {
        stalled = false;
        for (const socket of sockets) socket.resume();
      };
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Not `pipe`, which reads on by itself when a paused stream's destination has drained. */
function join(from: Socket, to: Socket): void {
  from.on('data', (bytes) => void to.write(bytes));
  from.once('end', () => to.end());
  from.once('close', () => to.destroy());
}

function connected(port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(null));
  });
}
